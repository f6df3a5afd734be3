"""How a raster is packed: a file, a folder, gzipped, or in a zip; and whether it is read as a file or as an array.

A path may go on within a zip: ``tas_2000.zip/tas_2000-01.tif``. Without that a zip holds one raster alone.
"""

import functools
import gzip
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from zonalflow.common.errors import RasterError
from zonalflow.common.text import count_of

ARRAY_SUFFIXES = (".nc", ".nc4", ".netcdf", ".cdf", ".h5", ".hdf5", ".he5", ".zarr")  # NetCDF, HDF5, Zarr
#: what is looked for in a zip
RASTER_SUFFIXES = (
    ".tif", ".tiff", ".bil", ".bsq", ".bip", ".img", ".asc", ".vrt", ".flt", ".grib", ".grib2", ".grb", ".grb2", ".rst",
    ".dem", ".hgt", ".jp2", ".ers", ".grd", ".sdat", ".dt0", ".dt1", ".dt2", ".hdf", *ARRAY_SUFFIXES[:-1],
)  # fmt: skip
_ZIP = re.compile(r"(.*?\.zip)(?:/(.+))?$", re.IGNORECASE)
_ZARR = ("zarr.json", ".zgroup", ".zmetadata")  # at the root of a store
_HDF5 = b"\x89HDF"


def on_disk(path: str) -> str:
    """Return the file or folder on the disk that holds a raster: of one in a zip, the zip."""
    zipped = _ZIP.match(str(path))
    return str(path) if zipped is None else zipped[1]


def exists(path: str) -> bool:
    """Return whether there is a raster of this path: a file, a Zarr store, or a member of a zip."""
    zipped = _ZIP.match(str(path))
    if zipped is not None and zipped[2] and Path(zipped[1]).is_file():
        return zipped[2] in members(zipped[1])
    return Path(path).is_file() or (Path(path).is_dir() and str(path).lower().endswith(".zarr"))


def is_array(path: str) -> bool:
    """Return whether a raster is read as an array: NetCDF, HDF5 or Zarr, by its suffix, of a zip by its content."""
    name = str(path).rstrip("/").lower().removesuffix(".gz")
    if name.endswith(ARRAY_SUFFIXES):
        return True
    if name.endswith(".zip"):
        return Path(path).is_file() and (_zarr_root(str(path)) is not None or is_array(_only_raster(str(path))))
    if name.endswith(".hdf") and Path(path).is_file():  # HDF4 or HDF5
        with Path(path).open("rb") as file:
            return file.read(4) == _HDF5
    return False


def gdal_name(path: str) -> str:
    """Return what GDAL calls a raster; one in a zip, or gzipped, is read in place."""
    zipped = _ZIP.match(str(path))
    if zipped is not None:
        return f"/vsizip/{{{Path(zipped[1]).resolve()}}}/{zipped[2] or _only_raster(zipped[1])}"
    return f"/vsigzip/{Path(path).resolve()}" if str(path).lower().endswith(".gz") else str(path)


@contextmanager
def unpacked(path: str) -> Iterator[str]:
    """Yield a file or folder on the disk for the libraries that read arrays, or a zip that is a Zarr store as it is.

    What else lies in a zip, or is gzipped, is unpacked to a temporary folder for as long.

    Raises:
        RasterError: for a damaged gzip file, or a zip that does not hold exactly one raster.
    """
    if str(path).lower().endswith(".gz"):
        with tempfile.TemporaryDirectory(prefix="zonalflow-") as folder:
            target = Path(folder) / Path(path).name[: -len(".gz")]
            try:
                with gzip.open(path) as source, target.open("wb") as copy:
                    shutil.copyfileobj(source, copy, 1 << 22)
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise RasterError(f"{path} is not a whole gzip file ({error}); fetch it again") from None
            yield str(target)
        return
    zipped = _ZIP.match(str(path))
    root = _zarr_root(zipped[1]) if zipped is not None and not zipped[2] else None
    if zipped is None or root == "":
        yield str(path)
        return
    with tempfile.TemporaryDirectory(prefix="zonalflow-") as folder, zipfile.ZipFile(zipped[1]) as archive:
        if root is not None:
            archive.extractall(folder, [name for name in members(zipped[1]) if name.startswith(f"{root}/")])
            yield str(Path(folder) / root)
            return
        name = zipped[2] or _only_raster(zipped[1])
        target = Path(folder) / Path(name).name
        with archive.open(name) as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 22)
        yield str(target)


@contextmanager
def open_bytes(path: str) -> Iterator[IO[bytes]]:
    """Open a file for reading its bytes, also one that is gzipped or in a zip."""
    zipped = _ZIP.match(str(path))
    if zipped is not None:
        with zipfile.ZipFile(zipped[1]) as archive, archive.open(zipped[2] or _only_raster(zipped[1])) as member:
            yield member
    elif str(path).lower().endswith(".gz"):
        with gzip.open(path) as unpacked_file:
            yield cast(IO[bytes], unpacked_file)
    else:
        with Path(path).open("rb") as file:
            yield file


def members(path: str) -> tuple[str, ...]:
    """Return the names of the files in a zip."""
    status = Path(path).stat()
    return _members(path, (status.st_mtime_ns, status.st_size))


@functools.lru_cache(maxsize=256)
def _members(path: str, version: tuple[int, int]) -> tuple[str, ...]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile as error:
        raise RasterError(f"{path} is not a readable zip file ({error}); fetch it again") from None
    return tuple(name for name in names if not name.endswith("/") and not name.startswith("__MACOSX/"))


def _zarr_root(path: str) -> str | None:
    """Return the folder in a zip that is a Zarr store, an empty text for the zip itself; None where there is none."""
    roots = [name.rpartition("/")[0] for name in members(path) if name.rpartition("/")[2] in _ZARR]
    return min(roots, key=len, default=None)


def _only_raster(path: str) -> str:
    rasters = [name for name in members(path) if name.lower().endswith(RASTER_SUFFIXES)]
    if len(rasters) == 1:
        return rasters[0]
    hint = f"; to choose one, go on within the zip: raster.path: {path}/{rasters[0]}" if rasters else ""
    raise RasterError(
        f"{path} holds {count_of(len(rasters), 'raster')} {rasters[:5]}; a zip must hold exactly one raster{hint}"
    )
