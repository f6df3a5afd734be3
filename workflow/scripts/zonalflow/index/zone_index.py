"""The zone index: which cells each zone holds on a grid, found once and used for every raster on that grid.

Finding the cells of 3,000 zones costs a hundred times more than averaging them, and it is the same work for
every raster of a grid. So it is done once and stored. The index of n zones holds

- *runs* of cells that lie side by side in a row and belong to a zone with their whole area, in the order of
  the raster, so that one pass over a raster serves all zones, whether they overlap or not;
- with ``coverage``, the *boundary*: single cells that a zone covers in part, and the fraction covered, in the same
  order;
- optionally a *weight* for each cell: its area, or another raster such as population.

All cell numbers are flat numbers in the index's *window*, the smallest part of the grid that holds all cells:
rasters are read there and nowhere else. :mod:`zonalflow.index.build` makes an index and needs shapely; storing it
(:mod:`zonalflow.index.store`) and applying it (:mod:`zonalflow.stats.statistics`) need numpy alone.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from zonalflow.geometry.grid import Grid, Window
from zonalflow.index.segments import expand, sum_by_zone


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
        boundary_cell, boundary_fraction: integers and float32 [n_boundary], cells covered in part, rising
        boundary_zone: int32 [n_boundary], the zone of each
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
    boundary_cell: np.ndarray
    boundary_fraction: np.ndarray
    boundary_zone: np.ndarray
    off_grid: np.ndarray
    weight: np.ndarray | None = field(default=None)
    min_coverage: float = 0.0

    @cached_property
    def plans(self) -> dict[object, object]:
        """What :mod:`zonalflow.stats.plan` works out about the index once for all rasters."""
        return {}

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
        n_cells: np.ndarray = self.n_whole_cells + sum_by_zone(self.boundary_zone, self.boundary_fraction, self.n_zones)
        return n_cells

    @cached_property
    def members(self) -> np.ndarray:
        """The cells of each zone, whole or in part, int64 [n]."""
        members: np.ndarray = self.n_whole_cells.astype(np.int64)
        return members + np.bincount(self.boundary_zone, minlength=self.n_zones)

    def cells(self, zone: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return row and column on the whole grid and fraction of each cell of a zone, in raster order."""
        runs, boundary = np.flatnonzero(self.run_zone == zone), np.flatnonzero(self.boundary_zone == zone)
        whole = expand(self.run_start[runs].astype(np.int64), self.run_length[runs].astype(np.int64))
        cell = np.concatenate([whole, self.boundary_cell[boundary].astype(np.int64)])
        fraction = np.concatenate([np.ones(len(whole)), self.boundary_fraction[boundary].astype(np.float64)])
        order = np.argsort(cell, kind="stable")
        row, column = np.divmod(cell[order], self.shape[1])
        return row + self.window[0], column + self.window[2], fraction[order]
