"""The slices of a year: which raster files and bands hold its dates, and reading them window by window.

A *slice* is one date of one variable: the whole year at annual grain, a month or a day at the others. Two kinds of
source give slices: a receipt (what a fetch wrote, see :mod:`zonalflow.geocdl`) and a path pattern of local files.
"""

import json
import warnings
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from zonalflow.atomic import sha256
from zonalflow.errors import RasterError
from zonalflow.grid import Grid, grid_of
from zonalflow.patterns import is_netcdf, local_path
from zonalflow.years import dates_of

RASTER_SUFFIXES = (".tif", ".tiff", ".bil", ".img", ".asc", ".vrt")  # what is looked for in a zip


GONE = -1.7976931348623157e308  # the lowest float64: no measurement, and so free to mean a missing cell


@dataclass(frozen=True)
class Slice:
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


# ---------------------------------------------------------------------------------------------- which files and bands


def receipt_slices(receipt: Path) -> list[Slice]:
    """Return the slices that the receipt of a fetch lists, in the order of their dates.

    Raises:
        RasterError: for a receipt that is damaged, or lists nothing.
    """
    receipt = Path(receipt)
    try:
        files = sorted(json.loads(receipt.read_text(encoding="utf-8"))["files"], key=lambda file: file["date"])
        slices = [Slice(f["date"], str(receipt.parent / f["name"]), sha256=f["sha256"]) for f in files]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RasterError(
            f"{receipt} is damaged ({error}); delete it and run again: its rasters are checked again"
        ) from error
    if not slices:
        raise RasterError(f"{receipt} lists no raster; delete it and run again")
    return slices


def check_unchanged(piece: Slice) -> None:
    """Raise RasterError when a fetched raster is missing, or is not what was fetched; a flipped bit may decode well."""
    if piece.sha256 is None:
        return
    what = "is not there" if not Path(piece.path).exists() else ""
    if not what and sha256(piece.path) != piece.sha256:
        what = "is not what was fetched: its checksum differs from its receipt's"
    if what:
        raise RasterError(
            f"{piece.path} ({piece.date}) {what}. To have it made or fetched again, delete {Path(piece.path).parent}/"
            f"{piece.date[:4]}.json and run again"
        )


def local_slices(pattern: str, variable: str, year: int, grain: str) -> list[Slice]:
    """Return the slices of ``year`` in local files.

    Files with one date each are read at their first band. A file that holds several dates is a NetCDF with a time
    dimension, or a raster with one band a date of the year, in order.

    Raises:
        RasterError: for a file whose bands or time steps are not the year's dates.
    """
    files: dict[str, list[str]] = {}
    for date in dates_of(year, grain):
        files.setdefault(local_path(pattern, variable, date), []).append(date)
    if any(is_netcdf(path) for path in files):
        from zonalflow.netcdf import year_slices

        if "{year}" not in pattern:
            files = {path: [] for path in files}  # a file's name does not say its date
        return year_slices(files, variable, year, grain)
    slices = []
    for path, dates in files.items():
        slices += [Slice(dates[0], path, name=variable)] if len(dates) == 1 else _band_slices(path, dates)
    return slices


def _band_slices(path: str, dates: list[str]) -> list[Slice]:
    with open_raster(path) as dataset:
        if dataset.count != len(dates):
            raise RasterError(
                f"{path} has {dataset.count} bands, but {dates[0]} to {dates[-1]} are {len(dates)} dates; "
                "a file that holds several dates needs one band for each, in order"
            )
    return [Slice(date, path, band) for band, date in enumerate(dates, start=1)]


# ------------------------------------------------------------------------------------------------------------- reading


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


def read_slices(slices: list[Slice], find_place, *, crs=None, nodata=None) -> Generator:
    """Yield ``(date, values, nodata, place)`` for each slice, in order, holding one window in memory at a time.

    Args:
        slices: what to read.
        find_place: called with the whole grid of a file and its slice, returns the :class:`zonalflow.places.Place`
            where it meets the zones, or raises GridError.
        crs: used for files that name none.
        nodata: a number, ``"none"`` (every value counts) or None (the file must declare it).

    ``values`` is 2-D, the window of the place's index, scaled by the file's scale and offset where it has them;
    ``nodata`` is a float or None. Cells that a scaled or masked file says are missing are :data:`GONE`.

    Raises:
        RasterError: for a file that is missing or unreadable, or has no nodata value although it needs one.
    """
    from rasterio import Env
    from rasterio.errors import RasterioError

    with Env():  # one for all: rasterio makes one for each file otherwise, which takes a tenth of a small file's time
        for piece in slices:
            check_unchanged(piece)
            with _dated(piece), open_raster(piece.path, piece.layer) as dataset:
                place = find_place(raster_grid(dataset, crs), piece)
                piece = with_band(dataset, piece)
                try:
                    values, missing = read_window(dataset, piece, place.raster_window, nodata)
                except RasterioError as error:
                    cause = error.__cause__ or error
                    raise RasterError(f"{piece.path} ({piece.date}) is damaged: {cause}; fetch it again") from error
            yield piece.date, values, missing, place


def with_band(dataset, piece: Slice) -> Slice:
    """Return the slice with the number of its band: the file's only one, or the one that is described by its name.

    Raises:
        RasterError: when the file has several bands and none, or more than one, has the name; or too few bands.
    """
    if piece.name is None or dataset.count == 1:
        if piece.band > dataset.count:
            raise RasterError(f"{piece.path} has {dataset.count} bands; {piece.date} should be band {piece.band}")
        return piece
    named = [band for band, text in enumerate(dataset.descriptions, start=1) if text == piece.name]
    if len(named) != 1:
        found = ", ".join(text or "no name" for text in dataset.descriptions[:12])
        raise RasterError(
            f"{piece.path} has {dataset.count} bands ({found}), and not one of them is called {piece.name!r}; name the "
            "bands after raster.variables, or write a file for each"
        )
    return replace(piece, band=named[0])


@contextmanager
def _dated(piece: Slice):
    """Put a slice's date before a message that names only its file."""
    try:
        yield
    except RasterError as error:
        if piece.date in str(error):
            raise
        raise type(error)(f"{piece.date}: {error}") from error


def read_window(dataset, piece: Slice, window, nodata):
    """Return a window's physical values, and the value among them that means no data, or None.

    ``window`` is ``(row0, row1, col0, col1)`` on the whole raster, half open; ``nodata`` as for :func:`read_slices`.
    """
    import numpy as np
    from rasterio.windows import Window

    row0, row1, col0, col1 = window
    area = Window(col0, row0, col1 - col0, row1 - row0)
    band = piece.band
    if dataset.dtypes[band - 1].startswith("complex"):
        raise RasterError(
            f"{piece.path} holds complex numbers ({dataset.dtypes[band - 1]}), of which there is no mean; write the "
            "part that you want as a raster of its own"
        )
    masked = nodata is None and has_mask(dataset, band)
    missing = None if masked else _nodata_of(dataset, piece, nodata)
    values = dataset.read(band, window=area)
    gone = None
    if masked:
        gone = dataset.read_masks(band, window=area) == 0
    elif piece.layer is not None and nodata is None:
        from zonalflow.netcdf import declared_missing

        gone = declared_missing(values, dataset.tags(band))
    scale, offset = dataset.scales[band - 1], dataset.offsets[band - 1]
    if gone is None and (scale, offset) == (1.0, 0.0):
        return values, missing
    from zonalflow.nodata import missing as is_missing

    also = is_missing(values, missing, nan=missing is not None and np.isnan(missing))
    gone = also if gone is None else gone | also
    return np.where(gone, GONE, values * np.float64(scale) + offset), GONE


def has_mask(dataset, band: int) -> bool:
    """Tell whether a raster says which cells hold data by a mask, beside its values."""
    from rasterio.enums import MaskFlags

    return MaskFlags.per_dataset in dataset.mask_flag_enums[band - 1]


def _nodata_of(dataset, piece: Slice, nodata) -> float | None:
    if nodata == "none":
        return None
    if nodata is not None:
        return float(nodata)
    declared = dataset.nodatavals[piece.band - 1]
    if declared is None:
        raise RasterError(
            f"{piece.path} ({piece.date}) does not declare its nodata value, so missing cells would count as data; "
            "say it in the configuration: raster.nodata: -9999, or raster.nodata: none when every cell holds data"
        )
    return declared
