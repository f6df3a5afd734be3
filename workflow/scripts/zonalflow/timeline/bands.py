"""Files that GDAL reads as rasters: which of their bands hold which dates of a year.

A file has one date, or a band for each of its dates: GRIB messages have times of their own, bands may be described by
dates (``ppt_2003``), and otherwise there must be exactly as many bands as dates, in order.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zonalflow.common.dates import dates_of
from zonalflow.common.errors import RasterError
from zonalflow.common.text import count_of
from zonalflow.rasters.containers import exists
from zonalflow.rasters.grib import is_grib, messages
from zonalflow.rasters.read import TimeStep, open_raster
from zonalflow.timeline.patterns import NATIVE, expected_dates, name_in_files

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

_LENGTH = {"annual": 4, "monthly": 7, "daily": 10, "hourly": 16}
_FINER = {"monthly": "{month}", "daily": "{month} and {day}", "hourly": "{month}, {day} and {hour}"}  # than a year
_DESCRIBED = re.compile(r"(?:^|[^0-9])((?:1[89]|2[012])\d{2})(?:[-_.]?(\d{2})(?:[-_.]?(\d{2}))?)?$")


def band_time_steps(
    raster: Mapping[str, Any], path: str, told: str, variable: str, year: int
) -> dict[str, TimeStep]:  # fmt: skip
    """Return date to time step of a file in a year.

    Args:
        raster: as configured; ``of_years`` are the years of the study where names do not tell the year, ``shared``
            whether each file holds several variables.
        path: the file.
        told: the date that its name tells, or an empty text.
        variable: its label.
        year: which.

    Raises:
        RasterError: for a file that does not have a band for each date.
    """
    grain, band = raster["grain"], raster.get("band")
    if raster.get("select"):
        raise RasterError(f"raster.select: {path} has bands and no dimensions; choose one by raster.band")
    name, shared = name_in_files(raster, variable), bool(raster.get("shared"))
    if band is not None and shared:
        raise RasterError(
            f"raster.band: {band} of {path} would be all variables; leave it out, and name each variable's band: "
            f"raster.variables: {{{variable}: DESCRIPTION OF THE BAND}}"
        )
    if not told and raster.get("of_years") in (None, [year]) and grain == "annual":
        told = f"{year:04d}"
    if told and (grain == NATIVE or len(told) == _LENGTH[grain]):
        if grain != NATIVE and told not in expected_dates(raster, year):
            return {}
        if grain != NATIVE or not (band is None and exists(path) and _has_several_times(path, told)):
            if isinstance(band, int):
                return {told: TimeStep(told, path, band)}
            return {told: TimeStep(told, path, band_name=band or name, shared=shared)}
    if band is not None:
        raise RasterError(
            f"raster.band: {band} of {path} is one date, which the file's name must give; write {{year}} (and "
            "{month}, {day}) in raster.path"
        )
    with open_raster(path) as dataset:
        found = _bands(raster, dataset, path, told, name, year)
    return {date: TimeStep(date, path, number) for date, number in found.items()}


def _has_several_times(path: str, told: str) -> bool:
    """Return whether a file at the grain native holds more than the date of its name: GRIB, or bands with dates."""
    if len(told) > 10:
        return False
    with open_raster(path) as dataset:
        return dataset.count > 1 and (is_grib(dataset) or _described(dataset, None) is not None)


def _bands(
    raster: Mapping[str, Any], dataset: "DatasetReader", path: str, told: str, name: str, year: int
) -> dict[str, int]:  # fmt: skip
    """Return date to band, from 1, of an open file with several dates."""
    grain, text = raster["grain"], f"{year:04d}"
    wanted = [date for date in expected_dates(raster, year) if date.startswith(told)]
    if is_grib(dataset):
        return _of_messages(dataset, raster, name, year)
    if raster.get("shared"):
        raise RasterError(
            f"{path} has {count_of(dataset.count, 'band')} for its dates, so it holds one variable, and "
            "raster.variables names several; write {variable} in raster.path"
        )
    described = _described(dataset, None if grain == NATIVE else _LENGTH[grain])
    if described is not None:
        return {date: band for date, band in described.items() if date.startswith(told or text)}
    if grain == NATIVE:
        raise RasterError(
            f"{path} has {count_of(dataset.count, 'band')} without dates; name its dates in raster.path, or describe "
            "the bands by them, such as 2000-01-09"
        )
    years = [year] if told else raster.get("of_years") or [year]
    dates = [date for one in years for date in dates_of(one, grain) if date.startswith(told)]
    asked_for = [date for one in years for date in expected_dates(raster, one) if date.startswith(told)]
    if dataset.count == len(asked_for):
        dates = asked_for  # the months alone that the study asks for
    if dataset.count != len(dates):
        hint = f"; else write {_FINER[grain]} in raster.path" if len(told) == 4 and grain in _FINER else ""
        if not told:
            hint = "; else write {year} in raster.path, or one year in years for a raster that never changes"
        raise RasterError(
            f"{path} has {count_of(dataset.count, 'band')}, but {dates[0]} to {dates[-1]} are {len(dates)} dates; "
            f"a file that holds several dates needs one band for each, in order, or bands described by dates{hint}"
        )
    return {date: band for band, date in enumerate(dates, start=1) if date in wanted}


def _of_messages(dataset: "DatasetReader", raster: Mapping[str, Any], name: str, year: int) -> dict[str, int]:
    """Return date to band of the messages of a GRIB file that lie in a year."""
    grain, found_at = raster["grain"], messages(dataset, name, exactly=bool(raster.get("shared")))
    times = [(time, band) for time, band in found_at if time.startswith(f"{year:04d}")]
    days = {time[:10] for time, _ in times}
    length = (10 if len(days) == len(times) else 16) if grain == NATIVE else min(_LENGTH[grain], 13)
    found: dict[str, int] = {}
    for time, band in times:
        date = time[:length] + (":00" if grain == "hourly" else "")
        if date in found:
            raise _several(dataset, name, date, {_level(dataset, found[date]), _level(dataset, band)})
        found[date] = band
    return found


def _several(dataset: "DatasetReader", name: str, date: str, levels: set[str]) -> RasterError:
    """Return the error for messages of a variable and date that cannot be told apart."""
    element, one = name.partition(":")[0], min(levels)
    advice = (
        f"name its level, for example raster.variables: {{{element.lower()}: '{element}:{one}'}}"
        if len(levels) > 1
        else "write the grain of the file, or, of ensemble members and forecasts, one to a file of its own (grib_copy)"
    )
    return RasterError(
        f"{dataset.name} holds several messages of {name} at {date} ({' and '.join(sorted(levels))}), but exactly one "
        f"is needed; {advice}"
    )


def _level(dataset: "DatasetReader", band: int) -> str:
    return str(dataset.tags(band).get("GRIB_SHORT_NAME", "?"))


def _described(dataset: "DatasetReader", length: int | None) -> dict[str, int] | None:
    """Return date to band where each band is described by a date of its own, of `length` characters; else None."""
    found: dict[str, int] = {}
    for band, text in enumerate(dataset.descriptions, start=1):
        match = _DESCRIBED.search(text or "")
        date = "-".join(part for part in match.groups() if part) if match else ""
        if not date or date in found or (length is not None and len(date) != length):
            return None
        found[date] = band
    return found if len({len(date) for date in found}) == 1 else None
