"""Check before any job that local files hold every date of a study."""

from collections.abc import Mapping, Sequence
from typing import Any

from zonalflow.common.dates import format_years
from zonalflow.common.errors import RasterError
from zonalflow.common.text import count_of
from zonalflow.rasters.containers import exists, is_array
from zonalflow.rasters.read import TimeStep
from zonalflow.timeline.patterns import files_of_year
from zonalflow.timeline.time_steps import MissingYearError, local_steps, span_of


def check_years(raster: Mapping[str, Any], variables: Sequence[str], years: list[int]) -> list[TimeStep]:
    """Return the first time step of each variable after finding those of all variables and years.

    Raises:
        RasterError: naming the missing years, or the first fault of another kind.
    """
    firsts: list[TimeStep] = []
    for variable in variables:
        _check_files(raster, variable, years)
        lacking: dict[int, RasterError] = {}
        for year in years:
            try:
                steps = local_steps(raster, variable, year).steps
                firsts += steps[:1] if year == years[0] else []
            except MissingYearError as error:
                lacking[year] = error
        if lacking:
            raise _lacking(raster, variable, years, lacking)
    return firsts


def _check_files(raster: Mapping[str, Any], variable: str, years: list[int]) -> None:
    """Raise RasterError that names the years whose files are missing, if any are."""
    missing: dict[int, str] = {}
    skip = raster.get("missing_dates") == "skip"
    for year in years:
        paths = files_of_year(raster, variable, year)
        absent = [path for path in paths if not exists(path)]
        if absent and (not skip or len(absent) == len(paths)):
            missing[year] = absent[0]
    if missing:
        advice = "Leave these years out" if skip else "Put the files there, or leave these years out"
        if raster["grain"] != "annual" and not skip:
            advice += "; to leave out single dates, write raster.missing_dates: skip, or raster.months: [6, 7, 8]"
        raise RasterError(
            f"{variable}: no raster for {len(missing)} of {count_of(len(years), 'year')}: "
            f"{format_years(list(missing))}. Looked for {next(iter(missing.values()))}, from raster.path: "
            f"{raster['path']}. {advice}"
        )


def _lacking(
    raster: Mapping[str, Any], variable: str, years: list[int], errors: dict[int, RasterError]
) -> RasterError:  # fmt: skip
    """Return one error for the years that files lack."""
    first = next(iter(errors.values()))
    files = [path for year in years for path in files_of_year(raster, variable, year)]
    arrays = [path for path in dict.fromkeys(files) if exists(path) and is_array(path)]
    if len(errors) == 1 or not files:
        return first
    return RasterError(
        f"{', '.join(dict.fromkeys(files[:3]))}: {variable} lacks {len(errors)} of {len(years)} years: "
        f"{format_years(list(errors))}{span_of(raster, arrays, variable)}. The first: {first}"
    )
