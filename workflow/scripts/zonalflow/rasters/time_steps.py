"""Which raster files and bands hold the dates of a year.

A *time step* is one date of one variable: the whole year at annual grain, a month or a day at the others. Two kinds of
source give time steps: a receipt (what a fetch wrote, see :mod:`zonalflow.sources.receipts`) and a path pattern of
local files.
"""

import json
from pathlib import Path

from zonalflow.common.dates import dates_of
from zonalflow.common.errors import RasterError
from zonalflow.rasters.patterns import is_netcdf, local_path
from zonalflow.rasters.read import TimeStep, open_raster


def receipt_time_steps(receipt: Path) -> list[TimeStep]:
    """Return the steps that the receipt of a fetch lists, in the order of their dates.

    Raises:
        RasterError: for a receipt that is damaged, or lists nothing.
    """
    receipt = Path(receipt)
    try:
        files = sorted(json.loads(receipt.read_text(encoding="utf-8"))["files"], key=lambda file: file["date"])
        steps = [TimeStep(f["date"], str(receipt.parent / f["name"]), sha256=f["sha256"]) for f in files]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RasterError(
            f"{receipt} is damaged ({error}); delete it and run again: its rasters are checked again"
        ) from error
    if not steps:
        raise RasterError(f"{receipt} lists no raster; delete it and run again")
    return steps


def local_time_steps(pattern: str, variable: str, year: int, grain: str) -> list[TimeStep]:
    """Return the steps of ``year`` in local files.

    Files with one date each are read at their first band. A file that holds several dates is a NetCDF with a time
    dimension, or a raster with one band a date of the year, in order.

    Raises:
        RasterError: for a file whose bands or time steps are not the year's dates.
    """
    files: dict[str, list[str]] = {}
    for date in dates_of(year, grain):
        files.setdefault(local_path(pattern, variable, date), []).append(date)
    if any(is_netcdf(path) for path in files):
        from zonalflow.rasters.netcdf import time_steps_of_year

        if "{year}" not in pattern:
            files = {path: [] for path in files}  # a file's name does not say its date
        return time_steps_of_year(files, variable, year, grain)
    steps = []
    for path, dates in files.items():
        steps += [TimeStep(dates[0], path, name=variable)] if len(dates) == 1 else _band_time_steps(path, dates)
    return steps


def _band_time_steps(path: str, dates: list[str]) -> list[TimeStep]:
    with open_raster(path) as dataset:
        if dataset.count != len(dates):
            raise RasterError(
                f"{path} has {dataset.count} bands, but {dates[0]} to {dates[-1]} are {len(dates)} dates; "
                "a file that holds several dates needs one band for each, in order"
            )
    return [TimeStep(date, path, band) for band, date in enumerate(dates, start=1)]


def time_steps_of_year(raster: dict, inputs: list[str], variable: str, year: int) -> list:
    """Return the steps of a year: those of its receipt, or of the user's files."""
    if raster["source"] == "local":
        return local_time_steps(raster["path"], variable, year, raster["grain"])
    return receipt_time_steps(Path(inputs[0]))
