"""Which parts of a raster are read together: strips of whole block rows, of which only blocks that hold cells."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from zonalflow.index.zone_index import ZoneIndex
from zonalflow.readers.source import Block, Span
from zonalflow.stats.strips import Strip

STRIP = (
    1 << 21
)  # cells that a strip has at least, if the raster has as many: fewer cost more calls than they save memory
_KEPT = 1 << 19  # runs and boundary cells of an index whose strips are kept for the next raster


@dataclass(frozen=True)
class Plan:
    """The strips in which an index's window is read from files of one kind.

    Attributes:
        index: the zones' cells.
        edges: the rows of the window at which strips begin, and the one behind the last.
        columns: the columns of the window at which blocks begin, and the one behind the last.
    """

    index: ZoneIndex
    edges: np.ndarray
    columns: np.ndarray

    @cached_property
    def _known(self) -> dict[int, Strip | None]:
        return {}

    @property
    def is_kept(self) -> bool:
        """Whether the strips are so small that they are kept for the next raster."""
        return len(self.index.run_start) + len(self.index.boundary_cell) <= _KEPT

    @property
    def is_single(self) -> bool:
        """Whether all is read together."""
        return len(self.edges) == 2

    def strips(self) -> Iterator[Strip]:
        """Yield the strips that hold cells of zones; of an index without any cell, the first."""
        cells = self.edges * self.index.shape[1]
        runs, boundary = (
            np.searchsorted(array, cells.astype(array.dtype))
            for array in (self.index.run_start, self.index.boundary_cell)
        )
        empty = not len(self.index.run_start) and not len(self.index.boundary_cell)
        for k in range(len(self.edges) - 1):
            if runs[k] < runs[k + 1] or boundary[k] < boundary[k + 1] or (empty and not k):
                strip = self._known.get(k)
                if strip is None:
                    some = slice(int(runs[k]), int(runs[k + 1])), slice(int(boundary[k]), int(boundary[k + 1]))
                    strip = self._strip(k, *some)
                    if self.is_kept:
                        self._known[k] = strip
                yield strip

    def _strip(self, k: int, runs: slice, boundary: slice) -> Strip:
        width = self.index.shape[1]
        first = [self.index.run_start[runs] % width, self.index.boundary_cell[boundary] % width]
        last = [first[0] + self.index.run_length[runs] - 1, first[1]]
        n = len(self.columns) - 1
        touched = np.zeros(n + 1, np.int64)
        for begin, end in zip(first, last, strict=True):
            if n > 1:
                touched += np.bincount(np.searchsorted(self.columns, begin, side="right") - 1, minlength=n + 1)
                touched -= np.bincount(np.searchsorted(self.columns, end, side="right"), minlength=n + 1)
        held = np.cumsum(touched[:n]) > 0 if n > 1 else np.ones(1, bool)
        if not held.any():
            held[0] = True  # no zone has any cell
        changes = np.flatnonzero(np.diff(np.concatenate([[False], held, [False]])))
        tiles = self.columns[changes].reshape(-1, 2).tolist()
        rows = int(self.edges[k]), int(self.edges[k + 1])
        return Strip(self.index, rows, [(begin, end) for begin, end in tiles], runs, boundary, self.is_kept)


def make_plan(index: ZoneIndex, block: Block, origin: Span, steps: int = 1) -> Plan:
    """Return the strips for files with blocks of this shape.

    Args:
        index: the zones' cells.
        block: what a file decompresses together.
        origin: the row and column of the index's window in the file.
        steps: how many time steps are read together.
    """
    key = block, origin, steps, STRIP
    if key in index.plans:
        known = index.plans[key]
        assert isinstance(known, Plan)
        return known
    height, width = index.shape
    enough = max(1, STRIP // (width * steps))
    rows = max(block.rows, enough // block.rows * block.rows)
    columns = _edges(width, block.columns, origin[1] - block.first_column)
    edges = np.array([0, height]) if height <= enough else _edges(height, rows, origin[0] - block.first_row)
    index.plans[key] = plan = Plan(index, edges, columns)
    return plan


def _edges(size: int, step: int, origin: int) -> np.ndarray:
    """Return the numbers at which blocks begin, counted from the window's first row or column; and `size`."""
    inner = np.arange(-origin % step or step, size, step)
    return np.concatenate([[0], inner, [size]])
