"""Arithmetic on segments: many short stretches of numbers in one flat array, without a Python loop."""

import itertools

import numpy as np


def expand(start: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Return start[0], start[0] + 1, … (length[0] numbers), start[1], …: the cells of runs, int64."""
    stop = np.cumsum(length)
    total = int(stop[-1]) if len(stop) else 0
    numbers = np.arange(total)
    numbers += np.repeat(start - (stop - length), length)
    return numbers


def batches(sizes: np.ndarray, limit: int) -> list[slice]:
    """Return slices of things of these sizes that hold each thing once, in order.

    The sizes in a slice, without that of its first thing, add up to less than `limit`.
    """
    size = np.cumsum(sizes)
    cuts = np.searchsorted(size, np.arange(limit, size[-1] if len(size) else 0, limit)).tolist()
    edges = dict.fromkeys([0, *cuts, len(sizes)])  # each once: a large thing may hold several cuts, the first one too
    return list(itertools.starmap(slice, itertools.pairwise(edges)))


#: Around arithmetic with what rasters hold, once in each thread: ∞ − ∞ and 0 × ∞ are NaN, and that is the answer.
QUIET = np.errstate(invalid="ignore", over="ignore")


def segment_reduce(ufunc: np.ufunc, values: np.ndarray, ptr: np.ndarray, empty: float) -> np.ndarray:
    """Reduce ``values[ptr[i]:ptr[i + 1]]`` for every i; `empty` where there is nothing to reduce.

    ``ufunc.reduceat`` alone gives an empty segment the next segment's first value.
    """
    starts = ptr[:-1]
    some = ptr[1:] > starts
    result = np.full(len(starts), empty, np.result_type(values.dtype, type(empty)))
    if some.any():
        result[some] = ufunc.reduceat(values[: ptr[-1]], starts[some])
    return result


def sum_by_zone(zone: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """Return the sum of the `values` of each of n zones, float64 [n]."""
    # of nothing np.bincount would make integers
    return np.bincount(zone, weights=values, minlength=n).astype(np.float64, copy=False)


def cuts(start: np.ndarray, length: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the cuts of runs and the position of each run among them, see :class:`SubBlock`.

    The end of a run is left out where the next one begins there in the same row.
    """
    bounds = np.empty(2 * len(start), np.int64)
    bounds[::2] = start
    bounds[1::2] = stop = start + length
    keep = np.ones(len(bounds), bool)
    keep[1:-1:2] = (stop[:-1] != start[1:]) | (stop[:-1] % width == 0)
    return bounds[keep], (np.cumsum(keep) - keep)[::2]
