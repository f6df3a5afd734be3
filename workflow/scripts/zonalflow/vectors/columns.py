"""Names of the columns of a year's vector files: dates as suffixes, at most 10 characters in a shapefile."""

import itertools
import re
from collections.abc import Iterable, Iterator

import numpy as np

from zonalflow.common.columns import INSIDE, tidy_name
from zonalflow.tables.year_table import YearTable
from zonalflow.vectors.shapefile import MAX_NAME, short_names

_ABBREVIATIONS = {
    "valid_fraction": "valid", "inside_fraction": "insid", "percentile_": "p", "median": "med", "unique": "uniq",
    "majority": "major", "minority": "minor", "nodata": "nodat", "class_": "c", "share_": "s",
    "variance": "var",
}  # fmt: skip
_RESERVED = {"gpkg": {"fid", "geom"}}  # columns that the format has of its own


def year_columns(table: YearTable, inside: np.ndarray) -> dict[str, np.ndarray]:
    """Return one column [n_zones] for each statistic and date of the year, and ``inside_fraction``.

    With several dates a column's name ends in the date's month, month and day, or month, day and hour: ``mean_01``,
    ``mean_0131``, ``mean_013106``.

    Args:
        table: the year's numbers.
        inside: ``inside_fraction`` [n_zones] on the study's grid, used unless the table has its own.
    """
    columns = {
        _dated(tidy_name(name, table.classes), suffix): table.columns[name][i]
        for name, i, suffix in _columns_and_dates(table)
    }
    return columns if INSIDE in table.columns else {**columns, INSIDE: inside}


def sources_of_columns(table: YearTable) -> dict[str, tuple[str, str]]:
    """Return, of each column that :func:`year_columns` gives, its name in the tables and its date."""
    return {
        _dated(tidy_name(name, table.classes), suffix): (tidy_name(name, table.classes), table.dates[i])
        for name, i, suffix in _columns_and_dates(table)
    } | {INSIDE: (INSIDE, "")}


def field_names(table: YearTable, taken: set[str]) -> dict[str, str]:
    """Return the shapefile field, at most 10 characters, of each column that :func:`year_columns` gives.

    A class is called by its value alone. Where month or day follow, a name that leaves them no room is abbreviated:
    ``valid_fraction_0131`` becomes ``valid_0131``.

    Args:
        table: the year's numbers.
        taken: the fields of the zones' attributes.
    """
    wanted = {}
    for name, _, suffix in _columns_and_dates(table):
        room = MAX_NAME - len(_dated("", suffix))
        wanted[_dated(tidy_name(name, table.classes), suffix)] = _dated(_abbreviated(name, room), suffix)
    wanted.setdefault(INSIDE, INSIDE)
    fields = short_names(list(wanted.values()), taken)
    return {name: fields[short] for name, short in wanted.items()}


def _columns_and_dates(table: YearTable) -> Iterator[tuple[str, int, str]]:
    """Yield column, number of the date, and the date's suffix (empty for a year with one date), column by column."""
    several = len(table.dates) > 1
    for name in table.columns:
        for i, date in enumerate(table.dates):
            yield name, i, _suffix(date) if several else ""


def _suffix(date: str) -> str:
    """Return what follows the year of a date, in digits: of ``2000-01-31T06:00`` ``013106``."""
    digits = re.sub(r"\D", "", date[5:])
    return digits[:6] if digits[6:] == "00" else digits


def _dated(name: str, suffix: str) -> str:
    return f"{name}_{suffix}" if suffix else name


def _abbreviated(name: str, room: int) -> str:
    """Return a statistic's name, abbreviated where a date follows and the name has more than ``room`` characters."""
    if room == MAX_NAME or len(name) <= room:
        return name
    for start, short in _ABBREVIATIONS.items():
        if name.startswith(start):
            name = short + name.removeprefix(start)
            break
    return name[:room]  # so the date is never cut off


def attribute_names(attributes: Iterable[str], columns: Iterable[str], kind: str) -> dict[str, str]:
    """Return what the zones' attributes are called in a format's files: numbered where a result has their name.

    Names are compared without case, as databases do. For shapefiles see :func:`field_names`.

    Args:
        attributes: the zones' attributes.
        columns: the results, from :func:`year_columns`.
        kind: ``gpkg``, ``geojson`` or ``geoparquet``.
    """
    used = {name.lower() for name in columns} | _RESERVED.get(kind, set())
    names = {}
    for name in attributes:
        numbered = (f"{name}_{i}" for i in itertools.count(1))
        names[name] = next(free for free in itertools.chain([name], numbered) if free.lower() not in used)
        used.add(names[name].lower())
    return names
