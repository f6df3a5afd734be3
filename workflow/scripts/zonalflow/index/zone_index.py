"""The zone index: which cells each zone holds on a grid, found once and used for every raster on that grid.

Finding the cells of 3,000 zones costs a hundred times more than averaging them, and it is the same work for
every raster of a grid. So it is done once and stored. The index of n zones holds

- *runs* of cells that lie side by side in a row and belong to a zone with their whole area, in the order of
  the raster, so that one pass over a raster serves all zones, whether they overlap or not;
- with ``coverage``, the *boundary*: single cells that a zone covers in part, and the fraction covered;
- optionally a *weight* for each cell: its area, or another raster such as population.

All cell numbers are flat numbers in the index's *window*, the smallest part of the grid that holds all cells:
rasters are read there and nowhere else. :mod:`zonalflow.index.build` makes an index and needs shapely; storing it
(:mod:`zonalflow.index.store`) and applying it (:mod:`zonalflow.stats.statistics`) need numpy alone.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from zonalflow.geometry.grid import Grid, Window
from zonalflow.index.segments import batches, expand, segment_reduce, sum_by_zone

_BATCH = 1 << 17  # cells that are laid out together
_KEPT = 1 << 21  # cells of an index whose layouts are kept for the next raster: 16 MB, with fractions 32 MB


@dataclass(frozen=True)
class Layout:
    """The cells of some zones, zone after zone, as numbers at which to take the values of a raster.

    Attributes:
        zones: which
        ptr: int64 [n + 1], the cells of the i-th of them are ``ptr[i]:ptr[i + 1]``
        cell: int64 [n_cells], flat numbers in the window
        fraction: float64 [n_cells], the fraction cᵢ covered, or None where all are 1
        weight: float64 [n_cells], wᵢ: cᵢ × the cell's weight; None where all are 1
    """

    zones: slice
    ptr: np.ndarray
    cell: np.ndarray
    fraction: np.ndarray | None
    weight: np.ndarray | None

    @cached_property
    def count(self) -> np.ndarray:
        """Σ cᵢ of each zone, float64 [n]."""
        if self.fraction is None:
            return np.diff(self.ptr).astype(np.float64)
        return segment_reduce(np.add, self.fraction, self.ptr, 0.0)

    @cached_property
    def total_weight(self) -> np.ndarray:
        """Σ wᵢ of each zone, float64 [n]."""
        if self.weight is None or self.weight is self.fraction:
            return self.count
        return segment_reduce(np.add, self.weight, self.ptr, 0.0)


@dataclass(frozen=True)
class ZoneIndex:
    """The cells of n zones on a grid.

    Attributes:
        grid: the whole grid
        method: ``center``, ``all_touched`` or ``coverage``
        weights: digest of the weights: ``none``, ``area`` or the hash of a raster
        zones_digest: names the zones, as the caller gave it
        window: row0, row1, col0, col1 of the cells that any zone holds; one cell if none holds any
        run_start, run_length: integers [n_runs], flat number of a run's first cell in the window, rising, and
        its cells
        run_zone: int32 [n_runs], the zone of each run
        run_order, run_ptr: the runs of zone z are numbers ``run_order[run_ptr[z]:run_ptr[z + 1]]``
        boundary_cell, boundary_fraction: integers and float32 [n_boundary], cells covered in part, by zone, then by
            cell
        boundary_ptr: int64 [n + 1], the boundary of zone z is ``boundary_ptr[z]:boundary_ptr[z + 1]``
        off_grid: float64 [n], the cells (or sum of fractions) of each zone that lie off the grid
        weight: float64, [rows, 1] or [rows, columns] of the window, or None
        min_coverage: cells of which a smaller fraction is covered are left out
    """

    grid: Grid
    method: str
    weights: str
    zones_digest: str
    window: Window
    run_start: np.ndarray
    run_length: np.ndarray
    run_zone: np.ndarray
    run_order: np.ndarray
    run_ptr: np.ndarray
    boundary_cell: np.ndarray
    boundary_fraction: np.ndarray
    boundary_ptr: np.ndarray
    off_grid: np.ndarray
    weight: np.ndarray | None = field(default=None)
    min_coverage: float = 0.0

    @property
    def n_zones(self) -> int:
        """The number of zones, those without a cell included."""
        return len(self.off_grid)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the window."""
        row0, row1, col0, col1 = self.window
        return row1 - row0, col1 - col0

    @property
    def is_fractional(self) -> bool:
        """Whether cells count by the fraction covered."""
        return self.method == "coverage"

    @cached_property
    def n_whole_cells(self) -> np.ndarray:
        """The cells that each zone's runs hold, float64 [n]."""
        return sum_by_zone(self.run_zone, self.run_length, self.n_zones)

    @cached_property
    def n_cells(self) -> np.ndarray:
        """The cells of each zone on the grid, by the fraction covered; float64 [n]."""
        if not len(self.boundary_cell):
            return self.n_whole_cells
        fraction = self.boundary_fraction.astype(np.float64)
        n_cells: np.ndarray = self.n_whole_cells + segment_reduce(np.add, fraction, self.boundary_ptr, 0.0)
        return n_cells

    @cached_property
    def _members(self) -> np.ndarray:
        """The cells of each zone, whole or in part, float64 [n]."""
        members: np.ndarray = self.n_whole_cells + np.diff(self.boundary_ptr)
        return members

    @cached_property
    def is_small(self) -> bool:
        """Whether the cells are so few that their numbers are kept, see :meth:`layout`."""
        return bool(self._members.sum() <= _KEPT)

    @cached_property
    def batches(self) -> list[slice]:
        """The zones as slices, each of a bounded number of cells, or of a single zone."""
        return batches(self._members, _BATCH)

    @cached_property
    def _layouts(self) -> dict[int, Layout]:
        return {}

    def layout(self, zones: slice) -> Layout:
        """Return the layout of one of the `batches`. Those of a small index are made once."""
        known = self._layouts.get(zones.start)
        if known is None:
            known = self._lay_out(zones)
            if self.is_small:
                self._layouts[zones.start] = known
        return known

    def _lay_out(self, zones: slice) -> Layout:
        first, last = zones.start, zones.stop
        runs = self.run_order[self.run_ptr[first] : self.run_ptr[last]]
        start, length = self.run_start[runs].astype(np.int64), self.run_length[runs].astype(np.int64)
        run_ptr = self.run_ptr[first : last + 1] - self.run_ptr[first]
        ptr = np.append(0, np.cumsum(length))[run_ptr]
        fraction = None
        if not self.is_fractional:
            cell = expand(start, length)
        else:  # each zone's boundary follows its runs as one run more, whose cells are then put in
            boundary_ptr = self.boundary_ptr[first : last + 1] - self.boundary_ptr[first]
            boundary = slice(self.boundary_ptr[first], self.boundary_ptr[last])
            size = np.diff(boundary_ptr)
            cell = expand(np.insert(start, run_ptr[1:], 0), np.insert(length, run_ptr[1:], size))
            at = expand(ptr[1:] + boundary_ptr[:-1], size)
            ptr = ptr + boundary_ptr
            fraction = np.ones(len(cell))
            cell[at], fraction[at] = self.boundary_cell[boundary], self.boundary_fraction[boundary]
        weight = fraction
        if self.weight is not None:
            weight = self.flat_weight().take(cell)
            weight = weight if fraction is None else weight * fraction
        return Layout(zones, ptr, cell, fraction, weight)

    @cached_property
    def run_bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Where to cut the window for ``reduceat``, which knows only the starts of segments.

        Returns:
            The first cell of each run and the cell after its last, int64; not the latter where the next run
            begins there in the same row; and the position of each run among them, int64 [n_runs + 1].
        """
        bounds = np.empty(2 * len(self.run_start), np.int64)
        start, stop = bounds[::2], bounds[1::2]
        start[:] = self.run_start
        stop[:] = start + self.run_length
        keep = np.ones(len(bounds), bool)
        keep[1:-1:2] = (stop[:-1] != start[1:]) | (stop[:-1] % self.shape[1] == 0)
        return bounds[keep], np.append(np.cumsum(keep) - keep, keep.sum())[::2]

    @cached_property
    def run_weight(self) -> np.ndarray:
        """The sum of the weights of each run's cells, float64 [n_runs]; not for `weight` None."""
        assert self.weight is not None
        start, length = self.run_start.astype(np.int64), self.run_length.astype(np.int64)
        if self.weight.shape[1] == 1:
            same_in_a_row: np.ndarray = self.weight[start // self.shape[1], 0] * length
            return same_in_a_row
        weight, total = self.flat_weight(), np.empty(len(start))
        for runs in batches(length, _BATCH):  # each run by itself: a running sum would lose what follows a huge weight
            ptr = np.append(0, np.cumsum(length[runs]))
            total[runs] = segment_reduce(np.add, weight.take(expand(start[runs], length[runs])), ptr, 0.0)
        return total

    def flat_weight(self, row0: int = 0, row1: int | None = None) -> np.ndarray:
        """Return the weights of the cells in rows row0 … row1 − 1 of the window, flat; not for `weight` None."""
        assert self.weight is not None
        weight = self.weight[row0:row1]
        return np.broadcast_to(weight, (len(weight), self.shape[1])).reshape(-1)

    def cells(self, zone: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return row and column on the whole grid and fraction of each cell of a zone, in raster order."""
        runs = self.run_order[self.run_ptr[zone] : self.run_ptr[zone + 1]]
        whole = expand(self.run_start[runs].astype(np.int64), self.run_length[runs].astype(np.int64))
        boundary = slice(*self.boundary_ptr[zone : zone + 2])
        cell = np.concatenate([whole, self.boundary_cell[boundary].astype(np.int64)])
        fraction = np.concatenate([np.ones(len(whole)), self.boundary_fraction[boundary].astype(np.float64)])
        order = np.argsort(cell, kind="stable")
        row, column = np.divmod(cell[order], self.shape[1])
        return row + self.window[0], column + self.window[2], fraction[order]
