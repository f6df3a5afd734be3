"""Reading a year's rasters part by part: strips of the blocks that hold cells of zones, several time steps together.

The time steps of one part are those that a file decompresses together, or, where rasters are small, as many as make
it worth while.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np

from zonalflow.geometry.grid import Window
from zonalflow.index.zone_index import ZoneIndex
from zonalflow.readers.opening import dated
from zonalflow.readers.source import RasterSource, Stored
from zonalflow.stats.formulas import Needs, is_dense
from zonalflow.stats.plan import Plan, make_plan
from zonalflow.stats.streamed import FOUR
from zonalflow.stats.strips import Strip

SMALL = 1 << 22  # cells of time steps that are reduced together, where rasters are so small
_HELD = 1 << 26  # bytes of the time steps of a strip that are read together


class IndexedWindow(Protocol):
    """Where rasters meet the zones, as :class:`zonalflow.index.grids.IndexedGrid` has it."""

    @property
    def index(self) -> ZoneIndex:
        """The zones' cells."""

    @property
    def raster_window(self) -> Window:
        """The index's window, counted on the rasters' whole grid."""


AnyWindow = TypeVar("AnyWindow", bound=IndexedWindow)


@dataclass(frozen=True)
class Part(Generic[AnyWindow]):
    """A strip of some time steps.

    Attributes:
        where: the grid on which the rasters lie.
        dates: of the time steps.
        strip: which rows and columns.
        tiles: of each tile of the strip, its cells at each time step.
        begins, ends: whether it is the first, and the last, strip of these time steps.
    """

    where: AnyWindow
    dates: list[str]
    strip: Strip
    tiles: list[list[Stored]]
    begins: bool = True
    ends: bool = True


def read_parts(
    sources: Iterable[tuple[RasterSource, AnyWindow]], stats: Sequence[str]
) -> Generator["Part[AnyWindow]", None, None]:
    """Yield the parts of all time steps, in order; each source is read before the next is asked for.

    Args:
        sources: open files, and where each meets the zones.
        stats: names of statistics, some of which hold numbers of each cell or run of the zones.

    Raises:
        RasterError: for cells that cannot be read; the message has the file and the date.
    """
    try:
        yield from _together_if_small(sources, stats)
    finally:
        if isinstance(sources, Generator):
            sources.close()


def _together_if_small(
    sources: Iterable[tuple[RasterSource, AnyWindow]], stats: Sequence[str]
) -> Iterator["Part[AnyWindow]"]:
    """Yield the parts of all time steps, those of small rasters on one grid joined."""
    waiting: list[Part[AnyWindow]] = []
    for source, where in sources:
        for part in _parts_of(source, where, stats):
            joins = waiting and waiting[0].where is where and waiting[0].strip is part.strip
            if waiting and not (joins and _cells([*waiting, part]) <= SMALL and part.ends and part.begins):
                yield _joined(waiting)
                waiting = []
            if part.begins and part.ends and _plan(source, where, 1).is_kept and _cells([part]) < SMALL:
                waiting.append(part)
            else:
                yield part
    if waiting:
        yield _joined(waiting)


def _steps_together(cells: int) -> int:
    """Return how many time steps of a small raster are reduced together: if several, fours."""
    few = max(1, SMALL // cells)
    return few - few % FOUR if few > FOUR else few


def _cells(parts: list[Part]) -> int:
    return sum(stored.values.size for part in parts for tile in part.tiles for stored in tile)


def _joined(parts: list["Part[AnyWindow]"]) -> "Part[AnyWindow]":
    """Return the time steps of parts with the same strip as one."""
    if len(parts) == 1:
        return parts[0]
    tiles = [[stored for tile in some for stored in tile] for some in zip(*(part.tiles for part in parts), strict=True)]
    return Part(parts[0].where, [date for part in parts for date in part.dates], parts[0].strip, tiles)


def _plan(source: RasterSource, where: IndexedWindow, steps: int) -> Plan:
    row0, _, col0, _ = where.raster_window
    return make_plan(where.index, source.block, (row0, col0), steps)


def _parts_of(source: RasterSource, where: AnyWindow, stats: Sequence[str]) -> Iterator["Part[AnyWindow]"]:
    row0, _, col0, _ = where.raster_window
    for steps in _together(source, where, stats):
        dates = [source.steps[step].date for step in steps]
        strips = _plan(source, where, len(steps)).strips()
        strip: Strip | None = next(strips)
        begins = True
        while strip is not None:
            following = next(strips, None)
            rows = strip.rows[0] + row0, strip.rows[1] + row0
            with dated(source.steps[steps[0]]):
                tiles = [source.read(steps, rows, (start + col0, stop + col0)) for start, stop in strip.tiles]
            yield Part(where, dates, strip, tiles, begins, following is None)
            strip, begins = following, False
            del tiles  # the part is in other hands, and its memory is needed for the next


def _together(source: RasterSource, where: IndexedWindow, stats: Sequence[str]) -> Iterator[Sequence[int]]:
    """Yield the time steps of a source that are read together: those of a chunk, or several chunks of few cells."""
    height, width = where.index.shape
    block = source.block
    strip = min(height, block.rows) * width * source.dtype.itemsize
    held = held_bytes(where.index, source.dtype, stats)
    most = max(1, min(_HELD // strip, 2 * _HELD // max(held, 1)))
    few = _steps_together(height * width)
    size = min(most, max(few // block.steps, 1) * block.steps)
    first = 0
    while first < len(source.steps):
        # up to the end of a chunk, lest it is decompressed twice
        band = source.steps[first].band - 1
        last = min(first + size - band % size, len(source.steps)) if block.steps > 1 else first + size
        last = max(first + 1, min(last, len(source.steps)))
        yield range(first, last)
        first = last


def held_bytes(index: ZoneIndex, dtype: np.dtype, stats: Sequence[str]) -> int:
    """Return about how many bytes a time step of several strips takes besides the strip itself.

    Moments hold two numbers and a zone of each run and boundary cell; percentiles of floating numbers the cells of
    zones that strips still bring; everything, some numbers of each zone.
    """
    needs = Needs.of(stats)
    held = 200 * index.n_zones
    if needs.streamed.moments:
        held += 24 * (len(index.run_start) + len(index.boundary_cell))
    if needs.cells and not is_dense(dtype):
        held += (4 + dtype.itemsize) * int(index.members.sum())
    return held
