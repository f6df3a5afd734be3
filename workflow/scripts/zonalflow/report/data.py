"""What the report's page draws, as plain data: every zone's values and trends, and small outlines."""

import base64
from typing import Any

import geopandas
import numpy as np

from zonalflow.common.columns import INSIDE, SHARE, column_of_ids
from zonalflow.common.dates import months_text, span
from zonalflow.report import trends
from zonalflow.report.colours import PALETTES, class_colours, limits
from zonalflow.report.layers import YEAR, Layer, Series
from zonalflow.report.outlines import outline_data
from zonalflow.report.quantities import Quantity, conversion, headline, noun, quantity_of, stat_label, stat_unit

_HOW = {"min": "min", "max": "max", "sum": "sum", "count": "sum", "nodata": "sum"}  # from zones to their region


def page_data(
    config: dict[str, Any],
    zones: geopandas.GeoDataFrame,
    labels: list[str],
    region: str,
    series: list[Series],
    *,
    synthetic: bool,
    states: list[str | None] | None = None,
    colours: dict[str, dict[str, str]] | None = None,
) -> dict[str, Any]:
    """Return what the page's script draws, ready for JSON.

    Args:
        config: the resolved configuration.
        zones: the prepared zones.
        labels: what each zone is called.
        region: where the zones are, or an empty text.
        series: the variables.
        synthetic: whether the rasters were generated; every map then has that in its legend.
        states: the state of each zone, for their borders.
        colours: variable to class to the colour that its file gives it (``#rrggbb``).
    """
    key = column_of_ids(config["zones"]["id"])
    return {
        "run": config["run"],
        "region": region,
        "years": config["years"],
        "span": span(config["years"]),
        "grain": "single" if config["raster"]["grain"] == "native" else config["raster"]["grain"],
        "baseline": trends.baseline_years(config["baseline"], config["years"]),
        "synthetic": synthetic,
        "palettes": {name: {"values": one.values, "differences": one.differences} for name, one in PALETTES.items()},
        "zones": {
            "id": zones[key].astype(str).tolist(),
            "idName": key,
            "label": labels,
            "inside": rounded(zones[INSIDE].to_numpy(float), 4),
            **outline_data(zones, states),
        },
        "variables": [variable_data(one, config, (colours or {}).get(one.variable, {})) for one in series],
    }


def variable_data(series: Series, config: dict[str, Any], colours: dict[str, str]) -> dict[str, Any]:
    """Return one variable: its names, its classes with their colours, the cells of each zone, and its layers."""
    quantity = quantity_of(series.variable, config["raster"]["units"])
    classes = class_colours(series.classes, colours)
    return {
        "name": series.variable,
        "label": quantity.label,
        "relative": quantity.adds_up,
        "classes": [{"value": float(v), "name": series.classes[v], "colour": classes[v]} for v in series.classes],
        "dates": series.dates if any(layer.by_date is not None for layer in series.layers) else [],
        "weights": packed(_mean(series.count), 2),
        "count": rounded(series.count[-1], 2),
        "valid": rounded(np.min(series.valid, axis=0), 4),
        "leftOut": series.left_out,
        "layers": [layer_data(layer, quantity, series, config) for layer in series.layers],
    }


def layer_data(layer: Layer, quantity: Quantity, series: Series, config: dict[str, Any]) -> dict[str, Any]:
    """Return one layer: its names and unit, and for each period the packed values and trends.

    Slopes are per decade, with the ends of their 95 % confidence interval. Shares are in percent.
    """
    factor = 100.0 if layer.kind == "share" else 1.0
    low, high = limits(layer.periods[YEAR] * factor)
    digits = 0 if layer.kind == "class" else _digits(high - low)
    periods = {}
    for period, table in layer.periods.items():
        periods[period] = {"values": packed(table * factor, digits + 1)}
        if layer.kind != "class":
            periods[period] |= trend_data(config["years"], table * factor, digits)
    return {
        "stat": layer.stat,
        "kind": layer.kind,
        **_names(layer, quantity, series, config["raster"].get("months")),
        "how": _HOW.get(layer.stat, "mean"),
        "exact": layer.stat in _HOW or layer.stat == "mean" or layer.kind == "share",
        "digits": digits,
        "range": [low, high],
        "palette": next(name for name, palette in PALETTES.items() if palette == quantity.palette),
        "periods": periods,
        "byDate": None if layer.by_date is None else packed(layer.by_date * factor, digits + 1),
    }


def _names(layer: Layer, quantity: Quantity, series: Series, months: list[int] | None) -> dict[str, Any]:
    """Return what a layer is called: with ``annual`` before it or not, its statistic, its unit in both systems."""
    if layer.kind == "share":
        name = series.classes[layer.stat[len(SHARE) :]]
        text = f"share of {name}" if name != layer.stat[len(SHARE) :] else f"share of class {name}"
        return {"label": text, "annual": text, "statLabel": text, "unit": "%", "conversion": None}
    if layer.kind == "class":
        which = "most" if layer.stat == "majority" else "least"
        text = f"{which} frequent class of {quantity.label}"
        return {"label": text, "annual": text, "statLabel": f"{which} frequent class", "unit": "", "conversion": None}
    label = noun(quantity, layer.stat)
    of_months = f"{label} of {months_text(months)}" if months else ""
    return {
        "label": label,
        "annual": of_months or headline(quantity, layer.stat),  # a year of some months is not annual
        "statLabel": stat_label(layer.stat),
        "unit": stat_unit(layer.stat, quantity),
        "conversion": conversion(layer.stat, quantity),
    }


def trend_data(years: list[int], table: np.ndarray, digits: int) -> dict[str, Any]:
    """Return slope per decade, the ends of its interval, p-value and q-value of each zone; empty for too few years."""
    p = trends.mann_kendall(table)
    if not np.isfinite(p).any():
        return {}
    low, high = trends.slope_interval(years, table)
    return {
        "slope": packed(trends.theil_sen(years, table) * 10, digits + 2),
        "low": packed(low * 10, digits + 2),
        "high": packed(high * 10, digits + 2),
        "p": packed(p, 4),
        "q": packed(trends.false_discovery_rate(p), 4),
    }


def packed(values: np.ndarray, digits: int) -> dict[str, Any]:
    """Return values for the page's ``unpack``: base64 of little-endian numbers, a row after the other.

    They are rounded to ``digits`` decimals and stored in 16 bits, as the distance in steps from ``first``, where they
    fit; else as float32. Missing ones are the greatest integer, or NaN.
    """
    table = np.asarray(values, dtype=float)
    steps = np.round(table * 10.0**digits)
    finite = steps[np.isfinite(steps)]
    first = float(finite.min()) if finite.size else 0.0
    if finite.size and finite.max() - first > 65_534:
        return {"type": "f4", "data": base64.b64encode(table.astype("<f4").tobytes()).decode()}
    whole = np.where(np.isfinite(steps), steps - first, 65_535).astype("<u2")
    return {"type": "u2", "digits": digits, "first": first, "data": base64.b64encode(whole.tobytes()).decode()}


def _mean(table: np.ndarray) -> np.ndarray:
    """Return the mean of the years that each zone has; NaN for a zone without any."""
    has = np.isfinite(table)
    count = has.sum(axis=0)
    return np.where(count > 0, np.where(has, table, 0).sum(axis=0) / np.maximum(count, 1), np.nan)


def _digits(width: float) -> int:
    """Return how many decimals tell about a hundred steps of a scale of this width apart."""
    return int(np.clip(2 - np.floor(np.log10(width)), 0, 6)) if width > 0 else 2


def rounded(values: np.ndarray, digits: int) -> list[float | int | None]:
    """Round for JSON: None for what is missing, and no ``.0``."""
    numbers = np.round(np.asarray(values, dtype=float), digits)
    return [None if not np.isfinite(v) else int(v) if v == int(v) else float(v) for v in numbers]
