"""Reducing a large raster over the zones of an index, in one pass, for what adds up: counts, sums, extremes.

The raster is never taken apart into cells, whose numbers alone would be twice as large; the cost is that of reading it
once more. For what needs the values of a zone side by side, and for small rasters, see :mod:`zonalflow.stats.by_zone`.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from zonalflow.index.segments import QUIET, batches, expand, segment_reduce, sum_by_zone
from zonalflow.index.zone_index import ZoneIndex
from zonalflow.rasters.nodata import Nodata, is_missing
from zonalflow.stats.cells import Extremes, Sums
from zonalflow.stats.threads import share

_BLOCK = 1 << 17  # cells of the raster that are held as float64 together: they stay in the processor's cache


def reduce_by_blocks(
    index: ZoneIndex, values: np.ndarray, nodata: Nodata, *, extremes: bool = False, workers: int = 1
) -> tuple[Sums, Extremes]:
    """Reduce the index's window of a raster (2-D, contiguous) over the zones; extremes only if asked for.

    First whole runs and boundary cells, shared among so many `workers`; then, one by one, the cells of
    those runs that hold nodata. What is added to what, and in which order, does not depend on the workers.
    """
    raster = _Raster(index, values, nodata, extremes)
    _ = index.run_bounds  # found once, before it is needed in several threads
    runs = _Runs.of_index(index, extremes)
    boundary = batches(np.diff(index.boundary_ptr), _BLOCK) if len(index.boundary_cell) else []
    of_boundary: list[_Parts] = [_NONE] * len(boundary)

    def reduce_boundary(number: int, zones: slice, _: np.ndarray) -> None:
        of_boundary[number] = raster.reduce_boundary(zones)

    tasks: list[Callable[[np.ndarray], None]] = [partial(raster.reduce_block, runs, block) for block in _blocks(index)]
    tasks += [partial(reduce_boundary, number, zones) for number, zones in enumerate(boundary)]

    @QUIET
    def work(some_tasks: Iterator[Callable[[np.ndarray], None]]) -> None:
        buffer = np.empty(min(max(_BLOCK, index.shape[1]), values.size) + 1)
        for task in some_tasks:
            task(buffer)

    share(work, tasks, workers)
    incomplete = np.flatnonzero(np.isnan(runs.total))
    sums, ends = runs.by_zone(index, incomplete)
    for parts in itertools.chain(raster.reduce_runs(incomplete), of_boundary):
        parts.add_to(sums, ends)
    return sums, ends


@dataclass(frozen=True)
class _Parts:
    """Sums and extremes of parts of zones, of which a zone may have several; `zone` and float64 [n_parts]."""

    zone: np.ndarray
    count: np.ndarray
    weight: np.ndarray
    total: np.ndarray
    minimum: np.ndarray | None = None
    maximum: np.ndarray | None = None

    def add_to(self, sums: Sums, extremes: Extremes) -> None:
        """Add the parts to the sums and extremes of all zones, in place."""
        n = len(sums.count)
        sums.count[:] += sum_by_zone(self.zone, self.count, n)
        sums.weight[:] += sum_by_zone(self.zone, self.weight, n)
        sums.total[:] += sum_by_zone(self.zone, self.total, n)
        if self.minimum is not None and self.maximum is not None:
            np.minimum.at(extremes.minimum, self.zone, self.minimum)
            np.maximum.at(extremes.maximum, self.zone, self.maximum)


_NONE = _Parts(np.empty(0, np.int64), *np.empty((3, 0)))


@dataclass(frozen=True)
class _Runs:
    """Σ w v of each run, NaN if it holds nodata or NaN, and its smallest and largest v; float64 [n_runs]."""

    total: np.ndarray
    minimum: np.ndarray | None
    maximum: np.ndarray | None

    @classmethod
    def of_index(cls, index: ZoneIndex, extremes: bool) -> "_Runs":
        """Return room for the runs of an index."""
        n = len(index.run_start)
        return cls(np.empty(n), np.empty(n) if extremes else None, np.empty(n) if extremes else None)

    def by_zone(self, index: ZoneIndex, incomplete: np.ndarray) -> tuple[Sums, Extremes]:
        """Return the sums and extremes of each zone over its runs, without those numbered `incomplete`.

        These are set to nothing in place. Extremes that were not asked for are ∞ and −∞.
        """
        n, zone = index.n_zones, index.run_zone
        length, weight = index.run_length, None if index.weight is None else index.run_weight
        if len(incomplete):
            length, weight = _without(length, incomplete), None if weight is None else _without(weight, incomplete)
            self.total[incomplete] = 0
        count = sum_by_zone(zone, length, n) if len(incomplete) else index.n_whole_cells.copy()
        total_weight = count.copy() if weight is None else sum_by_zone(zone, weight, n)
        sums = Sums(count, total_weight, sum_by_zone(zone, self.total, n))

        def ends(array: np.ndarray | None, extreme: np.ufunc, empty: float) -> np.ndarray:
            if array is None:
                return np.full(n, empty)
            array[incomplete] = empty
            return segment_reduce(extreme, array[index.run_order], index.run_ptr, empty)

        minimum, maximum = ends(self.minimum, np.minimum, np.inf), ends(self.maximum, np.maximum, -np.inf)
        return sums, Extremes(minimum, maximum, sums.count)


def _without(values: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    values = values.copy()
    values[numbers] = 0
    return values


@dataclass(frozen=True)
class _Block:
    """Rows row0 … row1 − 1 of the window, and the runs first … last − 1 in them."""

    row0: int
    row1: int
    first: int
    last: int


def _blocks(index: ZoneIndex) -> list[_Block]:
    """Return the blocks of rows that hold runs."""
    height, width = index.shape
    edges = np.append(np.arange(0, height, max(1, _BLOCK // width)), height)
    firsts = np.searchsorted(index.run_start, edges * width)
    rows, runs = itertools.pairwise(edges.tolist()), itertools.pairwise(firsts.tolist())
    return [_Block(*row, *run) for row, run in zip(rows, runs, strict=True) if run[0] < run[1]]


@dataclass(frozen=True)
class _Raster:
    """The index's window of a raster, to be reduced over parts of zones, with extremes or without."""

    index: ZoneIndex
    values: np.ndarray
    nodata: Nodata
    extremes: bool

    def reduce_block(self, runs: _Runs, block: _Block, buffer: np.ndarray) -> None:
        """Reduce each run of a block of rows: set its numbers in `runs`.

        The block is copied to float64, NaN for nodata, and ``reduceat`` adds it up. The buffer holds it, and one more
        cell after the last run, which ``reduceat`` needs.
        """
        index = self.index
        bounds, position = index.run_bounds
        raw = self.values[block.row0 : block.row1].reshape(-1)
        data, padded = buffer[: raw.size], buffer[: raw.size + 1]
        padded[-1] = 0
        np.copyto(data, raw)
        exact = raw if raw.dtype.kind in "iu" and raw.dtype.itemsize == 8 else data  # the copy is faster to compare
        np.copyto(data, np.nan, where=is_missing(exact, self.nodata, self.values.dtype, nan=False))
        own = slice(block.first, block.last)
        at = position[own] - position[block.first]
        cuts = bounds[position[block.first] : position[block.last]] - block.row0 * index.shape[1]
        weighted = padded
        if index.weight is not None:
            weighted = padded * np.append(index.flat_weight(block.row0, block.row1), 0)
        runs.total[own] = np.add.reduceat(weighted, cuts)[at]
        if runs.minimum is not None and runs.maximum is not None:
            runs.minimum[own] = np.minimum.reduceat(padded, cuts)[at]
            runs.maximum[own] = np.maximum.reduceat(padded, cuts)[at]

    def reduce_boundary(self, zones: slice) -> _Parts:
        """Reduce the boundary cells of each of some zones."""
        index = self.index
        ptr = index.boundary_ptr[zones.start : zones.stop + 1]
        boundary = slice(ptr[0], ptr[-1])
        fraction = index.boundary_fraction[boundary].astype(np.float64)  # a copy, which the reduction may change
        zone = np.arange(zones.start, zones.stop)
        return self._reduce_cells(zone, ptr - ptr[0], index.boundary_cell[boundary], fraction)

    def reduce_runs(self, runs: np.ndarray) -> Iterator[_Parts]:
        """Reduce each of the runs with these numbers, cell by cell; a bounded number of cells is in memory."""
        length = self.index.run_length[runs].astype(np.int64)
        for part in batches(length, _BLOCK) if len(runs) else ():
            ptr = np.append(0, np.cumsum(length[part]))
            cell = expand(self.index.run_start[runs[part]].astype(np.int64), length[part])
            yield self._reduce_cells(self.index.run_zone[runs[part]], ptr, cell, np.ones(len(cell)))

    def _reduce_cells(self, zone: np.ndarray, ptr: np.ndarray, cell: np.ndarray, fraction: np.ndarray) -> _Parts:
        """Reduce the cells with data of each segment of `ptr`, which belongs to a zone; `fraction` may be changed."""
        value = self.values.reshape(-1).take(cell)
        missing = is_missing(value, self.nodata)
        value = value.astype(np.float64)
        cell_weight = self.index.weight
        weight = fraction if cell_weight is None else fraction * self.index.flat_weight().take(cell)
        weighted = weight * value
        without = np.flatnonzero(missing)
        for array in (fraction, weight, weighted):
            array[without] = 0
        count = segment_reduce(np.add, fraction, ptr, 0.0)
        total_weight = count if cell_weight is None else segment_reduce(np.add, weight, ptr, 0.0)
        total = segment_reduce(np.add, weighted, ptr, 0.0)
        if not self.extremes:
            return _Parts(zone, count, total_weight, total)
        minimum = segment_reduce(np.minimum, np.where(missing, np.inf, value), ptr, np.inf)
        maximum = segment_reduce(np.maximum, np.where(missing, -np.inf, value), ptr, -np.inf)
        return _Parts(zone, count, total_weight, total, minimum, maximum)
