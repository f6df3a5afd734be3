"""The time dimension of NetCDF, HDF5 and Zarr files: which time step holds which date.

Source: CF conventions 1.11, sections 4.4 (time coordinate), 4.4.2 (calendars) and 7.1 (cell boundaries).
"""

import functools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from zonalflow.common.errors import RasterError
from zonalflow.common.text import count_of
from zonalflow.rasters.arrays import RasterArray, open_array
from zonalflow.rasters.axes import TIMES, attribute, coordinate_of
from zonalflow.rasters.containers import on_disk
from zonalflow.rasters.read import TimeStep
from zonalflow.rasters.selection import Select
from zonalflow.timeline.calendars import calendar_of, decode, is_time
from zonalflow.timeline.patterns import NATIVE

_LENGTH = {"annual": 4, "monthly": 7, "daily": 10, "hourly": 13}  # of a date: 2000, 2000-01, 2000-01-31, 2000-01-31T06


@dataclass(frozen=True)
class TimeAxis:
    """The time coordinate of a variable.

    Attributes:
        middles: of each time step, ``2000-01-31T06:00``: the middle of its bounds where it has some, since many files
            date a month's mean by the month's end.
        native: the date of each at the grain native: the file's own time, or the begin of its bounds where that lies
            outside; days alone where no two time steps lie on one day.
        calendar: CF's name of it.
        is_single: whether it is one value beside a variable that has no time dimension.
    """

    middles: list[str]
    native: list[str]
    calendar: str
    is_single: bool = False

    def dates(self, grain: str) -> list[str]:
        """Return the date of each time step at a grain."""
        if grain == NATIVE:
            return self.native
        return [time[: _LENGTH[grain]] + (":00" if grain == "hourly" else "") for time in self.middles]


def array_time_steps(
    path: str, layer: str, year: int, grain: str, select: Select = ()
) -> dict[str, TimeStep] | None:  # fmt: skip
    """Return date to time step of a variable in a file, for the time steps that lie in a year.

    None when the variable has no time dimension: then its date must come from the file's name.

    Raises:
        RasterError: for a missing file or variable, a dimension that is neither time, x nor y, a time that cannot be
            decoded, or two time steps on one date.
    """
    axis = time_axis(path, layer, select)
    if axis is None:
        return None
    found: dict[str, TimeStep] = {}
    for band, date in enumerate(axis.dates(grain), start=1):
        if date.startswith(f"{year:04d}"):
            if date in found:
                finer = "" if grain == NATIVE else "; raster.grain: native takes the time steps as they are"
                raise RasterError(
                    f"{path}: {layer} has more than one time step on {date}; raster.grain: {grain} needs one "
                    f"(the file holds {span([path], layer, select)}){finer}"
                )
            found[date] = TimeStep(date, path, band, layer, select=select)
    return dict(sorted(found.items()))


def span(paths: Iterable[str], layer: str, select: Select = ()) -> str:
    """Return what files hold: ``2000-01-01 to 2001-12-01, 24 time steps``."""
    axes = [time_axis(path, layer, select) for path in paths]
    days = sorted(time[:10] for axis in axes if axis is not None for time in axis.middles)
    return f"{days[0]} to {days[-1]}, {count_of(len(days), 'time step')}" if days else "no time step"


def time_axis(path: str, layer: str, select: Select = ()) -> TimeAxis | None:
    """Return the time coordinate of a variable, or None where it has neither a time dimension nor a time.

    Raises:
        RasterError: as :func:`array_time_steps`.
    """
    file = Path(on_disk(path))
    status = file.stat() if file.exists() else None
    return _read_time_axis(path, layer, select, status and (status.st_mtime_ns, status.st_size))


@functools.lru_cache(maxsize=1024)
def _read_time_axis(path: str, layer: str, select: Select, version: tuple[int, int] | None) -> TimeAxis | None:
    with open_array(path, layer, select) as array:
        dimension = array.time_dimension
        if dimension is None:
            return _only_time(array)
        name = coordinate_of(array.dataset, array.variable, dimension)
        coordinate = None if name is None else array.dataset.variables[name]
        if coordinate is None or coordinate.dtype.kind not in "iuf":
            raise RasterError(
                f"{path}: the dimension {dimension!r} of {layer} has no numeric coordinate to take dates from"
            )
        values: list[float] = coordinate.values.astype("float64").tolist()
        units, calendar = attribute(coordinate, "units"), calendar_of(attribute(coordinate, "calendar"))
        if is_time(units):
            bounds = _bounds(array, attribute(coordinate, "bounds"))
            return _decoded(values, bounds, units, calendar, path)
    if dimension.lower() == "year":
        years = [f"{round(value):04d}" for value in values]
        return TimeAxis([f"{year}-01-01T00:00" for year in years], years, "standard")
    raise RasterError(
        f"{path}: the time of {layer} has the units {units!r}, not CF's 'days since …', so its dates are unknown. "
        f"Correct the units, or choose one value, raster.select: {{{dimension}: {values[0]:g}}}, if it is no time"
    )


def _only_time(array: RasterArray) -> TimeAxis | None:
    """Return the time of a variable without a time dimension: that of a single value beside it, if there is one."""
    beside = [*attribute(array.variable, "coordinates").split(), *TIMES]
    for name in dict.fromkeys(beside):
        coordinate = array.dataset.variables.get(name)
        if coordinate is None or coordinate.dims or coordinate.dtype.kind not in "iuf":
            continue
        units, standard_name = attribute(coordinate, "units"), attribute(coordinate, "standard_name")
        if is_time(units) and (standard_name == "time" or (not standard_name and name in TIMES)):
            bounds, calendar = _bounds(array, attribute(coordinate, "bounds")), attribute(coordinate, "calendar")
            axis = _decoded([float(coordinate.values)], bounds, units, calendar_of(calendar), array.path)
            return replace(axis, is_single=True)
    return None


def _decoded(
    values: list[float], bounds: tuple[list[float], list[float]] | None, units: str, calendar: str, path: str
) -> TimeAxis:
    middles, own = values, values
    if bounds is not None:
        pairs = list(zip(*bounds, strict=True))
        middles = [(begin + end) / 2 for begin, end in pairs]
        own = [value if begin <= value < end else begin for value, (begin, end) in zip(values, pairs, strict=True)]
    try:
        times, natives = (decode(numbers, units, calendar) for numbers in (middles, own))
    except (ValueError, OverflowError) as error:
        raise RasterError(
            f"{path}: its time, {units!r} in the calendar {calendar!r}, cannot be decoded: {error}"
        ) from error
    days = [time[:10] for time in natives]
    return TimeAxis(times, days if len(set(days)) == len(days) else natives, calendar)


def _bounds(array: RasterArray, name: str) -> tuple[list[float], list[float]] | None:
    """Return begins and ends of the time steps, or None where the file has no bounds that can be read."""
    table = array.dataset.variables.get(name)
    if table is None or table.dtype.kind not in "iuf" or table.ndim not in (1, 2) or table.shape[-1] != 2:
        return None
    numbers = table.values.astype("float64").reshape(-1, 2)
    return numbers.min(axis=1).tolist(), numbers.max(axis=1).tolist()
