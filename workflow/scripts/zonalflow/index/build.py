"""Building the zone index: from polygons and a grid to cells."""

import hashlib
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from zonalflow.common.errors import ConfigError, GridError
from zonalflow.geometry.grid import Grid, Window
from zonalflow.index.checks import check_areas, check_centres, check_some_on_grid
from zonalflow.index.coverage import Coverage, cover
from zonalflow.index.edges import Edges, edge_batches
from zonalflow.index.runs import Runs, clip, merge
from zonalflow.index.scanline import fill
from zonalflow.index.segments import sum_by_zone
from zonalflow.index.zone_index import ZoneIndex

METHODS = ("center", "all_touched", "coverage")

Weights = None | str | np.ndarray


def build_index(
    geometries: ArrayLike, grid: Grid, method: str = "center", *,
    weights: Weights = None, zones_digest: str = "", min_coverage: float = 0.0,
) -> ZoneIndex:  # fmt: skip
    """Find the cells of every zone.

    Args:
        geometries: shapely polygons and multipolygons [n], valid, in the grid's CRS; None or an empty one has
            no cell, and of a collection its polygons count
        grid: where the rasters lie
        method: ``center`` (cells whose centre lies inside: rasterstats' and GDAL's rule), ``all_touched``
            (every cell that the zone overlaps, by however little) or ``coverage`` (the same cells, each by the
            fraction covered: exactextract's rule)
        weights: None, ``"area"`` (cos φ, see :meth:`Grid.row_areas`) or an array of the grid's shape, not
            negative; where it is NaN the weight is 0
        zones_digest: names the zones in the index and in its key
        min_coverage: with ``coverage``, cells of which a smaller fraction is covered do not count

    Raises:
        ConfigError: the method or the name of the weights is not known, or `min_coverage` is for another method
        GridError: the weights have another shape, or negative or infinite values
        WrongIndexError: the cells found do not fit the zones' areas: an error of ours
    """
    _check_method(method, min_coverage)
    geometries = np.asarray(geometries, dtype=object)
    cells = _IndexedCells(grid, len(geometries))
    for edges in edge_batches(geometries, grid):
        cells.add(_covered(_find_cells(geometries[edges.zones], edges, grid, method), min_coverage))
    window = cells.window
    index = ZoneIndex(
        grid,
        method,
        weights_digest(weights),
        zones_digest,
        window,
        **cells.arrays(window),
        weight=_window_weights(weights, grid, window),
        min_coverage=min_coverage,
    )
    if method != "center" and not min_coverage:
        check_some_on_grid(geometries, grid, index.n_cells)
    return index


def _check_method(method: str, min_coverage: float) -> None:
    if method not in METHODS:
        raise ConfigError(f"method: {method!r} is not one of {', '.join(METHODS)}")
    if min_coverage and method != "coverage":
        raise ConfigError(f"min_coverage: {min_coverage} needs method: coverage, and the method is {method}")


def _find_cells(geometries: np.ndarray, edges: Edges, grid: Grid, method: str) -> Coverage:
    """Return the cells of a batch of zones on the unbounded grid, checked against the zones' areas."""
    if method == "center":
        cells = Coverage.of_runs(merge(fill(edges)))
        check_centres(geometries, edges, grid, cells)
        return cells
    cells = cover(edges)
    check_areas(geometries, edges, grid, cells)
    if method == "all_touched":
        return Coverage.of_runs(merge(Runs.concatenate([cells.whole, cells.boundary])))
    return cells


def _covered(cells: Coverage, least: float) -> Coverage:
    """Return the cells of which at least a fraction is covered, compared as float32, in which the fractions are."""
    kept = cells.fraction >= np.float32(least)
    return replace(cells, boundary=cells.boundary.select(kept), fraction=cells.fraction[kept]) if least else cells


@dataclass
class _IndexedCells:
    """The cells of all zones on the grid, kept of each batch in a few bytes a cell, and how many lie off it."""

    grid: Grid
    n_zones: int
    runs: list[Runs] = field(default_factory=list)
    boundary_cells: list[np.ndarray] = field(default_factory=list)  # flat numbers on the grid
    fractions: list[np.ndarray] = field(default_factory=list)
    extents: list[Window] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.off_grid = np.zeros(self.n_zones)
        self.boundary_sizes = np.zeros(self.n_zones, np.int64)
        self.integer = np.int32 if self.grid.width * self.grid.height < 2**31 else np.int64

    def add(self, cells: Coverage) -> None:
        """Add the cells of further zones."""
        runs, kept = clip(cells.whole, *self.grid.shape), cells.boundary.within(*self.grid.shape)
        boundary = cells.boundary.select(kept)
        for zone, count in (
            (cells.whole.zone, cells.whole.length),
            (runs.zone, -runs.length),
            (cells.boundary.zone[~kept], cells.fraction[~kept]),
        ):
            self.off_grid += sum_by_zone(zone, count, self.n_zones)
        self.boundary_sizes += np.bincount(boundary.zone, minlength=self.n_zones)
        self.extents += [part.extent for part in (runs, boundary) if len(part)]
        self.runs.append(runs.compact())
        self.boundary_cells.append((boundary.row * self.grid.width + boundary.start).astype(self.integer))
        self.fractions.append(cells.fraction[kept])

    @property
    def window(self) -> Window:
        """The smallest window that holds all cells; a single cell if there is none, so that it can be read."""
        if not self.extents:
            return 0, 1, 0, 1
        row0, row1, col0, col1 = zip(*self.extents, strict=True)
        return min(row0), max(row1), min(col0), max(col1)

    def arrays(self, window: Window) -> dict[str, np.ndarray]:
        """Return the arrays of a :class:`ZoneIndex`, with flat numbers in a window; what was added is given up."""
        row0, _, col0, col1 = window
        width = col1 - col0
        runs, self.runs = Runs.concatenate(self.runs), []
        start = self._flat(runs, row0, col0, width)
        length, zone = runs.length.astype(np.int32, copy=False), runs.zone.astype(np.int32, copy=False)
        del runs  # each array is given up as soon as its sorted copy is there: there may be a hundred million cells
        order = np.argsort(start, kind="stable")
        arrays = {"run_start": start[order], "off_grid": self.off_grid}
        del start
        arrays["run_length"] = length[order]
        del length
        arrays["run_zone"] = zone[order]
        del zone, order
        for cells in self.boundary_cells:
            row, column = np.divmod(cells, self.grid.width)
            cells[:] = (row - row0) * width + column - col0
        cell = np.concatenate([np.empty(0, self.integer), *self.boundary_cells])
        self.boundary_cells = []
        order = np.argsort(cell, kind="stable")
        arrays["boundary_cell"] = cell[order]
        del cell
        fraction, self.fractions = np.concatenate([np.empty(0, np.float32), *self.fractions]), []
        arrays["boundary_fraction"] = fraction[order]
        del fraction
        zone = np.repeat(np.arange(self.n_zones, dtype=np.int32), self.boundary_sizes)
        return arrays | {"boundary_zone": zone[order]}

    def _flat(self, runs: Runs, row0: int, col0: int, width: int) -> np.ndarray:
        """Return the flat number in a window of each run's first cell."""
        flat: np.ndarray = runs.row.astype(self.integer)
        flat -= row0
        flat *= width
        flat += runs.start.astype(self.integer)
        flat -= col0
        return flat


def _window_weights(weights: Weights, grid: Grid, window: Window) -> np.ndarray | None:
    row0, row1, col0, col1 = window
    if weights is None:
        return None
    if isinstance(weights, str):
        if weights != "area":
            raise ConfigError(f"weights: {weights!r} is not none, area or a raster")
        return grid.row_areas()[row0:row1, None]
    if weights.shape != grid.shape:
        raise GridError(f"the weights have {weights.shape} cells, the grid {grid.shape}: {grid.describe()}")
    window_weights = np.nan_to_num(np.asarray(weights[row0:row1, col0:col1], np.float64), nan=0.0, posinf=np.inf)
    if not (np.isfinite(window_weights) & (window_weights >= 0)).all():
        raise GridError("the weights hold a negative or infinite value; a cell without a weight must be NaN")
    return window_weights


def weights_digest(weights: Weights) -> str:
    """Return ``none``, the name of the weights, or a hash of their values."""
    if weights is None or isinstance(weights, str):
        return weights or "none"
    return hashlib.sha256(np.ascontiguousarray(weights).reshape(-1).data).hexdigest()
