"""The variable of a NetCDF, HDF5 or Zarr file that is meant: in a group, at one value of its further dimensions."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from zonalflow.common.errors import RasterError
from zonalflow.common.text import few, nearest

if TYPE_CHECKING:
    import xarray

Select = tuple[tuple[str, Any], ...]  # dimension and value, as configured in `raster.select`
_NEAR = 1e-6  # how far, relatively, a coordinate may lie from the value that is asked for


def select_of(configured: Mapping[str, Any] | None) -> Select:
    """Return ``raster.select`` in a form that can be compared."""
    return tuple(sorted((configured or {}).items()))


def split_group(name: str) -> tuple[str, str]:
    """Return the group and the variable that a name in a file means: of ``Grid/precipitation`` these two words."""
    group, _, variable = name.strip("/").rpartition("/")
    return group, variable


def positions(
    dataset: "xarray.Dataset", variable: "xarray.Variable", select: Select, where: str
) -> dict[str, int]:  # fmt: skip
    """Return dimension to the position, from 0, of the value that is selected.

    A value is looked for among the dimension's coordinates, numbers to a millionth and texts exactly. An integer that
    is none of them, nor near one, is the position, as along a dimension without coordinates.

    Args:
        dataset: the open file.
        variable: the one to read.
        select: as configured.
        where: names the file and the variable in messages.

    Raises:
        RasterError: for a dimension that the variable does not have, or a value that the dimension does not have.
    """
    found = {}
    for dimension, value in select:
        if dimension not in variable.dims:
            raise RasterError(
                f"{where} has no dimension {dimension!r} (raster.select){nearest(dimension, variable.dims) or '.'} Its "
                f"dimensions: {', '.join(map(str, variable.dims)) or 'none'}"
            )
        found[dimension] = _position(dataset, dimension, variable.sizes[dimension], value, where)
    return found


def _position(dataset: "xarray.Dataset", dimension: str, size: int, value: Any, where: str) -> int:
    known = values_of(dataset, dimension)
    if known is None:
        if isinstance(value, int) and 0 <= value < size:
            return value
        raise RasterError(
            f"{where}: raster.select.{dimension}: {value!r} is no position from 0 to {size - 1}, by which values are "
            "chosen along a dimension without coordinates"
        )
    if known.dtype.kind not in "iuf":
        same = np.array([str(one) == str(value) for one in known])
        if _is_time(dataset.variables[dimension]) and not same.any():  # 2020-02-01 stands for 2020-02-01T00:00
            same = np.array([str(one).startswith(str(value)) for one in known])
        if isinstance(value, int) and not same.any() and 0 <= value < size:
            return value
    else:
        number = float(value) if isinstance(value, int | float) else np.nan
        apart = np.abs(known.astype(np.float64) - number)
        same = (apart <= _NEAR * abs(number)) & (apart == apart.min())
        if isinstance(value, int) and not same.any() and 0 <= value < size and apart.min() > 1:
            return value  # far from all coordinates, such as 1 among pressures; nearer, it may be a mistaken value
    if same.sum() != 1:
        raise RasterError(
            f"{where}: raster.select.{dimension}: {value!r} is {'not' if not same.any() else 'more than once'} among "
            f"the values of this dimension: {few(known.astype(str), 12)}"
        )
    return int(np.argmax(same))


def values_of(dataset: "xarray.Dataset", dimension: str) -> np.ndarray | None:
    """Return the coordinates of a dimension [size]: numbers or texts, times as ISO texts; None where it has none."""
    coordinate = dataset.variables.get(dimension)
    if coordinate is None or not coordinate.dims or coordinate.dims[0] != dimension:
        return None
    values: np.ndarray = coordinate.values
    if values.ndim == 2 and values.dtype.kind == "S":  # characters, as the classic format stores texts
        return np.array([b"".join(row).decode(errors="replace").strip("\0 ") for row in values])
    if values.ndim != 1:
        return None
    if values.dtype.kind in "iuf" and _is_time(coordinate):
        return _times(coordinate)
    if values.dtype.kind in "SO":
        return np.array([one.decode(errors="replace") if isinstance(one, bytes) else str(one) for one in values])
    return values


def _is_time(coordinate: "xarray.Variable") -> bool:
    return " since " in str(coordinate.attrs.get("units", ""))


def _times(coordinate: "xarray.Variable") -> np.ndarray:
    """Return times as texts, ``2000-01-31T06:00``; the numbers as they are where xarray does not know their units."""
    import xarray

    coder = xarray.coders.CFDatetimeCoder(use_cftime=True)
    try:
        decoded = xarray.conventions.decode_cf_variable("time", coordinate, decode_times=coder)
        return np.array([time.strftime("%Y-%m-%dT%H:%M") for time in decoded.values.tolist()])
    except (ValueError, OverflowError):
        values: np.ndarray = coordinate.values
        return values


def describe_dimension(dataset: "xarray.Dataset", dimension: str, size: int) -> str:
    """Return what to choose from along a dimension, and how, for a message."""
    known = values_of(dataset, dimension)
    if known is None:
        return (
            f"it has no coordinates; choose a position from 0 to {size - 1}, for example raster.select: "
            f"{{{dimension}: 0}}"
        )
    return (
        f"its values: {few(known.astype(str), 12)}; choose one, for example raster.select: "
        f"{{{dimension}: {known.astype(str)[0]}}}"
    )


def with_parents(groups: Sequence["xarray.Dataset"]) -> "xarray.Dataset":
    """Return a group with what it inherits: the coordinates and grid mappings of the groups above it, root first."""
    merged = groups[-1]
    for parent in reversed(groups[:-1]):
        inherited = {
            name: variable
            for name, variable in parent.variables.items()
            if name not in merged.variables
            and (variable.dims in ((), (name,)))
            and all(merged.sizes.get(dim, size) == size for dim, size in variable.sizes.items())
        }
        merged = merged.assign(inherited)
    return merged
