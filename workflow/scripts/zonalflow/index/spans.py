"""Spans of cells, for loops that decode the cells of several time steps once for all that lies there."""

import numpy as np

SPAN = 256  # cells: four time steps of them, decoded, stay in the processor's nearest cache


def spans_of(start: np.ndarray, length: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Return spans that hold all runs and boundary cells of a tile: each belongs to that in which it begins.

    Args:
        start, length: the first cell of each run and how many there are, int64 [m], in the order of the first.
        cell: the boundary cells, int64 [b], in order.

    Returns:
        int64 [4, n]: of each span the first cell, the one behind the last, and how many runs and boundary cells there
        are up to its end.
    """
    of_run, of_cell = start // SPAN, cell // SPAN
    numbers = np.union1d(of_run, of_cell)
    spans = np.empty((4, len(numbers)), np.int64)
    spans[0], spans[1] = np.iinfo(np.int64).max, 0
    for number, first, stop in ((of_run, start, start + length), (of_cell, cell, cell + 1)):
        position = np.searchsorted(numbers, number)
        np.minimum.at(spans[0], position, first)
        np.maximum.at(spans[1], position, stop)
    spans[2], spans[3] = (np.searchsorted(number, numbers, side="right") for number in (of_run, of_cell))
    return spans
