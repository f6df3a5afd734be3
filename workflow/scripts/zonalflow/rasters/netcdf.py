"""NetCDF files with a time dimension: which time step holds which date.

The time coordinate is numbers with CF units and a calendar; cftime turns these into dates.

Source: CF conventions 1.11, sections 4.4 (time coordinate), 4.4.2 (calendars) and 7.1 (cell boundaries).
"""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zonalflow.common.dates import dates_of, format_years
from zonalflow.common.errors import RasterError
from zonalflow.common.text import count_of
from zonalflow.rasters.arrays import RasterArray, open_array
from zonalflow.rasters.axes import attribute, coordinate_of
from zonalflow.rasters.patterns import local_paths
from zonalflow.rasters.read import TimeStep

if TYPE_CHECKING:
    import cftime

_LENGTH = {"annual": 4, "monthly": 7, "daily": 10}  # of a date: 2000, 2000-01, 2000-01-31


@dataclass(frozen=True)
class TimeAxis:
    """The time coordinate of a variable: the day (``2000-01-31``) of each time step, and the CF calendar."""

    days: list[str]
    calendar: str


def netcdf_time_steps(path: str, variable: str, year: int, grain: str) -> list[TimeStep] | None:
    """Return the time steps of ``variable`` in the NetCDF file ``path`` that lie in ``year``, in the order of dates.

    None when the variable has no time dimension: then its date must come from the file's name.

    A time step with bounds is dated by the middle of them, since many files date a month's mean by the month's end.

    Raises:
        RasterError: for a missing file or variable, a dimension other than time, a time that cannot be decoded, or
            two time steps on one date.
    """
    axis = _time_axis(path, variable)
    if axis is None:
        return None
    found: dict[str, TimeStep] = {}
    for band, day in enumerate(axis.days, start=1):
        if day.startswith(f"{year:04d}"):
            date = day[: _LENGTH[grain]]
            if date in found:
                raise RasterError(
                    f"{path}: {variable} has more than one time step on {date}; raster.grain: {grain} needs one "
                    f"(the file holds {_span([path], variable)})"
                )
            found[date] = TimeStep(date, path, band, variable)
    return [found[date] for date in sorted(found)]


def netcdf_time_steps_of_year(files: dict[str, list[str]], variable: str, year: int, grain: str) -> list[TimeStep]:
    """Return the time steps of ``year`` in its NetCDF files: path to the dates that the file's name gives, if any.

    Raises:
        RasterError: when the files do not hold each date of the year in their calendar; the message names what is
            missing.
    """
    found: dict[str, TimeStep] = {}
    expected = dates_of(year, grain)
    for path, dates in files.items():
        time_steps = netcdf_time_steps(path, variable, year, grain)
        axis = _time_axis(path, variable)
        if time_steps is None:
            if len(dates) != 1:
                raise RasterError(
                    f"{path}: {variable} has no time dimension, so the file's name must give its date; write {{year}} "
                    "(and {month}, {day}) in raster.path"
                )
            time_steps = [TimeStep(dates[0], path, 1, variable)]
        elif grain == "daily" and axis is not None:
            expected = _days_of(year, axis.calendar)
        found.update({step.date: step for step in time_steps})
    missing = [date for date in expected if date not in found]
    if missing:
        what = f"{len(missing)} of {len(expected)} dates:" if len(expected) > 1 else "the year"
        raise RasterError(
            f"{', '.join(files)}: {variable} lacks {what} {', '.join(missing[:5])}{' …' if len(missing) > 5 else ''}; "
            f"it holds {_span(list(files), variable)}"
        )
    return [found[date] for date in expected]


def check_years(pattern: str, variables: list[str], years: list[int], grain: str) -> None:
    """Check that NetCDF files that hold all years hold each of ``years``; called before any job.

    Raises:
        RasterError: naming the missing years.
    """
    if "{year}" in pattern:
        return  # a file for each year: whether it exists is checked with the other local files
    for variable in variables:
        files: dict[str, list[str]] = {path: [] for path in local_paths(pattern, variable, years[0], grain)}
        errors: dict[int, RasterError] = {}
        for year in years:
            try:
                netcdf_time_steps_of_year(files, variable, year, grain)
            except RasterError as error:
                errors[year] = error
        if not errors:
            continue
        first = next(iter(errors.values()))
        if len(errors) > 1 and any(_time_axis(path, variable) for path in files):
            raise RasterError(
                f"{', '.join(files)}: {variable} lacks {len(errors)} of {len(years)} years: "
                f"{format_years(list(errors))}; it holds {_span(list(files), variable)}. The first: {first}"
            )
        raise first


def _span(files: list[str], variable: str) -> str:
    """Return what files hold: ``2000-01-01 to 2001-12-01, 24 time steps``."""
    axes = [_time_axis(path, variable) for path in files]
    days = sorted(day for axis in axes if axis is not None for day in axis.days)
    return f"{days[0]} to {days[-1]}, {count_of(len(days), 'time step')}" if days else "no time step"


def _days_of(year: int, calendar: str) -> list[str]:
    """Return the days of a year in a CF calendar: 365 in ``noleap``, 360 in ``360_day``."""
    import cftime

    first, last = (cftime.datetime(y, 1, 1, calendar=calendar) for y in (year, year + 1))
    days = cftime.num2date(range((last - first).days), f"days since {year:04d}-01-01", calendar)
    return [_iso(day) for day in days]


def _time_axis(path: str, variable: str) -> TimeAxis | None:
    """Return the time coordinate of a variable, or None where it has no time dimension."""
    status = Path(path).stat() if Path(path).exists() else None
    return _read_time_axis(path, variable, status and (status.st_mtime_ns, status.st_size))


@functools.lru_cache(maxsize=64)
def _read_time_axis(path: str, variable: str, version: tuple[int, int] | None) -> TimeAxis | None:
    with open_array(path, variable) as array:
        dimension = array.time_dimension
        if dimension is None:
            return None
        name = coordinate_of(array.dataset, array.variable, dimension)
        coordinate = None if name is None else array.dataset.variables[name]
        if coordinate is None or coordinate.dtype.kind not in "iuf":
            raise RasterError(
                f"{path}: the dimension {dimension!r} of {variable} has no numeric coordinate to take dates from"
            )
        values: list[float] = coordinate.values.astype("float64").tolist()
        units, calendar = attribute(coordinate, "units"), attribute(coordinate, "calendar") or "standard"
        if " since " in units:
            values = _middle(array, attribute(coordinate, "bounds")) or values
            return TimeAxis(_decode(values, units, calendar, path), calendar)
    if dimension.lower() == "year":
        return TimeAxis([f"{round(value):04d}-01-01" for value in values], "standard")
    raise RasterError(f"{path}: the time of {variable} has the units {units!r}, not CF's 'days since …'")


def _decode(values: list[float], units: str, calendar: str, path: str) -> list[str]:
    import cftime

    try:
        return [_iso(time) for time in cftime.num2date(values, units, calendar)]
    except (ValueError, OverflowError) as error:
        raise RasterError(
            f"{path}: its time, {units!r} in the calendar {calendar!r}, cannot be decoded: {error}"
        ) from error


def _iso(time: "cftime.datetime") -> str:
    return f"{time.year:04d}-{time.month:02d}-{time.day:02d}"


def _middle(array: RasterArray, bounds: str) -> list[float] | None:
    """Return the middles of the time steps' bounds, or None where the file has no bounds that can be read."""
    table = array.dataset.variables.get(bounds)
    if table is None or table.dtype.kind not in "iuf" or table.ndim != 2 or table.shape[1] != 2:
        return None
    middles: list[float] = table.values.astype("float64").mean(axis=1).tolist()
    return middles
