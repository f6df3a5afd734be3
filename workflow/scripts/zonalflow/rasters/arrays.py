"""Reading NetCDF files with xarray: the grid by the coordinate variables, the values as the file stores them.

GDAL's NetCDF driver is not used: it takes the average of uneven steps, trusts a stale ``GeoTransform``, and cannot
tell longitude from latitude in a transposed file. Rows are given with the northernmost first, whichever way they lie in
the file, and columns from west to east.

xarray is imported only when a NetCDF file is opened: a job that reads GeoTIFFs does not need it.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zonalflow.common.errors import RasterError
from zonalflow.common.text import nearest
from zonalflow.geometry.grid import Grid, Window
from zonalflow.rasters.axes import Axis, axis_of, crs_of, in_units_of, roles_of
from zonalflow.rasters.containers import exists, unpacked
from zonalflow.rasters.packing import Packing, packing_of
from zonalflow.rasters.selection import Select, describe_dimension, positions, split_group, with_parents
from zonalflow.rasters.stores import open_zarr
from zonalflow.rasters.unreadable import cannot_be_read, check_complete, check_opens

if TYPE_CHECKING:
    import xarray

_BOUNDS = ("_bnds", "_bounds")
WGS84 = "EPSG:4326"  # of a file with latitudes and longitudes that names no CRS


class RasterArray:
    """A variable of an open NetCDF file, as a raster with a time axis."""

    def __init__(self, dataset: "xarray.Dataset", path: str, name: str, select: Select = ()) -> None:
        self.dataset, self.path, self.name = dataset, path, name
        variable: xarray.Variable = dataset.variables[name]
        self.variable = variable.isel(positions(dataset, variable, select, f"{path}: {name}")) if select else variable

    @cached_property
    def roles(self) -> dict[str, str]:
        """Dimension to ``x``, ``y``, ``time`` or an empty text."""
        return roles_of(self.dataset, self.variable)

    @cached_property
    def time_dimension(self) -> str | None:
        """The time dimension, if there is one.

        Raises:
            RasterError: for a further dimension with more than one value.
        """
        found = {role: [name for name, its in self.roles.items() if its == role] for role in ("x", "y", "time", "")}
        several = [name for name in found[""] if self.variable.sizes[name] > 1]
        for role in ("x", "y"):
            if len(found[role]) != 1:
                which = f"{len(found[role])} dimensions" if found[role] else "no dimension"
                raise RasterError(
                    f"{self.path}: {self.name} ({', '.join(self.roles)}) has {which} that is known to be {role}; give "
                    "the coordinate variables CF's standard_name, axis or units (degrees_east, degrees_north)"
                )
        if several or len(found["time"]) > 1:
            dimension = (several or found["time"])[0]
            raise RasterError(
                f"{self.path}: {self.name} has the dimension {dimension!r} beside its rows and columns; zonal "
                "statistics need time, y and x alone. "
                + describe_dimension(self.dataset, dimension, self.variable.sizes[dimension])
            )
        return found["time"][0] if found["time"] else None

    @cached_property
    def axes(self) -> dict[str, Axis]:
        """Where the cells lie along ``x`` and ``y``."""
        self.time_dimension  # noqa: B018 - raises unless there is one x and one y
        return {
            role: axis_of(self.dataset, self.variable, dimension, role, self.path)
            for dimension, role in self.roles.items()
            if role in ("x", "y")
        }

    @cached_property
    def packing(self) -> Packing:
        """What the stored numbers mean.

        Raises:
            RasterError: for texts, complex numbers or records.
        """
        dtype = self.variable.dtype
        if dtype.kind not in "iuf":
            raise RasterError(f"{self.path}: {self.name} holds no numbers but the type {dtype}")
        return packing_of(self.variable.attrs, dtype)

    def own_crs(self) -> str | None:
        """Return the CRS that the file names, or None."""
        return crs_of(self.dataset, self.variable)

    def grid(self, crs: str | None) -> Grid:
        """Return the grid, northernmost row first; ``crs``, where it is given, wins over the file's.

        Latitudes and longitudes without either are on WGS 84.

        Raises:
            RasterError: for coordinates that are not evenly spaced, or x and y without a CRS.
        """
        x, y = self.axes["x"], self.axes["y"]
        in_degrees = x.in_degrees and y.in_degrees
        found = crs or self.own_crs() or (WGS84 if in_degrees else None)
        if found is None:
            raise RasterError(f"{self.path} has no CRS; set it in the configuration, for example raster.crs: EPSG:4269")
        across, down = in_units_of(found, x.units), in_units_of(found, y.units)
        transform = (x.step * across, 0.0, x.start * across, 0.0, y.step * down, y.start * down)
        return Grid(found, transform, x.size, y.size)

    def stored(self, bands: slice, window: Window) -> np.ndarray:
        """Return the stored numbers [steps, rows, columns] of a window of the grid at some time steps, from 0.

        Raises:
            RasterError: when they cannot be read.
        """
        row0, row1, col0, col1 = window
        x, y, time = self.axes["x"], self.axes["y"], self.time_dimension
        where: dict[str, int | slice] = dict.fromkeys(self.roles, 0)
        if time is not None:
            where[time] = bands
        where[y.dimension] = slice(y.size - row1, y.size - row0) if y.reversed else slice(row0, row1)
        where[x.dimension] = slice(x.size - col1, x.size - col0) if x.reversed else slice(col0, col1)
        try:
            part = self.variable.isel(where).transpose(*([time] if time else []), y.dimension, x.dimension)
            values: np.ndarray = part.values if time else part.values[np.newaxis]
        except (RuntimeError, OSError) as error:
            raise cannot_be_read(self.path, f"{self.name}: {error}") from error
        return np.ascontiguousarray(values[:, :: -1 if y.reversed else 1, :: -1 if x.reversed else 1])


@contextmanager
def open_dataset(path: str, group: str = "") -> Iterator["xarray.Dataset"]:
    """Open a NetCDF, HDF5 or Zarr file, or a group of it with what it inherits, without decoding anything.

    Raises:
        RasterError: for a file that is missing, is something else, is incomplete or damaged, or has no such group.
    """
    if not exists(path):
        raise RasterError(f"{path}: no such file")
    with ExitStack() as stack:
        file = stack.enter_context(unpacked(path))
        parts = group.split("/") if group else []
        groups = ["/".join(parts[:n]) for n in range(len(parts) + 1)]
        opened = [stack.enter_context(_opened(file, path, one)) for one in groups]
        yield with_parents(opened) if group else opened[0]


@contextmanager
def _opened(file: str, path: str, group: str) -> Iterator["xarray.Dataset"]:
    """Open one group of `file`, which `path` names in messages."""
    import xarray

    options: dict[str, Any] = {"decode_cf": False, "cache": False}
    try:
        if Path(file).is_dir() or file.lower().endswith(".zip"):
            dataset = open_zarr(file, not Path(file).is_dir(), group, options)
        else:
            check_opens(file)
            dataset = xarray.open_dataset(file, engine="netcdf4", group=group or None, **options)
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        if group and "group" in str(error).lower():
            raise RasterError(f"{path} has no group {group!r}") from error
        raise cannot_be_read(path, error) from error
    with dataset:
        check_complete(file)
        yield dataset


@contextmanager
def open_array(path: str, name: str | None, select: Select = ()) -> Iterator[RasterArray]:
    """Open a variable of a NetCDF, HDF5 or Zarr file; without a name, its only one.

    Args:
        path: the file.
        name: of the variable, with the groups in which it lies: ``Grid/precipitation``.
        select: values of its further dimensions.

    Raises:
        RasterError: when it cannot be opened, or has no such variable or value; the message names those that it has.
    """
    group, variable = split_group(name or "")
    with open_dataset(path, group) as dataset:
        names = _gridded(dataset)
        if name is None and len(names) == 1:
            variable = names[0]
        if not variable or variable not in dataset.variables:
            unknown = name is not None and (nearest(variable, names) or ".")
            what = f"has no variable {name!r}{unknown}" if unknown else "must hold one variable on a grid."
            known = ", ".join(names or map(str, dataset.data_vars)) or f"none; a group? {_groups_of(path)}"
            only = f"; to take it, raster.variables: {{{variable}: {names[0]}}}" if name and len(names) == 1 else ""
            raise RasterError(f"{path} {what} Its variables: {known}{only}")
        yield RasterArray(dataset, str(path), variable, select)


def _groups_of(path: str) -> str:
    """Return the names of an HDF5 file's groups, for a message."""
    import netCDF4

    if Path(path).is_file() and not path.lower().endswith(".zip"):
        with netCDF4.Dataset(path) as file:
            return ", ".join(
                f"{name}/{variable}" for name, group in file.groups.items() for variable in group.variables
            )
    return "name it as GROUP/VARIABLE"


def _gridded(dataset: "xarray.Dataset") -> list[str]:
    """Return the names of the variables that have x and y."""
    found = []
    for name, variable in dataset.data_vars.items():
        roles = set(roles_of(dataset, variable.variable).values())
        if {"x", "y"} <= roles and not str(name).endswith(_BOUNDS):
            found.append(str(name))
    return found
