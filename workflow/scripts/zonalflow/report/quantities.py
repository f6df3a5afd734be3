"""The names and units of variables and statistics, for titles, colour bars and tables."""

from dataclasses import dataclass, replace
from typing import Any

from zonalflow.common.columns import CLASS, COUNTS, SHARE
from zonalflow.report.colours import DRYNESS, HEAT, NEUTRAL, WATER, Palette


@dataclass(frozen=True)
class Quantity:
    """What is known of a variable.

    ``label`` stands in titles, ``unit`` on axes (empty when unknown). ``adds_up`` means that a year is the sum of its
    dates, as for precipitation, and not their mean.
    """

    variable: str
    label: str
    unit: str = ""
    adds_up: bool = False
    palette: Palette = NEUTRAL

    @property
    def annual_label(self) -> str:
        """What a year's value is called: a total, a mean, or just the name of an unknown variable."""
        if self.label.lower() == self.variable.lower():
            return self.label
        if self.adds_up or self.label.startswith("mean "):
            return f"annual {self.label}"
        return f"annual mean of the {self.label}"


_KNOWN = {
    quantity.variable: quantity
    for quantity in (
        Quantity("ppt", "precipitation", "mm", adds_up=True, palette=WATER),
        Quantity("prcp", "precipitation", "mm", adds_up=True, palette=WATER),
        Quantity("tmean", "mean temperature", "°C", palette=HEAT),
        Quantity("tmin", "minimum temperature", "°C", palette=HEAT),
        Quantity("tmax", "maximum temperature", "°C", palette=HEAT),
        Quantity("tdmean", "mean dew point", "°C", palette=HEAT),
        Quantity("vpdmin", "minimum vapour pressure deficit", "hPa", palette=DRYNESS),
        Quantity("vpdmax", "maximum vapour pressure deficit", "hPa", palette=DRYNESS),
    )
}

_ACRONYMS = ("ndvi", "evi", "evi2", "savi", "ndwi", "lai", "fpar", "fapar", "gpp", "npp", "pet", "spi", "spei", "pdsi")

MOST_FREQUENT = "most_frequent_class"  # what a map of a categorical raster shows

_STATISTICS = {
    "mean": "mean",
    "min": "minimum",
    "max": "maximum",
    "sum": "sum over cells",
    "std": "standard deviation",
    "variance": "variance",
    "cv": "coefficient of variation",
    "median": "median",
    "majority": "most frequent value",
    "minority": "least frequent value",
    "unique": "number of different values",
    MOST_FREQUENT: "most frequent class",
    "range": "range",
    "count": "number of cells",
    "nodata": "number of cells without data",
}


def quantity_of(variable: str, units: dict[str, str]) -> Quantity:
    """Return what is known of a variable; ``units`` (variable to unit, from the configuration) overrides its unit.

    An unknown variable is called by its name, in capitals if it is a common acronym, without a unit.
    """
    name = variable.upper() if variable in _ACRONYMS else variable
    known = _KNOWN.get(variable, Quantity(variable, name))
    return replace(known, unit=units.get(variable, known.unit))


def headline(quantity: Quantity, stat: str) -> str:
    """Return what a picture shows: ``annual precipitation`` for a mean, else ``maximum of precipitation``."""
    if stat == "mean":
        return quantity.annual_label
    return stat_label(stat) if stat in COUNTS else f"{stat_label(stat)} of {quantity.label}"


def stat_label(stat: str) -> str:
    """Return what a statistic is called: ``mean``, ``90th percentile``, ``cells of class 11``."""
    if stat.startswith(CLASS):
        return f"cells of class {stat.removeprefix(CLASS)}"
    if stat.startswith(SHARE):
        return f"share of class {stat.removeprefix(SHARE)}"
    if stat.startswith("percentile_"):
        number = stat.removeprefix("percentile_")
        return f"{number}{_ordinal(number)} percentile"
    return _STATISTICS.get(stat, stat)


def stat_unit(stat: str, quantity: Quantity) -> str:
    """Return the unit of a statistic of a quantity: cells for a count, an empty text for a share or an unknown unit."""
    if stat in COUNTS or stat.startswith(CLASS):
        return "cells"
    if stat == "variance" and quantity.unit not in ("", "1"):
        return f"{quantity.unit}²" if quantity.unit.strip("°").isalpha() else f"({quantity.unit})²"
    dimensionless = stat in ("unique", "cv", MOST_FREQUENT) or stat.startswith(SHARE) or quantity.unit == "1"
    return "" if dimensionless else quantity.unit


def noun(quantity: Quantity, stat: str) -> str:
    """Return what a value is called whatever its date: ``precipitation``, ``maximum of precipitation``."""
    return quantity.label if stat == "mean" else headline(quantity, stat)


_CONVERSIONS = {"mm": ("in", 1 / 25.4, 0.0), "°C": ("°F", 1.8, 32.0)}


def conversion(stat: str, quantity: Quantity) -> dict[str, Any] | None:
    """Return how a statistic is written in US customary units: ``unit``, ``factor`` and ``offset``.

    None where there is no such unit. A width, as ``range`` and ``std``, has no offset; a sum of temperatures over cells
    has no conversion of its own.
    """
    known = _CONVERSIONS.get(stat_unit(stat, quantity))
    if known is None or (stat == "sum" and known[2]):
        return None
    unit, factor, offset = known
    return {"unit": unit, "factor": factor, "offset": 0.0 if stat in ("std", "range") else offset}


def _ordinal(number: str) -> str:
    if not number.isdigit() or 10 <= int(number) % 100 <= 20:
        return "th"
    return {"1": "st", "2": "nd", "3": "rd"}.get(number[-1], "th")
