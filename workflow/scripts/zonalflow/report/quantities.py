"""What the known variables are called and measured in: the words of titles, colour bars and tables."""

from dataclasses import dataclass, replace

from zonalflow.common.errors import ConfigError

NO_UNIT = "1"


@dataclass(frozen=True)
class Quantity:
    """A variable in words.

    ``label`` begins a title, ``unit`` goes on an axis (empty when unknown). ``adds_up`` says that a year is
    the sum of its days, as for precipitation, and not their mean. ``palette`` names colours in
    :mod:`zonalflow.report.palettes`.
    """

    variable: str
    label: str
    unit: str = ""
    adds_up: bool = False
    palette: str = "neutral"

    @property
    def annual_label(self) -> str:
        """What a year's value is called: a total, a mean, or a variable of which nothing is known."""
        if self.label == self.variable:
            return self.label
        if self.adds_up or self.label.startswith("mean "):
            return f"annual {self.label}"
        return f"annual mean of the {self.label}"


_KNOWN = {
    quantity.variable: quantity
    for quantity in (
        Quantity("ppt", "precipitation", "mm", adds_up=True, palette="water"),
        Quantity("prcp", "precipitation", "mm", adds_up=True, palette="water"),
        Quantity("tmean", "mean temperature", "°C", palette="heat"),
        Quantity("tmin", "minimum temperature", "°C", palette="heat"),
        Quantity("tmax", "maximum temperature", "°C", palette="heat"),
        Quantity("tdmean", "mean dew point", "°C", palette="heat"),
        Quantity("vpdmin", "minimum vapour pressure deficit", "hPa", palette="dryness"),
        Quantity("vpdmax", "maximum vapour pressure deficit", "hPa", palette="dryness"),
    )
}

_COUNTS = ("count", "nodata")
_OF_CELLS = {
    "mean": "mean",
    "min": "minimum",
    "max": "maximum",
    "sum": "sum over cells",
    "std": "standard deviation",
    "median": "median",
    "majority": "most frequent value",
    "minority": "least frequent value",
    "unique": "number of different values",
    "range": "range",
    "count": "number of cells",
    "nodata": "number of cells without data",
}


def quantity(variable: str, units: dict[str, str] | None = None) -> Quantity:
    """Return what is known of a variable; ``units`` (variable to unit, from the config) has the last word.

    An unknown variable is called by its name, without a unit. Raises ConfigError when a unit is no text.
    """
    found = _KNOWN.get(variable, Quantity(variable, variable))
    unit = (units or {}).get(variable, found.unit)
    if not isinstance(unit, str):
        raise ConfigError(f"The unit of {variable} is {unit!r}; write a text, for example mm.")
    return replace(found, unit=unit)


def headline(of: Quantity, stat: str) -> str:
    """Log what a picture shows: ``annual precipitation`` for its mean, ``maximum of precipitation`` for its maximum."""
    if stat == "mean":
        return of.annual_label
    return stat_label(stat) if stat in _COUNTS else f"{stat_label(stat)} of {of.label}"


def stat_label(stat: str) -> str:
    """Log what a statistic is: ``mean``, ``90th percentile``, ``cells of class 11``."""
    kind, _, value = stat.partition("_")
    if kind == "percentile":
        return f"{value}{_ordinal(value)} percentile"
    if kind == "class":
        return f"cells of class {value}"
    if kind == "share":
        return f"share of class {value}"
    return _OF_CELLS.get(stat, stat)


def stat_unit(stat: str, of: Quantity) -> str:
    """Return the unit of a statistic of a quantity: a count of cells has none of the quantity's."""
    if stat in _COUNTS or stat.startswith("class_"):
        return "cells"
    if stat == "unique" or stat.startswith("share_"):
        return NO_UNIT
    return of.unit


def main_stat(stats: list[str]) -> str | None:
    """Return the statistic that pictures show: the mean, or the first that is a number about the values.

    None when there is none, as for ``categorical`` alone.
    """
    if "mean" in stats:
        return "mean"
    numbers = [stat for stat in stats if stat != "categorical"]
    return next((stat for stat in numbers if stat not in _COUNTS), next(iter(numbers), None))


def _ordinal(number: str) -> str:
    if not number.isdigit() or 10 <= int(number) % 100 <= 20:
        return "th"
    return {"1": "st", "2": "nd", "3": "rd"}.get(number[-1], "th")
