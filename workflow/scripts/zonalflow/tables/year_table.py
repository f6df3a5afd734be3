"""A year's table, as a job writes it: dates, and one array [n_dates, n_zones] for each column.

The zones are in the order of the prepared zones. The file is a NumPy archive, so that a job needs no table library to
write it.
"""

import io
import json
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from zonalflow.common.columns import SHARE
from zonalflow.common.errors import RasterError
from zonalflow.common.files import atomic_path

_ABOUT = ("classes", "colours", "grids", "other_grids", "missing", "unit")  # what is saved besides dates and columns
SEVERAL = " | "  # between the units of a year whose rasters have more than one


@dataclass(frozen=True)
class YearTable:
    """The numbers of one variable and year.

    Attributes:
        dates: of the time steps [n_dates].
        columns: name to array [n_dates, n_zones], float64 or (whole cells) int64.
        classes: value, as in the columns' names, to the name of a categorical raster's class.
        colours: value to the colour of a class (``#rrggbb``), where its file has one.
        grids: name of the grid of each date, or empty when all lie on the study's; if not empty, ``inside_fraction`` is
            among the columns.
        other_grids: name to description of the grids beside the study's on which rasters lie.
        missing: dates that the rasters lack, and that were left out.
        unit: of the rasters' values, where their files have one.
    """

    dates: list[str]
    columns: dict[str, np.ndarray]
    classes: dict[str, str] = field(default_factory=dict)
    colours: dict[str, str] = field(default_factory=dict, kw_only=True)
    grids: list[str] = field(default_factory=list)
    other_grids: dict[str, dict[str, Any]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list, kw_only=True)
    unit: str = field(default="", kw_only=True)


def absent_class(name: str, count: np.ndarray) -> np.ndarray:
    """Return the column of a class that a date does not have: 0, or for its share of a zone without data NaN.

    ``count`` [n_zones] are the zones' cells that hold data.
    """
    if name.startswith(SHARE):
        return np.where(count > 0, 0.0, np.nan)
    return np.zeros_like(count)


def save_year(path: Path, table: YearTable) -> None:
    """Write ``table`` to ``path`` (.npz), whole or not at all."""
    about = json.dumps({key: getattr(table, key) for key in _ABOUT})
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        arrays: dict[str, Any] = {"dates": np.array(table.dates), "about": np.array(about), **table.columns}
        np.savez(file, **arrays)


def load_year(path: Path, only: Iterable[str] | None = None) -> YearTable:
    """Return the table that :func:`save_year` wrote, with all of its columns or with those named by ``only``.

    Raises:
        RasterError: for a damaged file; the message says to delete it, so that its year is computed again.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist()]
            wanted = [name for name in names if name not in _HEAD and (only is None or name in only)]
            return YearTable(columns={name: _array(archive, name) for name in wanted}, **_head(archive))
    except Exception as error:  # zipfile and NumPy know a dozen kinds, of a file with one bit flipped
        raise _damaged(path, error) from error


_HEAD = ("dates", "about")


def _array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """Return an array of an archive, read once and to the end, where its checksum is compared."""
    stream = io.BytesIO(archive.read(f"{name}.npy"))
    array: np.ndarray = np.lib.format.read_array(stream)
    if stream.read(1):
        raise ValueError(f"{name} is longer than it says")
    return array


def _head(archive: zipfile.ZipFile) -> dict[str, Any]:
    return {"dates": _array(archive, "dates").tolist(), **json.loads(str(_array(archive, "about")))}


def _type(archive: zipfile.ZipFile, member: str) -> np.dtype:
    """Return the type of an array of which only the header is read."""
    with archive.open(member) as stream:
        np.lib.format.read_magic(stream)
        dtype: np.dtype = np.lib.format.read_array_header_1_0(stream)[2]
        return dtype


def table_head(path: Path) -> YearTable:
    """Return a year table without its values, which are not read: dates, classes, grids; columns are empty arrays.

    Raises:
        RasterError: for a damaged file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            types = {name.removesuffix(".npy"): _type(archive, name) for name in archive.namelist()}
            columns = {name: np.empty(0, dtype) for name, dtype in types.items() if name not in _HEAD}
            return YearTable(columns=columns, **_head(archive))
    except Exception as error:  # as above
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> RasterError:
    return RasterError(f"{path} is damaged ({error}); delete it and run again: its year is then recomputed")


def column_rows(table: YearTable, name: str, dates: slice) -> np.ndarray:
    """Return a column's values on some of the dates [n, n_zones], also of a class that the year does not have."""
    values = table.columns.get(name)
    if values is not None:
        return values[dates]
    return np.stack([absent_class(name, count) for count in table.columns["count"][dates]])


def units_of(tables: Iterable[tuple[str, int, YearTable]], configured: dict[str, str]) -> dict[str, str]:
    """Return variable to unit: as configured, else as the rasters' files give it.

    Args:
        tables: variable, year and year table of each.
        configured: ``raster.units``.

    Raises:
        RasterError: when the files of a variable give it in several units, and the configuration names none.
    """
    found: dict[str, tuple[str, int]] = {}
    for variable, year, table in tables:
        unit, first = found.setdefault(variable, (table.unit, year))
        if SEVERAL in table.unit and variable not in configured:
            one, *others = table.unit.split(SEVERAL)
            raise RasterError(
                f"{variable} is in {one} and in {', '.join(others)} in the files of {year}; convert some of them. If "
                f"only the spelling differs, write raster.units: {{{variable}: {one}}}"
            )
        if unit != table.unit and variable not in configured:
            raise RasterError(
                f"{variable} is in {unit or 'no unit'} in the files of {first}, and in {table.unit or 'no unit'} in "
                f"those of {year}; convert one of them. If only the spelling differs, write raster.units: "
                f"{{{variable}: {unit or table.unit}}}"
            )
    return {**{variable: unit for variable, (unit, _) in found.items() if unit}, **configured}
