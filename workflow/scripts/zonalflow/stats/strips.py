"""A strip of a raster and what lies in it: tiles, runs of cells, boundary cells.

A strip has one or several tiles: neighbouring block columns of which each holds cells of a zone. No run of cells leaves
its tile, so the sum over a run, and with it every number, is the same whatever the height of the strips.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from zonalflow.index.segments import batches, cuts, expand
from zonalflow.index.spans import spans_of
from zonalflow.index.zone_index import ZoneIndex
from zonalflow.readers.source import Span

_GAPPY = 1.3  # cuts for each run: where most runs have cells of no run behind them
_SHORT = 32  # cells of a run: of longer ones the numbers of their cells cost more than the cells between them
_FEW = 1 << 22  # cells of a window whose cells' numbers may be kept
SUB_BLOCK = 1 << 17  # cells of a tile that are held as float64 together: they stay in the processor's cache
_BLOCK_OF_SUMS = 128  # cells that numpy adds up without halving them
LARGE_BLOCK = 1 << 20  # cells of a tile that a compiled loop takes together: it holds no copy of them


@dataclass(frozen=True)
class SubBlock:
    """Some rows of a tile.

    Attributes:
        tile: its number in the strip.
        cells: the flat numbers of its cells in the tile, first and behind the last.
        runs: its runs, by their number in the strip: a slice, or integers.
        start: the first cell of each run in the tile, int64.
        length: the cells of each run, int64.
        width: the columns of the tile.
        taken: the cells of its runs alone, one run after the other, by their numbers in the tile; None for all cells.
    """

    tile: int
    cells: Span
    runs: slice | np.ndarray
    start: np.ndarray
    length: np.ndarray
    width: int
    taken: np.ndarray | None = None

    @cached_property
    def _cutting(self) -> tuple[np.ndarray, np.ndarray]:
        if self.taken is not None:
            return np.append(0, np.cumsum(self.length)), np.arange(len(self.length))
        return cuts(self.start - self.cells[0], self.length, self.width)

    @property
    def cuts(self) -> np.ndarray:
        """Where ``reduceat``, which knows only starts of segments, cuts the cells: at both ends of each run; int64."""
        return self._cutting[0]

    @property
    def at(self) -> np.ndarray:
        """The position of each run among the cuts."""
        return self._cutting[1]

    @property
    def which(self) -> slice | np.ndarray:
        """The cells in the tile."""
        return slice(*self.cells) if self.taken is None else self.taken

    @property
    def size(self) -> int:
        """The number of cells."""
        return self.cells[1] - self.cells[0] if self.taken is None else len(self.taken)

    def compact(self) -> "SubBlock":
        """Return the runs without the cells between them, where these cost more than to take the others out."""
        if len(self.cuts) < _GAPPY * len(self.length) or self.length.mean() > _SHORT:
            return self
        return replace(self, taken=self.cells[0] + self.expanded())

    @cached_property
    def overlaps(self) -> bool:
        """Whether a cell belongs to several runs, as zones may overlap."""
        start = self.cuts[self.at]
        return self.taken is None and bool((start[1:] < (start + self.length)[:-1]).any())

    @property
    def segments(self) -> np.ndarray:
        """The cells before the first cut, and behind each; where no runs overlap."""
        return np.diff(np.append(self.cuts, self.size), prepend=0)

    def owners(self, values: np.ndarray, beside: float) -> np.ndarray:
        """Return the value of each segment's run, and `beside` for segments of no run."""
        owner = np.full(len(self.cuts) + 1, beside, values.dtype)
        owner[1 + self.at] = values
        return owner

    def spread_out(self, values: np.ndarray, beside: float) -> np.ndarray:
        """Return the value of each run in all its cells, and `beside` in those of no run; where no runs overlap."""
        return np.repeat(self.owners(values, beside), self.segments)

    def expanded(self) -> np.ndarray:
        """Return the cells of all runs, one run after the other, counted from the first cell."""
        return expand(self.cuts[self.at], self.length)

    def count(self, which: np.ndarray) -> np.ndarray:
        """Return how many of each run's cells a mask names, int64."""
        before = np.zeros(len(which) + 1, np.int32)
        np.cumsum(which, out=before[1:])
        start = self.cuts[self.at]
        count: np.ndarray = before[start + self.length] - before[start]
        return count

    def reduce(self, ufunc: np.ufunc, cells: np.ndarray) -> np.ndarray:
        """Return each run's cells reduced; `cells` are float64 and hold one more behind the last."""
        reduced: np.ndarray = ufunc.reduceat(cells, self.cuts)[self.at]
        return reduced


@dataclass(frozen=True)
class Elements:
    """The runs and boundary cells of a strip, zone after zone.

    Attributes:
        zone: int64 [n].
        start, length: int64 [n], the first cell among all cells of the strip's tiles, one tile after the other.
        fraction: float32 [n], of boundary cells; 1 for runs.
        whole: bool [n], whether it is a run.
        batches: slices of elements, each of a bounded number of cells and of whole zones, or of a single zone.
    """

    zone: np.ndarray
    start: np.ndarray
    length: np.ndarray
    fraction: np.ndarray
    whole: np.ndarray
    batches: list[slice]


@dataclass(frozen=True)
class Strip:
    """Rows row0 … row1 − 1 of an index's window, and what lies in them.

    Attributes:
        index: the zones' cells.
        rows: of the window.
        tiles: the columns of each tile.
        runs, boundary: the numbers of the strip's runs and boundary cells in the index.
        is_kept: whether it is used for many rasters.
    """

    index: ZoneIndex
    rows: Span
    tiles: list[Span]
    runs: slice
    boundary: slice
    is_kept: bool = False

    @cached_property
    def run_zone(self) -> np.ndarray:
        """The zone of each run, as numpy indexes."""
        return np.asarray(self.index.run_zone)[self.runs].astype(np.intp)

    @cached_property
    def zones(self) -> tuple[np.ndarray, np.ndarray]:
        """The zones that have runs in the strip, and the position of each run's zone among them."""
        zones, position = np.unique(self.run_zone, return_inverse=True)
        return zones, position

    @cached_property
    def run_length(self) -> np.ndarray:
        """The cells of each run, int64."""
        return self.index.run_length[self.runs].astype(np.int64)

    @cached_property
    def boundary_zone(self) -> np.ndarray:
        """The zone of each boundary cell, as numpy indexes."""
        return self.index.boundary_zone[self.boundary].astype(np.intp)

    @cached_property
    def fraction(self) -> np.ndarray:
        """The fraction of each boundary cell, float64."""
        return self.index.boundary_fraction[self.boundary].astype(np.float64)

    @cached_property
    def run_row(self) -> np.ndarray:
        """The row of each run in the window."""
        row: np.ndarray = np.floor_divide(self.index.run_start[self.runs], self.index.shape[1])
        return row

    @cached_property
    def run_position(self) -> tuple[np.ndarray, np.ndarray]:
        """The tile of each run, and its first cell in the tile."""
        return self._positions(self.index.run_start[self.runs])

    @cached_property
    def boundary_position(self) -> np.ndarray:
        """Each boundary cell among all cells of the strip's tiles, one tile after the other."""
        tile, cell = self._positions(self.index.boundary_cell[self.boundary])
        position: np.ndarray = cell + self.offsets[tile]
        return position

    @cached_property
    def offsets(self) -> np.ndarray:
        """The number of the first cell of each tile among those of all, int64."""
        offsets: np.ndarray = np.cumsum([0, *(self.height * (stop - start) for start, stop in self.tiles)])[:-1]
        return offsets

    @property
    def height(self) -> int:
        """The number of rows."""
        return self.rows[1] - self.rows[0]

    def _positions(self, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        row, column = np.divmod(cells.astype(np.int64), self.index.shape[1])
        first, stop = np.array(self.tiles, np.int64).T
        tile = np.searchsorted(stop, column, side="right") if len(self.tiles) > 1 else np.zeros(len(cells), np.int64)
        return tile, (row - self.rows[0]) * (stop - first)[tile] + column - first[tile]

    @cached_property
    def sub_blocks(self) -> list[SubBlock]:
        """The rows of each tile that hold runs, in parts that fit into the processor's cache."""
        return self._blocks(SUB_BLOCK)

    @cached_property
    def large_blocks(self) -> list[SubBlock]:
        """The rows of each tile that hold runs, in large parts."""
        return self._blocks(max(LARGE_BLOCK, SUB_BLOCK))

    def _blocks(self, size: int) -> list[SubBlock]:
        found: list[SubBlock] = []
        tile_of_run, start = self.run_position
        for number, (first, stop) in enumerate(self.tiles):
            runs = None if len(self.tiles) == 1 else np.flatnonzero(tile_of_run == number)
            own = start if runs is None else start[runs]
            length = self.run_length if runs is None else self.run_length[runs]
            width, cells = stop - first, self.height * (stop - first)
            edges = [*range(0, cells, max(1, size // width) * width), cells]
            firsts = np.searchsorted(own, edges)
            for k in np.flatnonzero(np.diff(firsts)).tolist():
                some = slice(int(firsts[k]), int(firsts[k + 1]))
                which = some if runs is None else runs[some]
                cells_of = edges[k], edges[k + 1]
                found.append(SubBlock(number, cells_of, which, own[some], length[some], width))
        return found

    @cached_property
    def run_blocks(self) -> list[SubBlock]:
        """The sub-blocks for reducing runs."""
        few = self.is_kept and self.index.shape[0] * self.index.shape[1] <= _FEW
        return [block.compact() for block in self.sub_blocks] if few else self.sub_blocks

    @cached_property
    def elements(self) -> Elements:
        """The strip's runs and boundary cells in the order of their zones."""
        tile, cell = self.run_position
        start = np.concatenate([cell + self.offsets[tile], self.boundary_position])
        zone = np.concatenate([self.run_zone, self.boundary_zone])
        n = len(self.boundary_zone)
        length = np.concatenate([self.run_length, np.ones(n, np.int64)])
        fraction = np.concatenate([np.ones(len(tile), np.float32), self.index.boundary_fraction[self.boundary]])
        order = np.argsort(zone, kind="stable")
        zone, length = zone[order], length[order]
        opens = np.flatnonzero(np.append(True, zone[1:] != zone[:-1])[: len(zone)])
        sizes = np.add.reduceat(length, opens) if len(opens) else length
        edges = np.append(opens, len(zone))
        parts = [slice(int(edges[part.start]), int(edges[part.stop])) for part in batches(sizes, SUB_BLOCK)]
        return Elements(zone, start[order], length, fraction[order], order < len(tile), parts if len(zone) else [])

    @cached_property
    def is_small(self) -> bool:
        """Whether it is one tile that is kept, with short runs."""
        return self.is_kept and len(self.tiles) == 1 and int(self.run_length.max(initial=0)) <= _BLOCK_OF_SUMS

    @cached_property
    def spans(self) -> np.ndarray:
        """The cells in spans, where there is one tile; see :func:`zonalflow.index.spans.spans_of`."""
        return spans_of(self.run_position[1], self.run_length, self.boundary_position)

    @property
    def has_cell_weights(self) -> bool:
        """Whether each cell has a weight of its own, and not all of a row the same."""
        return self.index.weight is not None and self.index.weight.shape[1] == self.index.shape[1] > 1

    def weight(self, block: SubBlock) -> np.ndarray:
        """Return the weights of a sub-block's cells, flat; not for an index without weights, or of areas."""
        assert self.index.weight is not None
        first, stop = self.tiles[block.tile]
        rows = slice(*(self.rows[0] + cell // (stop - first) for cell in block.cells))
        weight = self.index.weight[rows, first:stop].reshape(-1)
        return weight if block.taken is None else weight[block.taken - block.cells[0]]

    @cached_property
    def boundary_weight(self) -> np.ndarray:
        """The weight of each boundary cell; not for an index without weights."""
        assert self.index.weight is not None
        row, column = np.divmod(self.index.boundary_cell[self.boundary], self.index.shape[1])
        by_row = self.index.weight.shape[1] == 1
        return np.asarray(self.index.weight[row, 0 if by_row else column], np.float64)
