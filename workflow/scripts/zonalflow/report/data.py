"""What the report's page draws, as plain data: every zone's years and trend, and small outlines."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas
import shapely

from zonalflow.common.columns import INSIDE
from zonalflow.common.dates import format_years, span
from zonalflow.common.errors import ZonalflowError
from zonalflow.report import outlines, trends
from zonalflow.report.colours import limits
from zonalflow.report.quantities import headline, main_stat, quantity_of, stat_label, stat_unit

_WIDTH = 4000  # of the outlines' grid; a coordinate is a whole number
_MOST_VERTICES = 120_000  # about 0.8 MB of outlines


@dataclass(frozen=True)
class Series:
    """One variable's years: ``table``, ``count`` (of cells) and ``valid`` (share of them with data).

    All are [n_years, n_zones]. ``count`` is the largest of a year's dates, ``valid`` the smallest.
    """

    variable: str
    stat: str
    table: np.ndarray
    count: np.ndarray
    valid: np.ndarray


def read_series(tidy_table: Path, ids: np.ndarray, config: dict[str, Any]) -> list[Series]:
    """Read the tidy table and reduce it to one value for each year, zones in the order of ``ids``.

    Args:
        tidy_table: the Parquet file.
        ids: the zones' ids, as texts.
        config: the resolved configuration, which names variables, years, statistics and units.

    Raises:
        ZonalflowError: the table lacks a zone or a year.
    """
    id_column, stat = config["zones"]["id"], main_stat(config["stats"])
    series = []
    for variable in config["raster"]["variables"]:
        quantity = quantity_of(variable, config["raster"]["units"])
        table, counts, valids = [], [], []
        for year in config["years"]:
            values, count, valid = _read_year(tidy_table, variable, year, id_column, ids, stat)
            table.append(trends.annual(values, quantity, stat))
            counts.append(count.max(axis=0))
            valids.append(valid.min(axis=0))
        series.append(Series(variable, stat, np.stack(table), np.stack(counts), np.stack(valids)))
    return series


def _read_year(
    tidy_table: Path, variable: str, year: int, id_column: str, ids: np.ndarray, stat: str
) -> tuple[np.ndarray, ...]:
    """Return the statistic, ``count`` and ``valid_fraction`` of a year's dates, each [n_dates, n_zones].

    Only a year is read: of a daily study the whole table would not fit into memory.
    """
    names = (stat, "count", "valid_fraction")
    # dates sort as texts
    of_year = [("variable", "==", variable), ("date", ">=", f"{year:04}"), ("date", "<", f"{year + 1:04}")]
    part = pandas.read_parquet(tidy_table, columns=list(dict.fromkeys([id_column, "date", *names])), filters=of_year)
    n_dates = part["date"].nunique()
    order = pandas.Index(ids).get_indexer(part[id_column])
    if not n_dates or len(part) != n_dates * len(ids) or (order < 0).any():
        zones = "the 1 zone" if len(ids) == 1 else f"each of the {len(ids)} zones"
        raise ZonalflowError(
            f"{tidy_table} does not hold {variable} {year} for {zones}; run the workflow again: it makes the table "
            "and the zones match."
        )
    rows = np.lexsort((order, part["date"]))
    return tuple(part[name].to_numpy(float)[rows].reshape(n_dates, -1) for name in names)


def page_data(
    config: dict[str, Any],
    zones: geopandas.GeoDataFrame,
    labels: list[str],
    region: str,
    series: list[Series],
    *,
    synthetic: bool,
) -> dict[str, Any]:
    """Return what the page's script draws, ready for JSON.

    Args:
        config: the resolved configuration.
        zones: the prepared zones.
        labels: what each zone is called.
        region: where the zones are, or an empty text.
        series: the variables' years.
        synthetic: whether the rasters were generated; every map then has that in its legend.
    """
    return {
        "run": config["run"],
        "region": region,
        "years": config["years"],
        "span": span(config["years"]),
        "synthetic": synthetic,
        "zones": {
            "id": zones[config["zones"]["id"]].astype(str).tolist(),
            "label": labels,
            "inside": _rounded(zones[INSIDE].to_numpy(float), 4),
            **outline_data(zones),
        },
        "variables": [
            variable_data(one, config["years"], config["baseline"], config["raster"]["units"]) for one in series
        ],
    }


def variable_data(
    series: Series, years: list[int], baseline: list[int] | None, units: dict[str, str]
) -> dict[str, Any]:
    """Return one variable as the page draws it: labels, colours, scales, rounded values, means and trends.

    Slopes are per decade. ``baseline`` holds the years of the mean that differences are taken from, None for all.
    """
    quantity = quantity_of(series.variable, units)
    base = trends.baseline_years(baseline, years)
    table = series.table
    low, high = limits(table)
    digits = _digits(high - low)
    base_mean = _mean(table[[years.index(year) for year in base]])
    slope = trends.theil_sen(years, table) * 10
    p = trends.mann_kendall(table)
    return {
        "name": series.variable,
        "label": headline(quantity, series.stat),
        "stat": stat_label(series.stat),
        "unit": stat_unit(series.stat, quantity),
        "relative": quantity.adds_up,
        "digits": digits,
        "range": [low, high],
        "anomalyRange": _symmetric(table - base_mean),
        "trendRange": _symmetric(slope),
        "colours": quantity.palette.values,
        "diverging": quantity.palette.differences,
        "baseline": format_years(base),
        "values": [_rounded(row, digits + 1) for row in table],
        "mean": _rounded(_mean(table), digits + 1),
        "baseMean": _rounded(base_mean, digits + 1),
        "slope": _rounded(slope, digits + 2),
        "p": _rounded(p, 4),
        "q": _rounded(trends.false_discovery_rate(p), 4),
        "count": _rounded(series.count[-1], 2),
        "valid": _rounded(np.min(series.valid, axis=0), 4),
    }


def _mean(table: np.ndarray) -> np.ndarray:
    """Return the mean of the years that each zone has; NaN for a zone without any."""
    has = np.isfinite(table)
    count = has.sum(axis=0)
    return np.where(count > 0, np.where(has, table, 0).sum(axis=0) / np.maximum(count, 1), np.nan)


def _symmetric(values: np.ndarray) -> list[float]:
    """Return a scale around zero that holds the central 99 % of the values."""
    low, high = limits(values)
    reach = max(abs(low), abs(high))
    return [-reach, reach]


def _digits(width: float) -> int:
    """Return how many decimals tell about a hundred steps of a scale of this width apart."""
    return int(np.clip(2 - np.floor(np.log10(width)), 0, 6)) if width > 0 else 2


def _rounded(values: np.ndarray, digits: int) -> list[float | int | None]:
    """Round for JSON: None for what is missing, and no ``.0``."""
    rounded = np.round(np.asarray(values, dtype=float), digits)
    return [None if not np.isfinite(v) else int(v) if v == int(v) else float(v) for v in rounded]


def outline_data(zones: geopandas.GeoDataFrame) -> dict[str, Any]:
    """Return the zones as SVG paths on a grid of whole numbers, with a point (``x``, ``y``) inside each zone.

    The outlines lose detail, common borders together, until they have 120,000 vertices at most, or six for each zone
    where there are very many zones.
    """
    shapes = outlines.to_plane(zones)
    west, south, east, north = outlines.extent(shapes)
    scale = _WIDTH / max(east - west, (north - south) / 1.6, 1e-12)
    tolerance = 1.0 / scale
    simple = outlines.simplified(shapes, tolerance)
    most = max(_MOST_VERTICES, 6 * len(shapes))  # a polygon has four vertices at least
    while shapely.get_num_coordinates(simple).sum() > most and tolerance < (east - west) / 20:
        tolerance *= 1.5
        simple = outlines.simplified(shapes, tolerance)
    flipped = shapely.transform(simple, lambda xy: np.column_stack([(xy[:, 0] - west), (north - xy[:, 1])]) * scale)
    points = shapely.point_on_surface(simple)
    return {
        "width": round((east - west) * scale),
        "height": round((north - south) * scale),
        "path": [_svg_path(shape) for shape in flipped],
        "x": _rounded((shapely.get_x(points) - west) * scale, 0),
        "y": _rounded((north - shapely.get_y(points)) * scale, 0),
    }


def _svg_path(shape: shapely.Geometry) -> str:
    """Write a polygon as relative moves between whole points; a ring that vanishes becomes a tiny triangle."""
    parts = []
    for ring in shapely.get_rings(shapely.get_parts(shape)):
        xy = np.round(shapely.get_coordinates(ring)[:-1]).astype(int)
        steps = np.diff(xy, axis=0)
        steps = steps[(steps != 0).any(axis=1)]
        if len(steps) < 2:
            steps = np.array([[1, 0], [0, 1]])
        moves = " ".join(f"{dx},{dy}" for dx, dy in steps)
        parts.append(f"M{xy[0, 0]},{xy[0, 1]}l{moves}z")
    return "".join(parts)
