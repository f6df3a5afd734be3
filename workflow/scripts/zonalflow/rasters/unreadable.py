"""Messages for files that cannot be read, by their first bytes; checks that a file is complete and unchanged."""

import functools
import math
import os
import resource
import signal
import warnings
from pathlib import Path
from typing import BinaryIO

from zonalflow.common.errors import RasterError
from zonalflow.common.files import sha256

_HEADS = (
    (b"\x0e\x03\x13\x01", "is an HDF4 file, which this GDAL does not read; convert it with a GDAL that does "
     "(conda-forge: libgdal-hdf4): gdal_translate -of GTiff"),
    (b"\x1f\x8b", "is compressed with gzip; unpack it: gunzip --keep"),
    (b"BZh", "is compressed with bzip2; unpack it: bunzip2 --keep"),
    (b"\xfd7zXZ", "is compressed with xz; unpack it: unxz --keep"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd; unpack it: unzstd"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7-Zip archive; unpack it"),
    (b"<", "is a web page or another text with tags, perhaps a server's message in place of a raster"),
)  # fmt: skip
_NETCDF = (b"CDF\x01", b"CDF\x02", b"CDF\x05", b"\x89HDF")
_OPENING = 10  # seconds of CPU time; a file of thousands of variables takes less than one
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8, 7: 1, 8: 2, 9: 4, 10: 8, 11: 8}  # bytes of NetCDF's types


def describe_unreadable(path: str, cause: object) -> str:
    """Return why a file cannot be read as a raster, by its first bytes, or else by the library's error."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(512).lstrip(b"\xef\xbb\xbf \t\r\n")
    except OSError:
        head = b"?"
    if not head:
        return f"{path} cannot be read as a raster: it is empty"
    if head[257:262] == b"ustar":
        return f"{path} cannot be read as a raster: it is a tar archive; unpack it"
    what = next((text for start, text in _HEADS if head.startswith(start)), None)
    return f"{path} cannot be read as a raster: it {what}" if what else f"{path} cannot be read as a raster ({cause})"


def describe_failure(file: str, cause: object) -> str:
    """Return why a raster that GDAL opened cannot be read; ``file`` names it and its date."""
    if "codec" in str(cause).lower():
        return f"{file} is compressed in a way that this GDAL does not read: {cause}"
    return f"{file} is damaged: {cause}; fetch it again"


def cannot_be_read(path: str, cause: object) -> RasterError:
    """Return the error for a file that should be NetCDF and cannot be read."""
    if not _head(path).startswith(_NETCDF):
        kind = "Zarr" if Path(path).is_dir() else "NetCDF"
        return RasterError(describe_unreadable(path, cause).replace("as a raster", f"as {kind}", 1))
    if "filter" in str(cause).lower():
        return RasterError(
            f"{path} is compressed by a filter that this NetCDF library does not have ({cause}); write it with another "
            "compression, where it can be read, for example with nccopy -F none"
        )
    return RasterError(f"{path} cannot be read as NetCDF ({cause}); is it complete?")


def _head(path: str) -> bytes:
    if not Path(path).is_file():
        return b""
    with Path(path).open("rb") as file:
        return file.read(4)


def check_opens(path: str) -> None:
    """Raise RasterError for a NetCDF or HDF5 file on which the library crashes, or loops without end.

    A few changed bytes can make links in HDF5's tables circular. So each file is first opened in a child process, once
    for as long as it stays the same.
    """
    status = Path(path).stat()
    if failure := _failure_of_opening(path, status.st_size, status.st_mtime_ns):
        raise RasterError(f"{path} is damaged: the NetCDF library {failure} when it opens it; fetch it again")


@functools.lru_cache(maxsize=4096)
def _failure_of_opening(path: str, _size: int, _changed: int) -> str:
    """Return how a process that opens the file ends; empty if it ends normally."""
    import netCDF4

    with warnings.catch_warnings(action="ignore"):  # Python 3.12 warns of threads
        child = os.fork()
    if not child:
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (_OPENING, _OPENING))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            netCDF4.Dataset(path).close()
        finally:
            os._exit(0)  # the parent opens the file again and reports an error
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return f"does not end within {_OPENING} s of CPU time"
    return f"crashes (signal {-code})" if code < 0 else ""


def check_complete(path: str) -> None:
    """Raise RasterError for a classic NetCDF file that is shorter than its header says.

    For what lies beyond the end of such a file the NetCDF library returns arbitrary memory.
    """
    if not _head(path).startswith(b"CDF"):
        return
    size, expected = Path(path).stat().st_size, _classic_end(path)
    if size < expected:
        raise RasterError(f"{path} is cut short: it has {size} bytes, and its header says {expected}")


def _classic_end(path: str) -> int:
    """Return the least size in bytes of a classic NetCDF file, by its header.

    Source: the NetCDF Classic Format Specification, for its versions 1, 2 (64-bit offsets) and 5 (64-bit data).
    """
    with Path(path).open("rb") as file:
        header = _Header(file)
        records, lengths = header.number(), []
        for _ in header.items():
            header.skip_name()
            lengths.append(header.number())
        header.skip_attributes()
        fixed, by_record = [0], []
        for _ in header.items():
            header.skip_name()
            shape = [lengths[header.number()] for _ in range(header.number())]
            header.skip_attributes()
            size = _SIZES[header.number(4)]
            header.number()  # the size as the file gives it, which cannot hold that of large variables
            begin = header.number(header.offset)
            if shape[:1] == [0]:
                by_record.append((begin, size * math.prod(shape[1:])))
            else:
                fixed.append(begin + size * math.prod(shape))
    if not by_record or records in (0, 2 ** (8 * header.count) - 1):  # of a file written as a stream, it is unknown
        return max(fixed)
    one = by_record[0][1] if len(by_record) == 1 else sum(-(-size // 4) * 4 for _, size in by_record)
    return max(*fixed, *(begin + (records - 1) * one + size for begin, size in by_record))


class _Header:
    """Reads the header of a classic NetCDF file, number by number."""

    def __init__(self, file: BinaryIO) -> None:
        version = file.read(4)[3]
        self.file, self.count, self.offset = file, 8 if version == 5 else 4, 4 if version == 1 else 8

    def number(self, size: int = 0) -> int:
        return int.from_bytes(self.file.read(size or self.count), "big")

    def items(self) -> range:
        self.file.read(4)  # a tag, which is 0 where there are none
        return range(self.number())

    def skip(self, size: int) -> None:
        self.file.seek(-(-size // 4) * 4, 1)  # everything is padded to 4 bytes

    def skip_name(self) -> None:
        self.skip(self.number())

    def skip_attributes(self) -> None:
        for _ in self.items():
            self.skip_name()
            size = _SIZES[self.number(4)]
            self.skip(self.number() * size)


def check_unchanged(path: str, date: str, checksum: str | None) -> None:
    """Raise RasterError when a fetched raster is missing or not what was fetched.

    A file with a flipped bit may decode without an error.

    `checksum` is its SHA-256 as it was fetched; None for a user's own file, which may change.
    """
    if checksum is None:
        return
    file = Path(path)
    what = "" if file.exists() else "is missing"
    if not what and sha256(file) != checksum:
        what = "is not what was fetched: its checksum differs from its receipt's"
    if what:
        receipts = sorted(file.parent.glob(f"{date[:4]}*.json")) or [file.parent / f"{date[:4]}.json"]
        raise RasterError(
            f"{file} ({date}) {what}. To have it made or fetched again, delete {' and '.join(map(str, receipts))} and "
            "run again"
        )
