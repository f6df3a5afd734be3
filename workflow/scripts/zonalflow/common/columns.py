"""The names of the columns of all tables and vector files, and their order."""

import re
from collections.abc import Iterable, Sequence

from zonalflow.common.errors import ZonesError
from zonalflow.common.text import nearest

QUALITY = ("count", "valid_fraction")  # columns that every table has, after the requested statistics
CODES = ("majority", "minority")  # statistics whose values are values of cells, so of classes their codes
COUNTS = ("count", "nodata")  # statistics that are numbers of cells
CLASS, SHARE = "class_", "share_"  # prefixes of the columns of the statistic `categorical`
INSIDE = "inside_fraction"  # the fraction of a zone's area that lies within the grid

# Zone attributes, as the Census Bureau calls them, that name a zone and its state to a reader; in any case.
NAME_COLUMNS = ("NAME", "NAMELSAD")
STATE_COLUMNS = ("STUSPS", "STATE_NAME", "STATE")

ROW = "row"  # as `zones.id`: the number of the feature in its file, from 1


def column_of_ids(key: str | Sequence[str]) -> str:
    """Return the column of the zones' ids: the one that `zones.id` names, or of several ``STATEFP_COUNTYFP``."""
    return key if isinstance(key, str) else "_".join(key)


def column_order(stats: list[str], found: set[str]) -> list[str]:
    """Return the columns in the order of the tables: the statistics as requested, classes, then the quality columns.

    `stats` are the statistics of the configuration, `found` the names of the columns that were computed.
    """
    requested = [name for name in stats if name in found and name not in QUALITY]
    classes = [n for n in found if n.startswith((CLASS, SHARE))]
    classes.sort(key=lambda name: (float(name.partition("_")[2]), name.startswith(SHARE)))
    return [*requested, *classes, *QUALITY]


def describing_columns(
    attributes: Sequence[str], key: str, name: str | None = None, further: Sequence[str] | str | None = None
) -> list[str]:
    """Return the zone attributes that the tables have: id, name, those that name a zone and its state, further ones.

    Args:
        attributes: those of the prepared zones.
        key: the column of the ids.
        name: the column that names zones, as configured.
        further: as configured in ``zones.columns``: a list, ``all`` or None.
    """
    own = [column for column in attributes if column not in (INSIDE, "geometry")]
    guessed = [column for column in own if column.upper() in (*NAME_COLUMNS, *STATE_COLUMNS)]
    more = own if further == "all" else list(further or ())
    return list(dict.fromkeys([key, *([name] if name else []), *guessed, *more]))


def check_attributes(attributes: Iterable[str], wanted: Iterable[str], key: str) -> None:
    """Raise ZonesError, naming the configuration's `key`, unless all that is wanted is among the attributes."""
    known = [name for name in attributes if name != "geometry"]
    for name in wanted:
        if name not in known:
            raise ZonesError(
                f"{key}: the zones have no column {name!r}{nearest(name, known) or '.'} Their columns: "
                f"{', '.join(known) or 'none'}"
            )


def main_stat(stats: Sequence[str]) -> str:
    """Return the statistic that maps and report show: the mean, else the first that is about the values.

    ``count``, which every table has, when there is none, as for ``categorical`` alone.
    """
    if "mean" in stats:
        return "mean"
    numbers = [stat for stat in stats if stat != "categorical"]
    return next((stat for stat in numbers if stat not in COUNTS), next(iter(numbers), "count"))


def further_maps(stats: Sequence[str], wanted: Sequence[str] | str | None) -> list[str]:
    """Return the statistics that have maps besides the main one.

    Args:
        stats: as configured.
        wanted: ``output.maps`` as configured: a list, ``all`` or None.
    """
    main = "" if "categorical" in stats else main_stat(stats)  # of classes the main maps show the most frequent one
    return [stat for stat in (mappable(stats) if wanted == "all" else wanted or ()) if stat != main]


def mappable(stats: Sequence[str]) -> list[str]:
    """Return the statistics of which maps can be drawn: of classes only those that count cells or values."""
    if "categorical" in stats:
        return [stat for stat in stats if stat in (*COUNTS, "unique")]
    return list(stats)


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
    import numpy as np  # the Snakefile imports this module, and does not need numpy

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
