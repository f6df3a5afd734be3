"""Opening rasters and reading windows of them, one time step at a time."""

import warnings
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from zonalflow.common.errors import RasterError
from zonalflow.common.files import sha256
from zonalflow.geometry.grid import Grid, grid_of

RASTER_SUFFIXES = (".tif", ".tiff", ".bil", ".img", ".asc", ".vrt")  # what is looked for in a zip
MISSING = -1.7976931348623157e308  # the lowest float64: no measurement, and so free to mean a missing cell


@dataclass(frozen=True)
class TimeStep:
    """One date of one variable: ``date`` (``2000``, ``2000-01``, ``2000-01-31``), the file, the band (from 1).

    ``layer`` is the variable of a NetCDF file, which may hold several; ``name`` says which band of several is meant, by
    its description (see :func:`with_band`); ``sha256`` is the checksum that the file had when it was fetched.
    """

    date: str
    path: str
    band: int = 1
    layer: str | None = None
    sha256: str | None = None
    name: str | None = None


def check_unchanged(step: TimeStep) -> None:
    """Raise RasterError when a fetched raster is missing or not what was fetched; a flipped bit may decode well."""
    if step.sha256 is None:
        return
    what = "is not there" if not Path(step.path).exists() else ""
    if not what and sha256(step.path) != step.sha256:
        what = "is not what was fetched: its checksum differs from its receipt's"
    if what:
        raise RasterError(
            f"{step.path} ({step.date}) {what}. To have it made or fetched again, delete {Path(step.path).parent}/"
            f"{step.date[:4]}.json and run again"
        )


@contextmanager
def open_raster(path: str, layer: str | None = None):
    """Open the raster ``path`` with rasterio; a zip must hold exactly one raster, which is read in place.

    ``layer`` names the variable of a NetCDF file.

    Raises:
        RasterError: when the file is missing, or GDAL cannot read it; the message names the file.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    if not Path(path).exists():
        raise RasterError(f"{path}: no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # `raster_grid` says it with more words
            dataset = rasterio.open(_gdal_name(path, layer))
        with dataset:
            yield dataset
    except RasterioError as error:
        if layer is not None and not _reads_netcdf():
            raise RasterError(
                f"{path}: this GDAL was built without NetCDF; conda-forge has it as libgdal-netcdf"
            ) from error
        raise RasterError(f"{path} cannot be read as a raster ({error.__cause__ or error}); is it complete?") from error


def _reads_netcdf() -> bool:
    import rasterio

    with rasterio.Env() as environment:
        return "netCDF" in environment.drivers()


def _gdal_name(path: str, layer: str | None) -> str:
    if layer is not None:
        return f'NETCDF:"{path}":{layer}'
    if not str(path).lower().endswith(".zip"):
        return str(path)
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.startswith("__MACOSX/")]  # a Mac's own notes
            rasters = [name for name in names if name.lower().endswith(RASTER_SUFFIXES)]
    except zipfile.BadZipFile as error:
        raise RasterError(f"{path} is not a readable zip file ({error}); fetch it again") from None
    if len(rasters) != 1:
        raise RasterError(
            f"{path} holds {len(rasters)} rasters {rasters[:5]}; a zip must hold exactly one GeoTIFF or BIL"
        )
    return f"/vsizip/{{{Path(path).resolve()}}}/{rasters[0]}"


def raster_grid(dataset, crs: str | None = None) -> Grid:
    """Return the grid of an open raster; ``crs`` is used when the file names none.

    Raises:
        RasterError: without any CRS, or without a place on the earth.
        GridError: for a rotated or sheared grid.
    """
    if dataset.transform.is_identity:
        raise RasterError(
            f"{dataset.name} does not say where its cells lie: it has no geotransform, or (NetCDF) its coordinates "
            "are not evenly spaced"
        )
    grid = grid_of(dataset)
    if grid.crs:
        return grid
    if not crs:
        raise RasterError(f"{dataset.name} has no CRS; say it in the configuration, for example raster.crs: EPSG:4269")
    return replace(grid, crs=crs)


def read_time_steps(steps: list[TimeStep], find_grid, *, crs=None, nodata=None) -> Generator:
    """Yield ``(date, values, nodata, place)`` for each time step, in order, holding one window in memory at a time.

    Args:
        steps: what to read.
        find_grid: called with the whole grid of a file and its time step, returns the
            :class:`zonalflow.index.grids.IndexedGrid` on which it meets the zones, or raises GridError.
        crs: used for files that name none.
        nodata: a number, ``"none"`` (every value counts) or None (the file must declare it).

    ``values`` is 2-D, the window of the place's index, scaled by the file's scale and offset where it has them;
    ``nodata`` is a float or None. Cells that a scaled or masked file says are nodata_value are :data:`MISSING`.

    Raises:
        RasterError: for a file that is missing or unreadable, or has no nodata value although it needs one.
    """
    from rasterio import Env
    from rasterio.errors import RasterioError

    with Env():  # one for all: rasterio makes one for each file otherwise, which takes a tenth of a small file's time
        for step in steps:
            check_unchanged(step)
            with _dated(step), open_raster(step.path, step.layer) as dataset:
                place = find_grid(raster_grid(dataset, crs), step)
                step = with_band(dataset, step)
                try:
                    values, nodata_value = read_window(dataset, step, place.raster_window, nodata)
                except RasterioError as error:
                    cause = error.__cause__ or error
                    raise RasterError(f"{step.path} ({step.date}) is damaged: {cause}; fetch it again") from error
            yield step.date, values, nodata_value, place


def with_band(dataset, step: TimeStep) -> TimeStep:
    """Return the slice with the number of its band: the file's only one, or the one that is described by its name.

    Raises:
        RasterError: when the file has several bands and none, or more than one, has the name; or too few bands.
    """
    if step.name is None or dataset.count == 1:
        if step.band > dataset.count:
            raise RasterError(f"{step.path} has {dataset.count} bands; {step.date} should be band {step.band}")
        return step
    named = [band for band, text in enumerate(dataset.descriptions, start=1) if text == step.name]
    if len(named) != 1:
        found = ", ".join(text or "no name" for text in dataset.descriptions[:12])
        raise RasterError(
            f"{step.path} has {dataset.count} bands ({found}), and not one of them is called {step.name!r}; name the "
            "bands after raster.variables, or write a file for each"
        )
    return replace(step, band=named[0])


@contextmanager
def _dated(step: TimeStep):
    """Put a time step's date before a message that names only its file."""
    try:
        yield
    except RasterError as error:
        if step.date in str(error):
            raise
        raise type(error)(f"{step.date}: {error}") from error


def read_window(dataset, step: TimeStep, window, nodata):
    """Return a window's physical values, and the value among them that means no data, or None.

    ``window`` is ``(row0, row1, col0, col1)`` on the whole raster, half open; ``nodata`` as in :func:`read_time_steps`.
    """
    import numpy as np
    from rasterio.windows import Window

    row0, row1, col0, col1 = window
    area = Window(col0, row0, col1 - col0, row1 - row0)
    band = step.band
    if dataset.dtypes[band - 1].startswith("complex"):
        raise RasterError(
            f"{step.path} holds complex numbers ({dataset.dtypes[band - 1]}), of which there is no mean; write the "
            "part that you want as a raster of its own"
        )
    masked = nodata is None and has_mask(dataset, band)
    nodata_value = None if masked else _nodata_of(dataset, step, nodata)
    values = dataset.read(band, window=area)
    missing = None
    if masked:
        missing = dataset.read_masks(band, window=area) == 0
    elif step.layer is not None and nodata is None:
        from zonalflow.rasters.nodata import declared_missing

        missing = declared_missing(values, dataset.tags(band))
    scale, offset = dataset.scales[band - 1], dataset.offsets[band - 1]
    if missing is None and (scale, offset) == (1.0, 0.0):
        return values, nodata_value
    from zonalflow.rasters.nodata import is_missing

    also = is_missing(values, nodata_value, nan=nodata_value is not None and np.isnan(nodata_value))
    missing = also if missing is None else missing | also
    return np.where(missing, MISSING, values * np.float64(scale) + offset), MISSING


def has_mask(dataset, band: int) -> bool:
    """Tell whether a raster says which cells hold data by a mask, beside its values."""
    from rasterio.enums import MaskFlags

    return MaskFlags.per_dataset in dataset.mask_flag_enums[band - 1]


def _nodata_of(dataset, step: TimeStep, nodata) -> float | None:
    if nodata == "none":
        return None
    if nodata is not None:
        return float(nodata)
    declared = dataset.nodatavals[step.band - 1]
    if declared is None:
        raise RasterError(
            f"{step.path} ({step.date}) does not declare its nodata value, so missing cells would count as data; "
            "say it in the configuration: raster.nodata: -9999, or raster.nodata: none when every cell holds data"
        )
    return declared
