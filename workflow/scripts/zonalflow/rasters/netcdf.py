"""NetCDF files with a time dimension: which band holds which date.

GDAL reads the values (a variable is a raster, its time steps are bands, the first row is the northernmost whichever way
the file runs), and tells the time coordinate as numbers with CF units and a calendar; cftime turns these into dates.

Source: CF conventions 1.11, sections 4.4 (time coordinate), 4.4.2 (calendars) and 7.1 (cell boundaries).
"""

import functools
from pathlib import Path

from zonalflow.common.dates import dates_of, format_years
from zonalflow.common.errors import RasterError
from zonalflow.common.text import nearest
from zonalflow.rasters.patterns import local_paths
from zonalflow.rasters.read import TimeStep, open_raster

TIMES = ("time", "t", "date", "day", "month", "year")  # names of a time dimension
_LENGTH = {"annual": 4, "monthly": 7, "daily": 10}  # of a date: 2000, 2000-01, 2000-01-31


def netcdf_time_steps(path: str, variable: str, year: int, grain: str) -> list[TimeStep] | None:
    """Return the steps of ``variable`` in the NetCDF file ``path`` that lie in ``year``, in the order of their dates.

    None when the variable has no time dimension: then the file's name must say its date.

    A time step with bounds counts as the middle of them, since many files date a month's mean by the month's end.

    Raises:
        RasterError: for a missing file or variable, a dimension other than time, a time that cannot be decoded, or
            two time steps on one date.
    """
    times = _times(path, variable)
    if times is None:
        return None
    steps, length = {}, _LENGTH[grain]
    for band, time in enumerate(times[0], start=1):
        if time.startswith(f"{year:04d}"):
            date = time[:length]
            if date in steps:
                raise RasterError(
                    f"{path}: {variable} has more than one time step on {date}; raster.grain: {grain} needs one "
                    f"(its first is {times[0][0]}, its last {times[0][-1]}, in all {len(times[0])})"
                )
            steps[date] = TimeStep(date, path, band, variable)
    return [steps[date] for date in sorted(steps)]


def time_steps_of_year(files: dict[str, list[str]], variable: str, year: int, grain: str) -> list[TimeStep]:
    """Return the steps of ``year`` in the NetCDF files of a year: path to the dates that its name says, if any.

    Raises:
        RasterError: naming what is missing, when the files do not hold each date of the year in their calendar.
    """
    found, expected = {}, dates_of(year, grain)
    for path, dates in files.items():
        steps = netcdf_time_steps(path, variable, year, grain)
        if steps is None:
            if len(dates) != 1:
                raise RasterError(
                    f"{path}: {variable} has no time dimension, so the file's name must say its date; write {{year}} "
                    "(and {month}, {day}) in raster.path"
                )
            steps = [TimeStep(dates[0], path, 1, variable)]
        elif grain == "daily":
            expected = _days_of(year, _times(path, variable)[1])
        found.update({step.date: step for step in steps})
    missing = [date for date in expected if date not in found]
    if missing:
        what = f"{len(missing)} of {len(expected)} dates" if len(expected) > 1 else "the year"
        raise RasterError(
            f"{', '.join(files)}: {variable} lacks {what} {', '.join(missing[:5])}{' …' if len(missing) > 5 else ''}; "
            f"it holds {_span(list(files), variable)}"
        )
    return [found[date] for date in expected]


def check_years(pattern: str, variables: list[str], years: list[int], grain: str) -> None:
    """Raise RasterError that names the years a NetCDF file of all years lacks; called before any job."""
    if "{year}" in pattern:
        return  # a file a year: its being there is checked with the other local files
    for variable in variables:
        files = {path: [] for path in local_paths(pattern, variable, years[0], grain)}
        missing, first = [], None
        for year in years:
            try:
                time_steps_of_year(files, variable, year, grain)
            except RasterError as error:
                missing, first = [*missing, year], first or error
        if len(missing) > 1 and any(_times(path, variable) for path in files):
            raise RasterError(
                f"{', '.join(files)}: {variable} lacks {len(missing)} of {len(years)} years: {format_years(missing)}; "
                f"it holds {_span(list(files), variable)}. The first: {first}"
            )
        if missing:
            raise first


def _span(files: list[str], variable: str) -> str:
    times = sorted(time for path in files for time in (_times(path, variable) or [[]])[0])
    return f"{times[0]} to {times[-1]}, {len(times)} time steps" if times else "no time step"


def _days_of(year: int, calendar: str) -> list[str]:
    """Return the days of a year in a CF calendar: 365 in ``noleap``, 360 in ``360_day``."""
    import cftime

    first, last = (cftime.datetime(y, 1, 1, calendar=calendar) for y in (year, year + 1))
    days = cftime.num2date(range((last - first).days), f"days since {year:04d}-01-01", calendar)
    return [_iso(day) for day in days]


def _times(path: str, variable: str) -> tuple[list[str], str] | None:
    """Return the day (``2000-01-31``) of each time step and the calendar, or None without a time dimension."""
    status = Path(path).stat() if Path(path).exists() else None
    return _read_times(path, variable, status and (status.st_mtime_ns, status.st_size))


@functools.lru_cache(maxsize=64)
def _read_times(path: str, variable: str, version) -> tuple[list[str], str] | None:
    try:
        with open_raster(path, variable) as dataset:
            tags = dataset.tags()
    except RasterError as error:
        names = variables_of(path)
        if variable in names or not names:
            raise
        raise RasterError(
            f"{path} has no variable {variable!r}{nearest(variable, names)} Its variables: {', '.join(names)}"
        ) from error
    extra = [name for name in tags.get("NETCDF_DIM_EXTRA", "").strip("{}").split(",") if name]
    sizes = {name: int(tags[f"NETCDF_DIM_{name}_DEF"].strip("{}").split(",")[0]) for name in extra}
    times = [name for name in extra if name.lower() in TIMES or " since " in tags.get(f"{name}#units", "")]
    others = [name for name in extra if name not in times and sizes[name] > 1]
    if others or len(times) > 1:
        raise RasterError(
            f"{path}: {variable} has the dimension {(others or times)[0]!r} beside its rows and columns; "
            "zonal statistics need (time, y, x). Choose one level, or turn the dimensions, with ncks or xarray"
        )
    if not times:
        return None
    name = times[0]
    try:
        values = [float(value) for value in tags[f"NETCDF_DIM_{name}_VALUES"].strip("{}").split(",")]
    except (KeyError, ValueError):
        raise RasterError(
            f"{path}: the dimension {name!r} of {variable} has no numeric coordinate to take dates from"
        ) from None
    units, calendar = tags.get(f"{name}#units", ""), tags.get(f"{name}#calendar", "standard")
    if " since " not in units:
        if name.lower() == "year":
            return [f"{round(value):04d}-01-01" for value in values], "standard"
        raise RasterError(f"{path}: the time of {variable} has the units {units!r}, not CF's 'days since …'")
    return _decode(_middle(path, tags.get(f"{name}#bounds"), values), units, calendar, path), calendar


def _decode(values: list[float], units: str, calendar: str, path: str) -> list[str]:
    import cftime

    try:
        return [_iso(time) for time in cftime.num2date(values, units, calendar)]
    except (ValueError, OverflowError) as error:
        raise RasterError(
            f"{path}: its time, {units!r} in the calendar {calendar!r}, cannot be decoded: {error}"
        ) from error


def _iso(time) -> str:
    return f"{time.year:04d}-{time.month:02d}-{time.day:02d}"


def _middle(path: str, bounds: str | None, values: list[float]) -> list[float]:
    """Return the middles of the time steps' bounds, or ``values`` where the file has none that can be read."""
    if not bounds:
        return values
    try:
        with open_raster(path, bounds) as dataset:
            table = dataset.read(1)
    except RasterError:
        return values
    if table.shape != (len(values), 2):
        return values
    middles = table.astype("float64").mean(axis=1)
    if (middles[-1] - middles[0]) * (values[-1] - values[0]) < 0:
        middles = middles[::-1]  # GDAL takes the first dimension for rows, which it turns north up
    return middles.tolist()


def variables_of(path: str) -> list[str]:
    """Return the names of a NetCDF file's gridded variables; none if it cannot be opened."""
    try:
        with open_raster(path) as dataset:
            several = [name.rpartition(":")[2] for name in dataset.subdatasets]
            if several:
                return [name for name in several if not name.endswith(("_bnds", "_bounds"))]
            return [dataset.tags(1)["NETCDF_VARNAME"]] if dataset.count else []
    except (RasterError, KeyError, IndexError):
        return []
