"""The grids of a GRIB file's messages, read from their headers, since GDAL does not report all of this correctly.

GDAL takes the grid of the first message for all, spaces the rows of a Gaussian grid evenly, and trusts an increment
that contradicts the first and last point.

Source: WMO Manual on Codes I.2, FM 92 GRIB: edition 1, sections 0 to 2; edition 2, sections 0 to 3 and templates 3.0,
3.40.
"""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from zonalflow.common.errors import RasterError
from zonalflow.rasters.containers import on_disk, open_bytes

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

_GAUSSIAN = {1: (4, 14, 24, 34), 2: (40, 41, 42, 43)}  # edition → representations whose rows are Gaussian latitudes
_DEGREES = {1: 1e-3, 2: 1e-6}  # edition → the unit of its coordinates
_NEAR = 0.02  # of a cell: how far the last point may lie from where the increments put it
_LONG = 0x800000  # edition 1 encodes lengths from 8 MiB on differently
_CHUNK = 1 << 16


class _MessageGrid(NamedTuple):
    """The grid of one message: counts, and the first and last point in degrees; of other kinds their definition."""

    is_gaussian: bool = False
    columns: int = 0
    rows: int = 0
    north: float = 0.0
    south: float = 0.0
    first: float = 0.0
    last: float = 0.0
    definition: bytes = b""


def check_grids(path: str, dataset: "DatasetReader") -> None:
    """Raise RasterError unless the grid that GDAL gives a GRIB file is that of all its messages.

    Args:
        path: the file, also gzipped or in a zip.
        dataset: the same, opened by GDAL.
    """
    status = Path(on_disk(path)).stat()
    grids = _grids(path, (status.st_mtime_ns, status.st_size))
    if any(grid.is_gaussian for grid in grids):
        raise RasterError(
            f"{path}: the rows of its grid are Gaussian latitudes, which are not evenly spaced, and zonal statistics "
            "need cells of one size: put it on an even grid first, for example with cdo remapcon,r360x180"
        )
    if len(grids) > 1:
        raise RasterError(
            f"{path} has messages on {len(grids)} grids, and needs one; write each grid to a file of its own, for "
            "example with cdo splitgrid"
        )
    for grid in grids:
        _check_ends(path, dataset, grid)


def _check_ends(path: str, dataset: "DatasetReader", grid: _MessageGrid) -> None:
    """Raise RasterError where the increments that GDAL uses do not lead to the last point."""
    if not grid.columns or min(grid.columns, grid.rows) < 2:
        return
    a, _, _, _, e, f = tuple(dataset.transform)[:6]
    across = ((grid.last - grid.first) % 360 or 360.0) / (grid.columns - 1)
    down = (grid.north - grid.south) / (grid.rows - 1)
    rounding = 2 * _DEGREES[1]
    apart = max(abs(a - across) * (grid.columns - 1), abs(-e - down) * (grid.rows - 1), abs(f + e / 2 - grid.north))
    if apart > _NEAR * min(across, down) + rounding:
        raise RasterError(
            f"{path} contradicts itself: by its increments a cell has {a:.6g} × {-e:.6g} degrees, by its first and "
            f"last point {across:.6g} × {down:.6g}; correct its header, for example with grib_set"
        )


@functools.lru_cache(maxsize=256)
def _grids(path: str, version: tuple[int, int]) -> frozenset[_MessageGrid]:
    with open_bytes(path) as file:
        return frozenset(_messages(file))


def _messages(file: IO[bytes]) -> Iterator[_MessageGrid]:
    """Yield the grid of each message whose header can be followed."""
    at = 0
    while True:
        file.seek(at)
        chunk = file.read(_CHUNK)
        begin = chunk.find(b"GRIB")
        if begin < 0 or len(chunk) < begin + 16:
            return
        at += begin
        head = chunk[begin : begin + 4096]
        edition = head[7]
        if edition == 1:
            length = int.from_bytes(head[4:7], "big")
            yield _edition_1(head)
            if length >= _LONG:
                return
        else:
            length = int.from_bytes(head[8:16], "big")
            yield _edition_2(head)
        at += max(length, 4)


def _edition_1(head: bytes) -> _MessageGrid:
    product = head[8:]
    if not product[7] & 0x80:  # no section 2: a grid known by its number
        return _MessageGrid()
    grid = product[int.from_bytes(product[:3], "big") :]
    if grid[5] in _GAUSSIAN[1]:
        return _MessageGrid(is_gaussian=True)
    if grid[5] != 0:
        return _MessageGrid(definition=grid[: int.from_bytes(grid[:3], "big")])
    columns, rows = (int.from_bytes(grid[i : i + 2], "big") for i in (6, 8))
    points = [_signed(grid[i : i + 3]) * _DEGREES[1] for i in (10, 13, 17, 20)]
    return _lying(columns, rows, points)


def _edition_2(head: bytes) -> _MessageGrid:
    at = 16
    while at + 5 < len(head) and head[at + 4] < 3:  # sections 1 and 2
        at += int.from_bytes(head[at : at + 4], "big")
    grid = head[at:]
    if len(grid) < 72 or grid[4] != 3:
        return _MessageGrid()
    template = int.from_bytes(grid[12:14], "big")
    if template in _GAUSSIAN[2]:
        return _MessageGrid(is_gaussian=True)
    unit_is_usual = int.from_bytes(grid[38:42], "big") in (0, 2**32 - 1)  # else angles are fractions of another one
    if template != 0 or not unit_is_usual:
        return _MessageGrid(definition=grid[: int.from_bytes(grid[:4], "big")])
    columns, rows = (int.from_bytes(grid[i : i + 4], "big") for i in (30, 34))
    points = [_signed(grid[i : i + 4]) * _DEGREES[2] for i in (46, 50, 55, 59)]
    return _lying(columns, rows, points)


def _lying(columns: int, rows: int, points: list[float]) -> _MessageGrid:
    """Return the grid of evenly spaced latitudes and longitudes; `points` are those of the first and the last."""
    latitudes = points[0], points[2]
    numbers = max(latitudes), min(latitudes), points[1] % 360, points[3] % 360
    north, south, first, last = (round(number, 3) for number in numbers)
    return _MessageGrid(False, columns, rows, north, south, first, last)


def _signed(number: bytes) -> int:
    """Return a number whose first bit is its sign."""
    value, top = int.from_bytes(number, "big"), 1 << (8 * len(number) - 1)
    return -(value & (top - 1)) if value & top else value
