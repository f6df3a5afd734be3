"""The names of the columns of all tables and vector files, and their order."""

import re
from collections.abc import Iterable

import numpy as np

QUALITY = ("count", "valid_fraction")  # columns that every table has, after the requested statistics
CLASS, SHARE = "class_", "share_"  # prefixes of the columns of the statistic `categorical`
INSIDE = "inside_fraction"  # the fraction of a zone's area that lies within the grid

# Zone attributes, as the Census Bureau calls them, that name a zone and its state to a reader; in any case.
NAME_COLUMNS = ("NAME", "NAMELSAD")
STATE_COLUMNS = ("STUSPS", "STATE_NAME", "STATE")


def column_order(stats: list[str], found: set[str]) -> list[str]:
    """Return the columns in the order of the tables: the statistics as requested, classes, then the quality columns.

    `stats` are the statistics of the configuration, `found` the names of the columns that were computed.
    """
    requested = [name for name in stats if name in found and name not in QUALITY]
    classes = [n for n in found if n.startswith((CLASS, SHARE))]
    classes.sort(key=lambda name: (float(name.partition("_")[2]), name.startswith(SHARE)))
    return [*requested, *classes, *QUALITY]


def describing_columns(attributes: Iterable[str], id_column: str) -> list[str]:
    """Return the zone attributes that identify a zone to a reader: its id, then its names and its state's."""
    wanted = (*NAME_COLUMNS, *STATE_COLUMNS)
    return [id_column, *(name for name in attributes if name.upper() in wanted and name != id_column)]


def tidy_name(column: str, classes: dict[str, str]) -> str:
    """Return the name in the tables of a year table's column; `classes` maps a class's label to its name.

    The column of a class carries the class's name: ``class_41`` becomes ``class_41_Deciduous_Forest``.
    """
    for prefix in (CLASS, SHARE):
        if column.startswith(prefix):
            return column_name(prefix, column.removeprefix(prefix), classes)
    return column


def label(value: float) -> str:
    """Return a class's value as a text: an integer, or as many digits as tell it from every other value."""
    if float(value).is_integer():
        return str(int(value))
    short = f"{value:.9g}"  # enough for any float32
    return short if np.float32(short) == value or float(short) == value else repr(float(value))


def common_names(legends: Iterable[dict[str, str]]) -> dict[str, str]:
    """Return label to name of the classes that have the same name in all `legends` (label to name) that list them."""
    found: dict[str, set[str]] = {}
    for legend in legends:
        for value, name in legend.items():
            found.setdefault(value, set()).add(name)
    return {value: next(iter(names)) for value, names in found.items() if len(names) == 1}


def column_name(prefix: str, value: str, names: dict[str, str]) -> str:
    """Return a class's column: ``class_41``, or ``class_41_Deciduous_Forest`` where its name is known."""
    name = re.sub(r"\W+", "_", names.get(value, "")).strip("_")
    return f"{prefix}{value}_{name}" if name else f"{prefix}{value}"
