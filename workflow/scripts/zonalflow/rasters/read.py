"""Opening rasters, their grids and their bands."""

import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from zonalflow.common.errors import RasterError
from zonalflow.common.offline import check_local
from zonalflow.common.text import count_of
from zonalflow.geometry.grid import Grid, grid_of
from zonalflow.rasters.arrays import open_array
from zonalflow.rasters.containers import exists, gdal_name, on_disk
from zonalflow.rasters.grib import is_grib, message_bands
from zonalflow.rasters.grib_grids import check_grids
from zonalflow.rasters.selection import Select
from zonalflow.rasters.unreadable import describe_unreadable

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

_MANY = 10**11  # cells: six times as many as a 30 m grid of the contiguous states has
_CELLS_A_BYTE = 10**4  # ten times as many as deflate packs into a byte of a constant raster
_GDAL_OPTIONS = {
    "CPL_VSIL_GZIP_WRITE_PROPERTIES": "NO",  # nothing is written beside the user's files
    "GRIB_NORMALIZE_UNITS": "NO",  # values as the file holds them: GDAL would turn kelvin into °C
    # bytes of decompressed blocks, of which none is read twice; by default GDAL keeps a twentieth of the memory
    "GDAL_CACHEMAX": 32 << 20,
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
        shared: whether the file holds other variables as well, so that even an only band must have the name.
    """

    date: str
    path: str
    band: int = 1
    layer: str | None = None
    sha256: str | None = None
    band_name: str | None = None
    select: Select = ()
    shared: bool = False


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
        with gdal_options():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NotGeoreferencedWarning)  # `raster_grid` refuses it with a message
                dataset = rasterio.open(path, driver="GTiff") if fetched else rasterio.open(gdal_name(path))
            with dataset:
                _check_claim(path, dataset)
                if is_grib(dataset):
                    check_grids(path, dataset)
                yield dataset
    except RasterioError as error:
        raise RasterError(describe_unreadable(path, error.__cause__ or error)) from error


def _check_claim(path: str, dataset: "DatasetReader") -> None:
    """Raise RasterError for a file with far fewer bytes than its cells need in any compression.

    A header of a few bytes may claim 10¹⁸ cells, of which none is stored; reading them would take days.
    """
    cells = dataset.width * dataset.height
    if cells <= _MANY or dataset.driver == "VRT":
        return
    size = Path(on_disk(path)).stat().st_size
    if cells > _CELLS_A_BYTE * size:
        raise RasterError(
            f"{path} claims {cells:.3g} cells ({dataset.width} columns, {dataset.height} rows) but has {size} bytes, "
            "so nearly all of it is empty; cut it to the zones (gdal_translate -projwin)"
        )


def gdal_options() -> AbstractContextManager[object]:
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


def with_band(dataset: "DatasetReader", time_step: TimeStep) -> TimeStep:
    """Return the time step with the number of its band: the file's only one, or the one that is described by its name.

    Raises:
        RasterError: when the file has several bands and not exactly one of them has the name; or too few bands.
    """
    bands = count_of(dataset.count, "band")
    by_name = time_step.band_name is not None and (dataset.count > 1 or time_step.shared)
    if by_name and is_grib(dataset):
        bands_of = message_bands(dataset, str(time_step.band_name), [time_step.date], exactly=time_step.shared)
        return replace(time_step, band=bands_of[0])
    if not by_name:
        if time_step.band > dataset.count:
            raise RasterError(f"{time_step.path} has {bands}; {time_step.date} should be band {time_step.band}")
        return time_step
    named = [band for band, text in enumerate(dataset.descriptions, start=1) if text == time_step.band_name]
    if len(named) != 1:
        found = ", ".join(text or "no name" for text in dataset.descriptions[:12])
        raise RasterError(
            f"{time_step.path} has {bands} ({found}), but exactly one must be called {time_step.band_name!r}; name the "
            "band that is meant, for example raster.variables: {LABEL: DESCRIPTION} or, for all files, raster.band: 2"
        )
    return replace(time_step, band=named[0])
