"""What the report draws, as plain data: every zone's years and trend, and small outlines."""

from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np
import pandas
import shapely

from zonalflow.common.dates import format_years
from zonalflow.common.errors import ZonalflowError
from zonalflow.report import outlines, palettes, trends
from zonalflow.report.maps import limits
from zonalflow.report.quantities import NO_UNIT, headline, main_stat, quantity, stat_label, stat_unit

WIDTH = 4000  # of the outlines' grid; a coordinate is a whole number
MOST_VERTICES = 120_000  # about 0.8 MB of outlines
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Series:
    """One variable: ``table`` [n_years, n_zones] and, alike, counts of cells and shares of them with data."""

    variable: str
    stat: str
    table: np.ndarray
    count: np.ndarray
    valid: np.ndarray


def read_series(tidy_table: Path, ids: np.ndarray, config: dict) -> list[Series]:
    """Read the tidy table and reduce it to one value a year, zones in the order of ``ids``.

    ``count`` is the largest of a year's dates and ``valid`` the smallest. Raises ZonalflowError
    when the table lacks a zone or a year.
    """
    id_column, stat = config["zones"]["id"], main_stat(config["stats"]) or "count"
    columns = list(dict.fromkeys([id_column, "date", stat, "count", "valid_fraction"]))
    position = pandas.Index(ids)
    series = []
    for variable in config["raster"]["variables"]:
        of = quantity(variable, config["raster"].get("units"))
        years = []
        for wanted in config["years"]:
            # A year at a time: of a daily study the whole table would not fit. Dates sort as text.
            of_year = [
                ("variable", "==", variable),
                ("date", ">=", f"{wanted:04}"),
                ("date", "<", f"{wanted + 1:04}"),
            ]
            part = pandas.read_parquet(tidy_table, columns=columns, filters=of_year)
            dates = part["date"].nunique()
            order = position.get_indexer(part[id_column])
            if not dates or len(part) != dates * len(ids) or (order < 0).any():
                raise ZonalflowError(
                    f"{tidy_table} does not hold {variable} {wanted} for each of the {len(ids)} zones; run "
                    "the workflow again: it brings tables and zones back in step."
                )
            where = np.lexsort((order, part["date"]))
            years.append(
                [part[name].to_numpy(float)[where].reshape(dates, -1) for name in (stat, "count", "valid_fraction")]
            )
        series.append(
            Series(
                variable,
                stat,
                np.stack([trends.annual(values, of, stat) for values, _, _ in years]),
                np.stack([count.max(axis=0) for _, count, _ in years]),
                np.stack([valid.min(axis=0) for _, _, valid in years]),
            )
        )
    return series


def variable_data(series: Series, years: list[int], baseline: list[int] | None, units: dict) -> dict:
    """Return one variable as the page needs it: rounded values, means, trends, scales and words."""
    of = quantity(series.variable, units)
    base = trends.baseline_years(baseline, years)
    table = series.table
    low, high = limits(table)
    digits = _digits(high - low)
    base_mean = _mean(table[[years.index(year) for year in base]])
    slope = trends.theil_sen(years, table) * 10
    p = trends.mann_kendall(table)
    unit = stat_unit(series.stat, of)
    return {
        "name": series.variable,
        "label": headline(of, series.stat),
        "stat": stat_label(series.stat),
        "unit": "" if unit == NO_UNIT else unit,
        "relative": bool(of.adds_up),
        "digits": digits,
        "range": [low, high],
        "anomalyRange": _symmetric(table - base_mean),
        "trendRange": _symmetric(slope),
        "colours": palettes.sequential(of.palette),
        "diverging": palettes.diverging(of.palette),
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


def _digits(span: float) -> int:
    """Return how many decimals tell about a hundred steps of a scale apart."""
    return int(np.clip(2 - np.floor(np.log10(span)), 0, 6)) if span > 0 else 2


def _rounded(values: np.ndarray, digits: int) -> list[float | int | None]:
    """Round for JSON: None for what is missing, and no ``.0``."""
    rounded = np.round(np.asarray(values, dtype=float), digits)
    return [None if not np.isfinite(v) else int(v) if v == int(v) else float(v) for v in rounded]


def outline_data(zones: geopandas.GeoDataFrame) -> dict:
    """Return the zones as SVG paths on a grid of whole numbers, with a point inside each zone.

    The outlines lose detail, common borders together, until all of them have at most :data:`MOST_VERTICES`,
    or six a zone where there are very many.
    """
    shapes = outlines.to_plane(zones)
    west, south, east, north = outlines.extent(shapes)
    scale = WIDTH / max(east - west, (north - south) / 1.6, 1e-12)
    tolerance = 1.0 / scale
    simple = outlines.simplified(shapes, tolerance)
    most = max(MOST_VERTICES, 6 * len(shapes))  # a polygon has four vertices at least
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


def _svg_path(shape) -> str:
    """Write a polygon as relative moves between whole points; a ring that vanishes becomes a speck."""
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
