"""The paths of local rasters: a pattern such as ``rasters/{variable}_{year}.tif``, and the files that it means."""

import calendar
import datetime
import glob
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from zonalflow.common.dates import dates_of
from zonalflow.common.errors import ConfigError, RasterError
from zonalflow.rasters.containers import ARRAY_SUFFIXES, exists, members, on_disk

KEYS = {"variable": ".+", "year": r"\d{4}", "month": r"\d{2}", "day": r"\d{2}", "doy": r"\d{3}", "hour": r"\d{2}"}
NATIVE = "native"
#: the keys of a pattern that are finer than a grain
_TOO_FINE = {"annual": {"month", "day", "doy", "hour"}, "monthly": {"day", "doy", "hour"}, "daily": {"hour"}}
_PART = re.compile(r"(\{\w*\}|\*)")
_SPAN = re.compile(r"(?<!\d)(\d{4})(?:\d{2}){0,5}[-_](\d{4})(?:\d{2}){0,5}(?!\d)")  # of times in a file's name


def check_pattern(pattern: str, years: list[int], grain: str = "annual") -> None:
    """Raise ConfigError unless the pattern gives each year of the study files of its own."""
    found = set(_keys(pattern))
    unknown = [part.partition("}")[0] for part in pattern.split("{")[1:] if part.partition("}")[0] not in KEYS]
    if unknown:
        known = ", ".join(f"{{{key}}}" for key in KEYS)
        raise ConfigError(f"raster.path: {{{unknown[0]}}} in {pattern!r} is unknown; a pattern may hold {known} and *")
    fine = sorted(found & _TOO_FINE.get(grain, set()))
    if fine:
        raise ConfigError(
            f"raster.path: {{{fine[0]}}} in {pattern!r} names dates finer than raster.grain: {grain}; write the grain "
            "of the files, or native for the time steps that they hold"
        )
    for key, needs in (("day", "month"), ("month", "year"), ("doy", "year")):
        if key in found and needs not in found and len(years) > 1:
            raise ConfigError(f"raster.path: {pattern!r} has {{{key}}} and so needs {{{needs}}}")
    if "hour" in found and not found & {"day", "doy"}:
        raise ConfigError(f"raster.path: {pattern!r} has {{hour}} and so needs {{month}}{{day}} or {{doy}}")


def may_be_arrays(pattern: str) -> bool:
    """Return whether a pattern's suffix is one of NetCDF, HDF5 or Zarr, or of a zip, which may hold such a file."""
    return pattern.lower().removesuffix(".gz").endswith((*ARRAY_SUFFIXES, ".hdf", ".zip"))


def name_in_files(raster: Mapping[str, Any], variable: str) -> str:
    """Return what the files call a variable: the name that ``raster.variables`` maps its label to, or the label."""
    return str((raster.get("names") or {}).get(variable, variable))


def expected_dates(raster: Mapping[str, Any], year: int) -> list[str]:
    """Return the dates of a year that a study asks for; none at grain native, where the files say which there are."""
    return [] if raster["grain"] == NATIVE else dates_of(year, raster["grain"], raster.get("months"))


def files_of_year(raster: Mapping[str, Any], variable: str, year: int) -> dict[str, str]:
    """Return the files of a year that may exist, path to the date that its name tells: ``2000-01``, or an empty text.

    Without ``*``, and at a grain of the calendar, these are the paths of all dates of the year, whether or not there
    are such files. Otherwise they are looked for.

    Raises:
        RasterError: for a name that tells no date.
    """
    pattern = raster["path"]
    if "*" in pattern or raster["grain"] == NATIVE:
        found = _found(pattern, variable, year, raster.get("of_years"))
        return dict(sorted(found.items(), key=lambda file: (file[1], file[0])))
    files: dict[str, str] = {}
    for date in expected_dates(raster, year):
        path = local_path(pattern, variable, date)
        files.setdefault(path, _told(pattern, _parts_of(date), raster.get("of_years")))
    return files


def inputs_of_year(raster: Mapping[str, Any], variable: str, year: int) -> list[str]:
    """Return what a year's job waits for: files and folders on the disk, in the order of their dates, each once."""
    paths = files_of_year(raster, variable, year)
    present = [path for path in paths if raster.get("missing_dates") != "skip" or exists(path)]
    return list(dict.fromkeys(map(on_disk, present)))


def local_path(pattern: str, variable: str, date: str) -> str:
    """Return the path of a variable at a date: the pattern with its keys replaced."""
    for key, text in {"variable": variable, **_parts_of(date)}.items():
        pattern = pattern.replace(f"{{{key}}}", text)
    return pattern


def _parts_of(date: str) -> dict[str, str]:
    """Return the keys of a date: year, month, day, day of the year, hour, as far as it has them."""
    day, _, clock = date.partition("T")
    parts = dict(zip(("year", "month", "day"), day.split("-"), strict=False))
    if len(parts) == 3:
        number = (datetime.date.fromisoformat(day) - datetime.date(int(parts["year"]), 1, 1)).days + 1
        parts["doy"] = f"{number:03d}"
    return parts | ({"hour": clock[:2]} if clock else {})


def _told(pattern: str, parts: Mapping[str, str], of_years: list[int] | None) -> str:
    """Return the date that a pattern's keys tell of a file, ``{month}`` that of a study's only year; else empty."""
    keys = set(_keys(pattern))
    known = {key: text for key, text in parts.items() if key in keys}
    if "year" not in keys:
        if of_years is None or len(of_years) > 1 or not keys & {"month", "doy"}:
            return ""
        known["year"] = f"{of_years[0]:04d}"
    return _date(known)


def _date(parts: Mapping[str, str]) -> str:
    """Return the date of what stands in a name.

    Raises:
        ValueError: for a day that the calendar does not have.
    """
    date = parts["year"]
    if "doy" in parts:
        number, days = int(parts["doy"]), 366 if calendar.isleap(int(date)) else 365
        if not 1 <= number <= days:
            raise ValueError(f"day {number} of {date}")
        date = (datetime.date(int(date), 1, 1) + datetime.timedelta(days=number - 1)).isoformat()
    elif "month" in parts:
        date += f"-{parts['month']}"
        if "day" in parts:
            date += f"-{parts['day']}"
        datetime.date.fromisoformat(date if "day" in parts else f"{date}-01")
    if "hour" in parts:
        if int(parts["hour"]) > 23:
            raise ValueError(f"hour {parts['hour']}")
        date += f"T{parts['hour']}:00"
    return date


def _found(pattern: str, variable: str, year: int, of_years: list[int] | None) -> dict[str, str]:
    """Return the files that match a pattern and belong to a year, with the dates that their names tell."""
    expression, named = _expression(pattern, variable), {}
    several_years = "*" in pattern and may_be_arrays(pattern)
    for path in _matches(pattern, variable, None if several_years else year):
        parts = expression.fullmatch(path)
        if parts is None or ("year" in parts.groupdict() and not several_years and parts["year"] != f"{year:04d}"):
            continue
        try:
            named[path] = _told(pattern, parts.groupdict(), of_years)
        except ValueError as error:
            raise RasterError(f"{path}: its name, by raster.path: {pattern}, is that of no date ({error})") from None
    return _of_year(named, year) if several_years else named


def _of_year(named: dict[str, str], year: int) -> dict[str, str]:
    """Return the files, each of which may hold several years, that may hold a year.

    Names tell the span of times, ``…_200001-200912.nc``, the year in which it begins, or nothing. A file that holds
    several years has no date of its own.
    """
    spans = {path: _SPAN.search(Path(path).name) for path in named}
    if named and all(spans.values()):
        within = {path: found for path, found in spans.items() if found and found[1] <= f"{year:04d}" <= found[2]}
        return {path: named[path] if found[1] == found[2] else "" for path, found in within.items()}
    begins = sorted({date[:4] for date in named.values() if date})
    if not begins:
        return named
    last = max((begin for begin in begins if begin <= f"{year:04d}"), default="")
    return {path: date if date[:4] == f"{year:04d}" else "" for path, date in named.items() if date[:4] == last}


def _expression(pattern: str, variable: str) -> re.Pattern[str]:
    """Return what a path must match as a whole, with the date's parts as named groups."""
    seen, text = set(), ""
    for part in _PART.split(pattern):
        key = part.strip("{}")
        if part == "*":
            text += "[^/]*"
        elif part == "{variable}":
            text += re.escape(variable)
        elif part.startswith("{"):
            text += f"(?P={key})" if key in seen else f"(?P<{key}>{KEYS[key]})"
            seen.add(key)
        else:
            text += re.escape(part)
    return re.compile(text)


def _matches(pattern: str, variable: str, year: int | None) -> Iterator[str]:
    """Yield the paths that may match a pattern; those in zips are members."""
    digits = {"year": "[0-9]" * 4 if year is None else f"{year:04d}", "doy": "[0-9]" * 3}
    text = ""
    for part in _PART.split(pattern):
        if part == "*":
            text += "*"
        elif part == "{variable}":
            text += glob.escape(variable)
        else:
            text += digits.get(part.strip("{}"), "[0-9][0-9]") if part.startswith("{") else glob.escape(part)
    inside = re.search(r"\.zip/", text, re.IGNORECASE)
    outer = text[: inside.end() - 1] if inside else text
    for path in sorted(glob.glob(outer)):  # noqa: PTH207 - the pattern may be absolute, and is text
        if inside and zipfile.is_zipfile(path):
            yield from (f"{path}/{name}" for name in members(path))
        elif not inside:
            yield path


def _keys(pattern: str) -> list[str]:
    return [part.strip("{}") for part in _PART.split(pattern) if part.startswith("{")]
