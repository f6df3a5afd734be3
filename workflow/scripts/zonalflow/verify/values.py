"""The values of a time step in any window of the study's grid, read by another library than the jobs' and by labels.

NetCDF files are read as :mod:`zonalflow.verify.labels` has it. All other files come through rioxarray, as in the
tutorial that this project replaces; what is missing is by GDAL's own idea of it.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from zonalflow.common.errors import VerificationError
from zonalflow.geometry.grid import Grid
from zonalflow.rasters.containers import is_array
from zonalflow.rasters.read import TimeStep, open_raster, with_band
from zonalflow.verify.labels import dates_of_step, positions, read_by_label, undecoded

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

Read = Callable[[Grid], tuple[np.ndarray, np.ndarray]]  # a window of the grid → values float64, missing bool


@contextmanager
def open_values(step: TimeStep, raster: dict[str, Any]) -> Iterator[Read]:
    """Open a time step's file for reading windows of the study's grid: values in the file's unit, and what is missing.

    Args:
        step: the time step.
        raster: as configured.

    Raises:
        VerificationError: when the file has no cell where the grid has one, or tells another date; and as the file
            requires.
    """
    nodata = raster["nodata"]
    if step.layer is not None:
        with undecoded(step.path, step.layer, raster["select"]) as array:
            times = dates_of_step(array, step.band)
            if raster["grain"] != "native":
                times = times[1:2] or times  # the middle
            taken_for = step.date[:13] if raster["grain"] == "hourly" else step.date
            if times and not any(time.startswith(taken_for) for time in times):
                raise VerificationError(f"{step.path}: the time step taken for {step.date} is that of {times[0][:10]}")
            yield lambda grid: read_by_label(array, step.band, grid, nodata)
        return
    _check_name(step, raster)
    from rasterio.env import Env

    with (
        Env(GRIB_NORMALIZE_UNITS="NO"),
        open_raster(step.path, fetched=step.sha256 is not None) as dataset,
        _labelled(dataset) as bands,
    ):
        band = with_band(dataset, step).band
        _check_band(dataset, band, step)
        yield lambda grid: _read_band(dataset, bands, band, grid, nodata)


def read_weights(path: str, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights of a grid's cells, and which of them the file calls missing.

    Raises:
        VerificationError: when the file has several bands, or no cell where the grid has one.
    """
    if is_array(path):
        with undecoded(path, None) as array:
            return read_by_label(array, 1, grid, None)
    with open_raster(path) as dataset, _labelled(dataset) as bands:
        if dataset.count != 1:
            raise VerificationError(f"{path} has {dataset.count} bands, and a raster of weights has one")
        return _read_band(dataset, bands, 1, grid, None)


def _check_name(step: TimeStep, raster: dict[str, Any]) -> None:
    """Raise VerificationError when a file whose name gives the date is not the one of this date."""
    if raster["source"] != "local":
        return
    keys = {"year": r"\d{4}", "month": r"\d\d", "day": r"\d\d", "hour": r"\d\d", "doy": r"\d{3}"}
    expression = re.escape(str(raster["path"])).replace(r"\{variable\}", ".+").replace(r"\*", "[^/]*")
    for key, digits in keys.items():
        expression = expression.replace(rf"\{{{key}\}}", f"(?P<{key}>{digits})", 1)
        expression = expression.replace(rf"\{{{key}\}}", f"(?P={key})")
    named = re.fullmatch(expression, step.path)
    parts = dict(zip(keys, re.split("[-T:]", step.date), strict=False))
    if len(parts) == 3 and "{doy}" in str(raster["path"]):
        parts = {"year": parts["year"], "doy": f"{date.fromisoformat(step.date).timetuple().tm_yday:03d}"}
    if named is None or any(parts.get(key, text) != text for key, text in named.groupdict().items()):
        raise VerificationError(f"{step.path} was taken for {step.date}")


def _check_band(dataset: "DatasetReader", band: int, step: TimeStep) -> None:
    """Raise VerificationError when GDAL describes a band as another one's, or as one of another time (GRIB)."""
    tags, named = dataset.tags(band), step.band_name
    if "GRIB_VALID_TIME" not in tags:
        if named is not None and (dataset.count > 1 or step.shared) and dataset.descriptions[band - 1] != named:
            raise VerificationError(f"{step.path}: band {band}, taken for {named}, is {dataset.descriptions[band - 1]}")
        return
    element, _, level = (named or "").partition(":")
    told = {element.upper(): tags.get("GRIB_ELEMENT", ""), level.upper(): tags.get("GRIB_SHORT_NAME", "")}
    if step.shared and any(wanted not in ("", known.upper()) for wanted, known in told.items()):
        raise VerificationError(f"{step.path}: message {band}, taken for {named}, is of {':'.join(told.values())}")
    if dataset.count == 1:
        return  # its date is that of the file's name
    ends = [int(float(tags[key].split()[0])) for key in ("GRIB_REF_TIME", "GRIB_VALID_TIME") if key in tags]
    first, last = (datetime.fromtimestamp(end, UTC).strftime("%Y-%m-%dT%H:%M") for end in (min(ends), max(ends)))
    if not first[: len(step.date)] <= step.date <= last[: len(step.date)]:
        raise VerificationError(f"{step.path}: message {band}, taken for {step.date}, is of {first} to {last}")


@contextmanager
def _labelled(dataset: "DatasetReader") -> Iterator[Any]:
    """Open the file again with rioxarray, which gives each row and column the coordinate of its cells' centres."""
    import rioxarray
    import xarray

    bands = rioxarray.open_rasterio(dataset, cache=False)
    assert isinstance(bands, xarray.DataArray)  # of one layer, not a list
    with bands:
        yield bands


def _read_band(
    dataset: "DatasetReader", bands: Any, band: int, grid: Grid, nodata: float | str | None
) -> tuple[np.ndarray, np.ndarray]:
    from rasterio.windows import Window

    rows = positions(bands["y"].to_numpy(), grid, along_x=False)
    columns = positions(bands["x"].to_numpy(), grid, along_x=True)
    row, column = rows.min(), columns.min()
    height, width = rows.max() - row + 1, columns.max() - column + 1
    here = np.ix_(rows - row, columns - column)
    stored = bands[band - 1, row : row + height, column : column + width].to_numpy()[here]
    if nodata in (None, "declared"):
        missing = dataset.read_masks(band, window=Window(column, row, width, height))[here] == 0
    elif nodata == "none":
        missing = np.zeros(stored.shape, bool)
    elif stored.dtype.kind in "iu":
        missing = stored == (nodata if isinstance(nodata, int) else float(nodata))
    else:
        missing = np.isclose(stored, float(nodata), rtol=1e-6, atol=0, equal_nan=True)
    return stored * np.float64(dataset.scales[band - 1]) + dataset.offsets[band - 1], missing
