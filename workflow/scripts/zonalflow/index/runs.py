"""Runs: cells of a zone that lie side by side in one row, as ``[start, stop)`` in columns."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Runs:
    """Runs of cells on an unbounded grid; all arrays are int64 [n_runs]."""

    zone: np.ndarray
    row: np.ndarray
    start: np.ndarray
    stop: np.ndarray

    def __len__(self) -> int:
        return len(self.zone)

    @property
    def length(self) -> np.ndarray:
        """The number of cells of each run."""
        length: np.ndarray = self.stop - self.start
        return length

    @property
    def extent(self) -> tuple[int, int, int, int]:
        """The smallest window that holds all runs: row0, row1, column0, column1."""
        return int(self.row.min()), int(self.row.max()) + 1, int(self.start.min()), int(self.stop.max())

    def compact(self) -> "Runs":
        """Return the runs in half the memory, for keeping: int32."""
        return Runs(*(array.astype(np.int32) for array in (self.zone, self.row, self.start, self.stop)))

    def select(self, which: np.ndarray) -> "Runs":
        """Return the runs that a mask or a list of numbers names."""
        return Runs(self.zone[which], self.row[which], self.start[which], self.stop[which])

    def within(self, height: int, width: int) -> np.ndarray:
        """Return which runs of one cell lie on a grid of `height` × `width` cells, bool [n_runs]."""
        on: np.ndarray = (self.row >= 0) & (self.row < height) & (self.start >= 0) & (self.start < width)
        return on

    @classmethod
    def concatenate(cls, parts: list["Runs"]) -> "Runs":
        """Return all runs of `parts`, one after the other."""
        if not parts:
            return cls(*np.empty((4, 0), np.int64))
        names = ("zone", "row", "start", "stop")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def merge(runs: Runs) -> Runs:
    """Return the union of each zone's runs as runs that neither overlap nor touch, by zone, row and column.

    The parts of a multipolygon may share cells, and a cell counts once in a zone.
    """
    if not len(runs):
        return runs
    rows = int(runs.row.max() - runs.row.min()) + 1
    column0 = runs.start.min()
    columns = int(runs.stop.max() - column0) + 1  # one more than can be used, so that rows never touch each other
    line = (runs.zone * rows + (runs.row - runs.row.min())) * columns - column0
    start, stop = line + runs.start, line + runs.stop
    order = np.argsort(start, kind="stable")  # already sorted but for multipolygons: timsort is linear then
    start, stop = start[order], np.maximum.accumulate(stop[order])
    opens = np.r_[True, start[1:] > stop[:-1]]
    first = order[opens]
    closes = np.r_[np.flatnonzero(opens)[1:] - 1, len(start) - 1]
    return Runs(runs.zone[first], runs.row[first], runs.start[first], stop[closes] - line[first])


def clip(runs: Runs, height: int, width: int) -> Runs:
    """Return what of the runs lies on a grid of `height` × `width` cells."""
    start, stop = np.maximum(runs.start, 0), np.minimum(runs.stop, width)
    on = (start < stop) & (runs.row >= 0) & (runs.row < height)
    return Runs(runs.zone[on], runs.row[on], start[on], stop[on])
