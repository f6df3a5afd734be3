"""Which raster files and bands hold the dates of a year.

A *time step* is one date of one variable: the whole year at annual grain, a month or a day at the others. Time steps
come from a receipt (what a fetch wrote, see :mod:`zonalflow.sources.receipts`) or from a path pattern of local files.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zonalflow.common.dates import dates_of
from zonalflow.common.errors import RasterError
from zonalflow.common.text import count_of
from zonalflow.rasters.grib import is_grib, message_bands
from zonalflow.rasters.netcdf import netcdf_time_steps_of_year
from zonalflow.rasters.patterns import is_netcdf, local_path
from zonalflow.rasters.read import TimeStep, open_raster


def time_steps_of_year(raster: Mapping[str, Any], inputs: list[str], variable: str, year: int) -> list[TimeStep]:
    """Return the time steps of a year in the order of their dates.

    Args:
        raster: as configured; its keys ``source``, ``path`` and ``grain`` count.
        inputs: the year's receipt, or the user's own files.
        variable, year: which.

    Raises:
        RasterError: for a damaged receipt, or files that do not hold the year's dates.
    """
    if raster["source"] == "local":
        return local_time_steps(raster["path"], variable, year, raster["grain"])
    return receipt_time_steps(Path(inputs[0]))


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


def local_time_steps(pattern: str, variable: str, year: int, grain: str) -> list[TimeStep]:
    """Return the time steps of ``year`` in local files.

    A file with one date is read at its first band, or at the band that is described by the variable's name. A file with
    several dates is a NetCDF with a time dimension, a GRIB file, whose messages have times, or a raster with one band
    for each date of the year, in order.

    Raises:
        RasterError: for a file whose bands or time steps are not the year's dates.
    """
    files: dict[str, list[str]] = {}
    for date in dates_of(year, grain):
        files.setdefault(local_path(pattern, variable, date), []).append(date)
    if any(is_netcdf(path) for path in files):
        if "{year}" not in pattern:
            files = {path: [] for path in files}  # the file's name does not give the date
        return netcdf_time_steps_of_year(files, variable, year, grain)
    found = []
    for path, dates in files.items():
        found += [TimeStep(dates[0], path, band_name=variable)] if len(dates) == 1 else _bands(path, variable, dates)
    return found


def _bands(path: str, variable: str, dates: list[str]) -> list[TimeStep]:
    """Return the time steps of a file with one band for each date, or of a GRIB file, whose messages have dates."""
    with open_raster(path) as dataset:
        if is_grib(dataset):
            bands = message_bands(dataset, variable, dates)
            return [TimeStep(date, path, band) for date, band in zip(dates, bands, strict=True)]
        if dataset.count != len(dates):
            raise RasterError(
                f"{path} has {count_of(dataset.count, 'band')}, but {dates[0]} to {dates[-1]} are {len(dates)} dates; "
                "a file that holds several dates needs one band for each, in order"
            )
    return [TimeStep(date, path, band) for band, date in enumerate(dates, start=1)]
