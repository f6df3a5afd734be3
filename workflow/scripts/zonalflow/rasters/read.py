"""Opening rasters and reading windows of them, one time step at a time."""

import itertools
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from zonalflow.common.errors import RasterError
from zonalflow.common.offline import check_local
from zonalflow.common.text import count_of
from zonalflow.geometry.grid import Grid, Window, grid_of
from zonalflow.rasters.arrays import open_array
from zonalflow.rasters.containers import exists, gdal_name
from zonalflow.rasters.grib import is_grib, message_bands
from zonalflow.rasters.nodata import DECLARED, MISSING, Nodata, has_mask, is_missing, nodata_of, warn_of_nodata
from zonalflow.rasters.selection import Select
from zonalflow.rasters.unreadable import check_unchanged, describe_failure, describe_unreadable

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

_GDAL_OPTIONS = {
    "CPL_VSIL_GZIP_WRITE_PROPERTIES": "NO",  # nothing is written beside the user's files
    "GRIB_NORMALIZE_UNITS": "NO",  # values as the file holds them: GDAL would turn kelvin into °C
}


@dataclass(frozen=True)
class TimeStep:
    """One date of one variable, and where its values are.

    Attributes:
        date: ``2000``, ``2000-01``, ``2000-01-31`` or ``2000-01-31T06:00``.
        path: the file.
        band: the band of the file, or the position along the time dimension of a NetCDF file, from 1.
        layer: the variable of a NetCDF, HDF5 or Zarr file; None for all other files.
        sha256: the checksum that the file had when it was fetched.
        select: of a NetCDF file, the values of further dimensions.
        band_name: the description of the band, in a file with several bands, see :func:`with_band`.
    """

    date: str
    path: str
    band: int = 1
    layer: str | None = None
    sha256: str | None = None
    band_name: str | None = None
    select: Select = ()


class WindowedGrid(Protocol):
    """Knows which part of a raster's whole grid is to be read, as an indexed grid does."""

    @property
    def raster_window(self) -> Window:
        """The rows and columns to read, counted on the raster's whole grid."""


AnyWindowedGrid = TypeVar("AnyWindowedGrid", bound=WindowedGrid)


@contextmanager
def open_raster(path: str, *, fetched: bool = False) -> Iterator["DatasetReader"]:
    """Open the raster ``path`` with rasterio; a zip must hold exactly one raster, which is read in place.

    What was ``fetched`` is a GeoTIFF, and is opened as nothing else.

    Raises:
        RasterError: when the file is missing, or GDAL cannot read it; the message names the file.
        ConfigError: when the file names an address.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    if not exists(path):
        raise RasterError(f"{path}: no such file")
    if not fetched:
        check_local(path)
    try:
        with _gdal():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NotGeoreferencedWarning)  # `raster_grid` refuses it with a message
                dataset = rasterio.open(path, driver="GTiff") if fetched else rasterio.open(gdal_name(path))
            with dataset:
                yield dataset
    except RasterioError as error:
        raise RasterError(describe_unreadable(path, error.__cause__ or error)) from error


def _gdal() -> AbstractContextManager[object]:
    """Set GDAL's options for what is read; once for many files, since that takes a tenth of a small file's time."""
    from rasterio.env import Env, getenv, hasenv

    return nullcontext() if hasenv() and _GDAL_OPTIONS.items() <= getenv().items() else Env(**_GDAL_OPTIONS)


def raster_grid(dataset: "DatasetReader", crs: str | None = None) -> Grid:
    """Return the grid of an open raster; ``crs``, where it is given, wins over the file's.

    Raises:
        RasterError: when the raster has no geotransform, or no CRS and none is given, or a CRS without a relation to
            the earth.
        GridError: for a rotated or sheared grid.
    """
    if dataset.transform.is_identity:
        raise RasterError(
            f"{dataset.name} is not georeferenced: it has no geotransform; write it with its grid, for example with "
            "gdal_translate -a_ullr"
        )
    grid = grid_of(dataset)
    if crs:
        return replace(grid, crs=crs)
    if grid.crs:
        if not (dataset.crs.is_geographic or dataset.crs.is_projected):
            raise RasterError(
                f"{dataset.name} has a CRS that does not say where on the earth its cells lie ({grid.describe()}); "
                "set the right one in the configuration, for example raster.crs: EPSG:5070"
            )
        return grid
    raise RasterError(f"{dataset.name} has no CRS; set it in the configuration, for example raster.crs: EPSG:4269")


def file_grid(time_step: TimeStep, crs: str | None = None) -> tuple[Grid, bool]:
    """Return the whole grid of a time step's file, and whether its CRS is assumed: neither the file's nor ``crs``.

    Raises:
        RasterError: for a file that cannot be read or has no grid.
    """
    if time_step.layer is None:
        with open_raster(time_step.path, fetched=time_step.sha256 is not None) as dataset:
            return raster_grid(dataset, crs), False
    with open_array(time_step.path, time_step.layer, time_step.select) as array:
        return array.grid(crs), not crs and array.own_crs() is None


def read_time_steps(
    time_steps: list[TimeStep],
    find_grid: Callable[[Grid, TimeStep], AnyWindowedGrid],
    *,
    crs: str | None = None,
    nodata: float | str | None = None,
    log: Callable[[str], None] = lambda line: None,
) -> Generator[tuple[str, np.ndarray, float | None, AnyWindowedGrid], None, None]:
    """Yield ``(date, values, nodata, grid)`` for each time step, in order, holding one window in memory at a time.

    Args:
        time_steps: what to read.
        find_grid: called with the whole grid of a file and its time step, returns the
            :class:`zonalflow.index.grids.IndexedGrid` on which it meets the zones, or raises GridError.
        crs: used for files that have none.
        nodata: as configured: a stored value, ``"none"`` (every value counts), None (the file must declare it) or
            :data:`zonalflow.rasters.nodata.DECLARED`.
        log: takes a line of warning, once for each type of data that cannot hold the configured nodata value.

    Yields:
        ``values`` is 2-D, the grid's ``raster_window``, scaled by the file's scale and offset where it has them, in the
        file's unit; ``nodata`` is the value among them that means no data, or None; ``grid`` is what ``find_grid``
        returned. In a scaled or masked file, missing cells are :data:`MISSING`.

    Raises:
        RasterError: for a file that is missing or unreadable, or has no nodata value although it needs one.
    """
    read = _read_arrays if time_steps and time_steps[0].layer is not None else _read_files
    return read(time_steps, find_grid, crs, nodata, log)


def _read_files(
    time_steps: list[TimeStep],
    find_grid: Callable[[Grid, TimeStep], AnyWindowedGrid],
    crs: str | None,
    nodata: Nodata,
    log: Callable[[str], None],
) -> Generator[tuple[str, np.ndarray, float | None, AnyWindowedGrid], None, None]:
    """Read time steps of files that GDAL opens."""
    from rasterio.errors import RasterioError

    warned: set[str] = set()
    with _gdal():
        for time_step in time_steps:
            check_unchanged(time_step.path, time_step.date, time_step.sha256)
            fetched = time_step.sha256 is not None
            with _dated(time_step), open_raster(time_step.path, fetched=fetched) as dataset:
                grid = find_grid(raster_grid(dataset, crs), time_step)
                time_step = with_band(dataset, time_step)
                dtype = dataset.dtypes[time_step.band - 1]
                if dtype not in warned and (warning := warn_of_nodata(nodata, dtype, time_step.path)):
                    log(warning)
                    warned.add(dtype)
                try:
                    values, nodata_value = read_window(dataset, time_step, grid.raster_window, nodata)
                except RasterioError as error:
                    file = f"{time_step.path} ({time_step.date})"
                    raise RasterError(describe_failure(file, error.__cause__ or error)) from error
            yield time_step.date, values, nodata_value, grid


def _read_arrays(
    time_steps: list[TimeStep],
    find_grid: Callable[[Grid, TimeStep], AnyWindowedGrid],
    crs: str | None,
    nodata: Nodata,
    log: Callable[[str], None],
) -> Generator[tuple[str, np.ndarray, float | None, AnyWindowedGrid], None, None]:
    """Read time steps of NetCDF files; each file is opened once."""
    for (path, variable), steps in itertools.groupby(time_steps, key=lambda step: (step.path, step.layer)):
        first = next(steps)
        with _dated(first), open_array(path, variable, first.select) as array:
            whole = array.grid(crs)
            if not array.packing.resigned and (warning := warn_of_nodata(nodata, str(array.packing.dtype), path)):
                log(warning)
            for time_step in itertools.chain([first], steps):
                with _dated(time_step):
                    grid = find_grid(whole, time_step)
                    values, nodata_value = array.read(time_step.band, grid.raster_window, time_step.date, nodata)
                yield time_step.date, values, nodata_value, grid


def with_band(dataset: "DatasetReader", time_step: TimeStep) -> TimeStep:
    """Return the time step with the number of its band: the file's only one, or the one that is described by its name.

    Raises:
        RasterError: when the file has several bands and not exactly one of them has the name; or too few bands.
    """
    bands = count_of(dataset.count, "band")
    if time_step.band_name is not None and dataset.count > 1 and is_grib(dataset):
        return replace(time_step, band=message_bands(dataset, time_step.band_name, [time_step.date])[0])
    if time_step.band_name is None or dataset.count == 1:
        if time_step.band > dataset.count:
            raise RasterError(f"{time_step.path} has {bands}; {time_step.date} should be band {time_step.band}")
        return time_step
    named = [band for band, text in enumerate(dataset.descriptions, start=1) if text == time_step.band_name]
    if len(named) != 1:
        found = ", ".join(text or "no name" for text in dataset.descriptions[:12])
        raise RasterError(
            f"{time_step.path} has {bands} ({found}), but exactly one must be called {time_step.band_name!r}; name the "
            "bands after raster.variables, or write a file for each"
        )
    return replace(time_step, band=named[0])


@contextmanager
def _dated(time_step: TimeStep) -> Iterator[None]:
    """Put a time step's date before a message that names only its file."""
    try:
        yield
    except RasterError as error:
        if time_step.date in str(error):
            raise
        raise type(error)(f"{time_step.date}: {error}") from error


def read_window(
    dataset: "DatasetReader", time_step: TimeStep, window: Window, nodata: float | str | None
) -> tuple[np.ndarray, float | None]:
    """Return the values of a window in the file's unit, and the value among them that means no data, or None.

    Args:
        dataset: the open file of the time step.
        time_step: with the number of its band, see :func:`with_band`.
        window: rows and columns on the whole raster.
        nodata: as configured, see :func:`read_time_steps`.

    Returns:
        The values [rows, columns], of the file's type, or float64 where they are scaled or masked.

    Raises:
        RasterError: for complex numbers, or a file that has no nodata value although it needs one.
    """
    from rasterio.windows import Window as RasterioWindow

    row0, row1, col0, col1 = window
    area = RasterioWindow(col0, row0, col1 - col0, row1 - row0)
    band = time_step.band
    if dataset.dtypes[band - 1].startswith("complex"):
        raise RasterError(
            f"{time_step.path} holds complex numbers ({dataset.dtypes[band - 1]}), which have no mean; write the part "
            "that you need as a raster of its own"
        )
    masked = nodata in (None, DECLARED) and has_mask(dataset, band)
    nodata_value = None if masked else nodata_of(dataset, band, f"{time_step.path} ({time_step.date})", nodata)
    values: np.ndarray = dataset.read(band, window=area)
    missing = None
    if masked:
        missing = dataset.read_masks(band, window=area) == 0
    scale, offset = dataset.scales[band - 1], dataset.offsets[band - 1]
    if missing is None and (scale, offset) == (1.0, 0.0):
        return values, nodata_value
    also = is_missing(values, nodata_value, nan=nodata_value is not None and bool(np.isnan(nodata_value)))
    missing = also if missing is None else missing | also
    return np.where(missing, MISSING, values * np.float64(scale) + offset), MISSING
