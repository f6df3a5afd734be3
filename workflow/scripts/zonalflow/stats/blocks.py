"""Reducing a large raster over the zones of an index, in one pass, for what adds up: counts, sums, extremes.

The raster is never taken apart into cells, whose numbers alone would be twice as large; the cost is that of reading it
once more. For what needs the values of a zone side by side, and for small rasters, see :mod:`zonalflow.stats.cells`.
"""

import itertools
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from zonalflow.index.segments import QUIET, batches, expand, segment_reduce, sum_by_zone
from zonalflow.index.zone_index import ZoneIndex
from zonalflow.rasters.nodata import Nodata, is_missing
from zonalflow.stats.cells import Extremes, Sums
from zonalflow.stats.threads import share

_BLOCK = 1 << 17  # cells of the raster that are held as float64 at a time: they stay in the processor's cache


def reduce_raster(
    index: ZoneIndex, values: np.ndarray, nodata: Nodata, *, extremes: bool = False, workers: int = 1
) -> tuple[Sums, Extremes | None]:
    """Reduce the index's window of a raster (2-D, contiguous) over the zones.

    First whole runs and boundary cells, shared among so many `workers`; then, one by one, the cells of
    those runs that hold nodata. What is added to what, and in which order, does not depend on the workers.
    """
    _ = index.run_bounds  # found once, before it is needed in several threads
    runs = [np.empty(len(index.run_start)) for _ in range(3 if extremes else 1)]
    tasks = [partial(_reduce_block, index, values, nodata, runs, block) for block in _blocks(index)]
    boundary = batches(np.diff(index.boundary_ptr), _BLOCK) if len(index.boundary_cell) else []
    loose: list = [None] * len(boundary)
    tasks += [partial(_reduce_boundary, index, values, nodata, extremes, loose, *part) for part in enumerate(boundary)]

    @QUIET
    def work(share_of_tasks: Iterator[Callable[[np.ndarray], None]]) -> None:
        buffer = np.empty(min(max(_BLOCK, index.shape[1]), values.size) + 1)
        for task in share_of_tasks:
            task(buffer)

    share(work, tasks, workers)
    sums, ends, incomplete = _whole_runs(index, *runs)
    for zone, cells in itertools.chain(_incomplete(index, values, nodata, extremes, incomplete), loose):
        for whole, part in zip(sums, cells[:3], strict=True):
            whole += sum_by_zone(zone, part, index.n_zones)
        for extreme, whole, part in zip((np.minimum, np.maximum), ends, cells[3:], strict=False):
            extreme.at(whole, zone, part)
    sums = Sums(*sums)
    return sums, Extremes(*ends, sums.count) if extremes else None


def _blocks(index: ZoneIndex) -> list[tuple[int, int, int, int]]:
    """Return the blocks of rows that hold runs: first and last row + 1, first and last run + 1."""
    height, width = index.shape
    edges = np.append(np.arange(0, height, max(1, _BLOCK // width)), height)
    firsts = np.searchsorted(index.run_start, edges * width)
    rows, runs = itertools.pairwise(edges.tolist()), itertools.pairwise(firsts.tolist())
    return [(*row, *run) for row, run in zip(rows, runs, strict=True) if run[0] < run[1]]


def _reduce_block(
    index: ZoneIndex, values: np.ndarray, nodata: Nodata, by_run: list[np.ndarray], block: tuple[int, int, int, int],
    buffer: np.ndarray,
) -> None:  # fmt: skip
    """Set Σ w v (and the extremes of v) of each run of a block of rows; NaN if it holds nodata or NaN.

    The block is copied to float64, NaN for nodata, and ``reduceat`` adds it up. The buffer holds it, and a place after
    the last run, which ``reduceat`` needs.
    """
    row0, row1, first, last = block
    bounds, position = index.run_bounds
    raw = values[row0:row1].reshape(-1)
    data, padded = buffer[: raw.size], buffer[: raw.size + 1]
    padded[-1] = 0
    np.copyto(data, raw)
    np.copyto(data, np.nan, where=is_missing(data, nodata, values.dtype, nan=False))
    at = position[first:last] - position[first]
    cuts = bounds[position[first] : position[last]] - row0 * index.shape[1]
    weighted = padded
    if index.weight is not None:
        weighted = padded * np.append(index.flat_weight(row0, row1), 0)
    steps = zip((np.add, np.minimum, np.maximum), by_run, (weighted, padded, padded), strict=False)
    for operation, array, cells in steps:
        array[first:last] = operation.reduceat(cells, cuts)[at]


def _reduce_boundary(
    index: ZoneIndex, values: np.ndarray, nodata: Nodata, extremes: bool, results: list, place: int, zones: slice,
    _: np.ndarray,
) -> None:  # fmt: skip
    """Reduce the boundary cells of some zones; return the zones, and the sums and extremes of each."""
    ptr = index.boundary_ptr[zones.start : zones.stop + 1]
    boundary = slice(ptr[0], ptr[-1])
    fraction = index.boundary_fraction[boundary].astype(np.float64)  # a copy, which the reduction may change
    cells = _reduce_cells(index, values, nodata, ptr - ptr[0], index.boundary_cell[boundary], fraction, extremes)
    results[place] = np.arange(zones.start, zones.stop), cells


def _incomplete(
    index: ZoneIndex, values: np.ndarray, nodata: Nodata, extremes: bool, incomplete: np.ndarray
) -> Iterator[tuple[np.ndarray, list[np.ndarray]]]:
    """Yield zones, and the sums and extremes of each, of the runs that hold nodata: a bounded number at a time."""
    runs = np.flatnonzero(incomplete)
    length = index.run_length[runs].astype(np.int64)
    for part in batches(length, _BLOCK) if len(runs) else ():
        ptr = np.append(0, np.cumsum(length[part]))
        cell = expand(index.run_start[runs[part]].astype(np.int64), length[part])
        yield index.run_zone[runs[part]], _reduce_cells(index, values, nodata, ptr, cell, np.ones(len(cell)), extremes)


def _whole_runs(
    index: ZoneIndex, total: np.ndarray, *ends: np.ndarray
) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray]:
    """Add up, over the zones, the runs that hold no nodata.

    Args:
        index: the index.
        total: Σ w v of each run, NaN if it holds nodata; set to 0 there.
        ends: the smallest and the largest v of each run, or nothing.

    Returns:
        Σ c, Σ w and Σ w v of each zone; smallest and largest v of each zone, if asked for; which runs are left out
    """
    n, zone = index.n_zones, index.run_zone
    incomplete = np.isnan(total)
    if incomplete.any():
        for array, empty in ((total, 0), *zip(ends, (np.inf, -np.inf), strict=False)):
            array[incomplete] = empty
        count = sum_by_zone(zone, np.where(incomplete, 0, index.run_length), n)
    else:
        count = index.n_whole_cells.copy()
    weight = count.copy()
    if index.weight is not None:
        weight = sum_by_zone(zone, np.where(incomplete, 0, index.run_weight), n)
    extreme_of = ((np.minimum, np.inf), (np.maximum, -np.inf))
    of_zones = [
        segment_reduce(extreme, array[index.run_order], index.run_ptr, empty)
        for array, (extreme, empty) in zip(ends, extreme_of, strict=False)
    ]
    return [count, weight, sum_by_zone(zone, total, n)], of_zones, incomplete


def _reduce_cells(
    index: ZoneIndex, values: np.ndarray, nodata: Nodata, ptr: np.ndarray, cell: np.ndarray, fraction: np.ndarray,
    extremes: bool,
) -> list[np.ndarray]:  # fmt: skip
    """Return Σ c, Σ w, Σ w v (and the extremes of v) over the cells with data of each segment of `ptr`."""
    value = values.reshape(-1).take(cell)
    missing = is_missing(value, nodata)
    value = value.astype(np.float64)
    weight = fraction if index.weight is None else fraction * index.flat_weight().take(cell)
    add_up = [fraction, weight * value] if index.weight is None else [fraction, weight * value, weight]
    without = np.flatnonzero(missing)
    for array in add_up:
        array[without] = 0
    count, total, *weights = (segment_reduce(np.add, array, ptr, 0.0) for array in add_up)
    parts = [count, *(weights or [count]), total]
    if extremes:
        parts.append(segment_reduce(np.minimum, np.where(missing, np.inf, value), ptr, np.inf))
        parts.append(segment_reduce(np.maximum, np.where(missing, -np.inf, value), ptr, -np.inf))
    return parts

