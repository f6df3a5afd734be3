"""Which raster files, bands and time steps hold the dates of a year.

A *time step* is one date of one variable: the whole year at annual grain, a month, a day or an hour at the others, or
what the files hold. Time steps come from a receipt (what a fetch wrote, see :mod:`zonalflow.sources.receipts`) or from
a path pattern of local files.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zonalflow.common.errors import RasterError
from zonalflow.common.text import few
from zonalflow.rasters.containers import exists, is_array
from zonalflow.rasters.read import TimeStep
from zonalflow.rasters.selection import select_of
from zonalflow.timeline.bands import band_time_steps
from zonalflow.timeline.calendars import days_of
from zonalflow.timeline.patterns import NATIVE, expected_dates, files_of_year, name_in_files
from zonalflow.timeline.time_axis import array_time_steps, span, time_axis


@dataclass(frozen=True)
class YearSteps:
    """The time steps of a year, in the order of their dates, and the dates that the files lack, which were left out."""

    steps: list[TimeStep]
    missing: list[str] = field(default_factory=list)


def time_steps_of_year(raster: Mapping[str, Any], inputs: list[str], variable: str, year: int) -> list[TimeStep]:
    """Return the time steps of a year in the order of their dates, see :func:`year_steps`."""
    return year_steps(raster, inputs, variable, year).steps


def year_steps(raster: Mapping[str, Any], inputs: list[str], variable: str, year: int) -> YearSteps:
    """Return the time steps of a year, and the dates that it lacks where these are left out.

    Args:
        raster: as configured.
        inputs: the year's receipt; of the user's own files, the pattern says which these are.
        variable, year: which.

    Raises:
        RasterError: for a damaged receipt, or files that do not hold the year's dates.
    """
    if raster["source"] == "local":
        return local_steps(raster, variable, year)
    return YearSteps(receipt_time_steps(Path(inputs[0])))


def receipt_time_steps(receipt: Path) -> list[TimeStep]:
    """Return the time steps that the receipt of a fetch lists, in the order of their dates.

    Raises:
        RasterError: for a receipt that is damaged, or lists nothing.
    """
    receipt = Path(receipt)
    try:
        files = sorted(json.loads(receipt.read_text(encoding="utf-8"))["files"], key=lambda file: file["date"])
        found = [TimeStep(file["date"], str(receipt.parent / file["name"]), sha256=file["sha256"]) for file in files]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise RasterError(
            f"{receipt} is damaged ({error}); delete it and run again: its rasters are checked again"
        ) from error
    if not found:
        raise RasterError(f"{receipt} lists no raster; delete it and run again")
    return found


def local_steps(raster: Mapping[str, Any], variable: str, year: int) -> YearSteps:
    """Return the time steps of a year in local files.

    Raises:
        RasterError: for a file whose bands or time steps are not the year's dates, a date in two files, or a date that
            is in none, unless ``missing_dates`` is ``skip``.
    """
    files = files_of_year(raster, variable, year)
    skip, arrays = raster.get("missing_dates") == "skip", []
    found: dict[str, TimeStep] = {}
    for path, told in files.items():
        if skip and not exists(path):
            continue
        if is_array(path):
            arrays.append(path)
            steps = _of_array(raster, path, told, variable, year)
        else:
            steps = band_time_steps(raster, path, told, variable, year)
        for date, step in steps.items():
            if date in found:
                raise RasterError(
                    f"{date} of {variable} is in two files, {found[date].path} and {path}; write raster.path so that "
                    "it means one of them"
                )
            found[date] = step
    layer = name_in_files(raster, variable)
    expected = _expected(raster, arrays, layer, year)
    steps_in_order = [found[date] for date in (expected or sorted(found)) if date in found]
    if months := raster.get("months") if not expected else None:
        steps_in_order = [step for step in steps_in_order if int(step.date[5:7] or 0) in months]
    missing = [date for date in expected if date not in found]
    if not steps_in_order or (missing and not skip):
        raise _lacking(raster, files, arrays, variable, missing or [f"{year:04d}"], len(expected))
    return YearSteps(steps_in_order, missing)


def _of_array(raster: Mapping[str, Any], path: str, told: str, variable: str, year: int) -> dict[str, TimeStep]:
    """Return date to time step of a NetCDF, HDF5 or Zarr file."""
    if raster.get("band") is not None:
        raise RasterError(f"raster.band: {path} has dimensions and no bands; choose by raster.select")
    layer, select, grain = name_in_files(raster, variable), select_of(raster.get("select")), raster["grain"]
    steps = array_time_steps(path, layer, year, grain, select)
    axis = time_axis(path, layer, select)
    by_name = told in expected_dates(raster, year) or (grain == NATIVE and told and told not in "".join(steps or {}))
    if steps is not None and not (by_name and axis is not None and axis.is_single):  # the name goes before a lone value
        return steps
    one_year = raster.get("of_years") in (None, [year]) and grain == "annual" and raster.get("of_years")
    date = told or (f"{year:04d}" if one_year else "")
    if not date or (grain != NATIVE and date not in expected_dates(raster, year)):
        raise RasterError(
            f"{path}: {layer} has no time dimension, so the file's name must give its date; write {{year}} "
            "(and {month}, {day}) in raster.path"
        )
    return {date: TimeStep(date, path, 1, layer, select=select)}


def _expected(raster: Mapping[str, Any], arrays: list[str], layer: str, year: int) -> list[str]:
    """Return the dates that a year should have: at daily and hourly grain, those of the files' calendar."""
    expected = expected_dates(raster, year)
    axes = [time_axis(path, layer, select_of(raster.get("select"))) for path in arrays[:1]]
    if raster["grain"] not in ("daily", "hourly") or not axes or axes[0] is None:
        return expected
    months = raster.get("months")
    days = [day for day in days_of(year, axes[0].calendar) if not months or int(day[5:7]) in months]
    if raster["grain"] == "daily":
        return days
    return [f"{day}T{hour:02d}:00" for day in days for hour in range(24)]


def span_of(raster: Mapping[str, Any], arrays: list[str], variable: str) -> str:
    """Return what NetCDF, HDF5 or Zarr files hold, to end a message: ``; it holds …``; empty if there are none."""
    layer, select = name_in_files(raster, variable), select_of(raster.get("select"))
    return f"; it holds {span(arrays, layer, select)}" if arrays else ""


def _lacking(
    raster: Mapping[str, Any], files: dict[str, str], arrays: list[str], variable: str, missing: list[str], of: int
) -> RasterError:
    """Return the error for a year that lacks dates, which names them, and the keys that help."""
    where = few(arrays or files, 3) if files else f"no file of raster.path: {raster['path']}"
    what = f"{len(missing)} of {of} dates:" if of > 1 else "the year"
    lacks = f"{where}: {variable} lacks {what} {few(missing)}{span_of(raster, arrays, variable)}"
    if len(missing) == of or of <= 1:
        return MissingYearError(lacks)
    return RasterError(
        f"{lacks}. To leave out what is missing, write raster.missing_dates: skip; to ask for some months of each year "
        "only, raster.months: [6, 7, 8]"
    )


class MissingYearError(RasterError):
    """The files hold no date of a year."""
