"""Arithmetic on segments: many short runs of numbers in one flat array, without a Python loop."""

import itertools

import numpy as np


def expand(start: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Return start[0], start[0] + 1, … (length[0] numbers), start[1], …: the cells of runs, int64."""
    stop = np.cumsum(length)
    total = int(stop[-1]) if len(stop) else 0
    return np.arange(total) + np.repeat(start - (stop - length), length)


def batches(sizes: np.ndarray, limit: int) -> list[slice]:
    """Return slices of things of these sizes, in order: each of at most about `limit` in all, or of a single thing."""
    size = np.cumsum(sizes)
    cuts = np.searchsorted(size, np.arange(limit, size[-1] if len(size) else 0, limit)).tolist()
    edges = dict.fromkeys([0, *cuts, len(sizes)])  # each once: a large thing may hold several cuts
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
