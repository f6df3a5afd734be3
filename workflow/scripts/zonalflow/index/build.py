"""Building the zone index: from polygons and a grid to cells."""

import hashlib

import numpy as np

from zonalflow.common.errors import ConfigError, GridError
from zonalflow.geometry.grid import Grid, Window
from zonalflow.index.coverage import cover
from zonalflow.index.edges import edge_batches
from zonalflow.index.runs import Runs, clip, merge
from zonalflow.index.scanline import fill, touch
from zonalflow.index.zone_index import ZoneIndex

METHODS = ("center", "all_touched", "coverage")

Weights = None | str | np.ndarray


def build_index(
    geometries: np.ndarray,
    grid: Grid,
    method: str = "center",
    *,
    weights: Weights = None,
    zones_digest: str = "",
) -> ZoneIndex:
    """Find the cells of every zone.

    Args:
        geometries: shapely polygons and multipolygons [n], valid, in the grid's CRS; None or an empty one has
        no cell
        grid: where the rasters lie
        method: ``center`` (cells whose centre lies inside: rasterstats' and GDAL's rule), ``all_touched``
            (cells that the zone touches, as GDAL says) or ``coverage`` (every cell by the fraction covered,
            exactextract's rule)
        weights: None, ``"area"`` (cos φ, see :meth:`Grid.row_areas`) or an array of the grid's shape, not
            negative; where it is NaN the weight is 0
        zones_digest: names the zones in the index and in its key
    """
    if method not in METHODS:
        raise ConfigError(f"method: {method!r} is not one of {', '.join(METHODS)}")
    geometries = np.asarray(geometries, dtype=object)
    n = len(geometries)
    integer = np.int32 if grid.width * grid.height < 2**31 else np.int64
    # kept of each batch in a few bytes a cell: cells by their flat numbers on the grid
    all_runs, all_boundaries, all_fractions, extents = [], [], [], []
    off_grid, boundary_sizes = np.zeros(n), np.zeros(n, np.int64)
    for edges in edge_batches(geometries, grid):
        boundary, fraction = Runs.concatenate([]), np.empty(0, np.float32)
        if method == "center":
            runs = merge(fill(edges))
        elif method == "all_touched":
            runs = merge(Runs.concatenate([fill(edges), touch(edges)]))
        else:
            runs, boundary, fraction = cover(edges)
        on_grid = clip(runs, *grid.shape)
        kept = (
            (boundary.row >= 0) & (boundary.row < grid.height) & (boundary.start >= 0) & (boundary.start < grid.width)
        )
        for zone, cells in (
            (runs.zone, runs.length),
            (on_grid.zone, -on_grid.length),
            (boundary.zone[~kept], fraction[~kept]),
        ):
            off_grid += np.bincount(zone, weights=cells, minlength=n)
        boundary = boundary.select(kept)
        extents += [part.extent for part in (on_grid, boundary) if len(part)]
        boundary_sizes += np.bincount(boundary.zone, minlength=n)
        all_runs.append(on_grid.compact())
        all_boundaries.append((boundary.row * grid.width + boundary.start).astype(integer))
        all_fractions.append(fraction[kept])

    window = _around(extents)
    row0, _, col0, col1 = window
    width = col1 - col0
    runs = Runs.concatenate(all_runs)
    start = ((runs.row.astype(np.int64) - row0) * width + runs.start - col0).astype(integer)
    in_raster_order = np.argsort(start, kind="stable")
    run_order = np.empty(len(runs), np.int32)
    run_order[in_raster_order] = np.arange(len(runs), dtype=np.int32)
    for cells in all_boundaries:
        row, column = np.divmod(cells, grid.width)
        cells[:] = (row - row0) * width + column - col0
    return ZoneIndex(
        grid,
        method,
        weights_digest(weights),
        zones_digest,
        window,
        run_start=start[in_raster_order],
        run_length=runs.length[in_raster_order].astype(np.int32),
        run_zone=runs.zone[in_raster_order].astype(np.int32),
        run_order=run_order,
        run_ptr=np.searchsorted(runs.zone, np.arange(n + 1)),
        boundary_cell=np.concatenate([np.empty(0, integer), *all_boundaries]),
        boundary_fraction=np.concatenate([np.empty(0, np.float32), *all_fractions]),
        boundary_ptr=np.append(0, np.cumsum(boundary_sizes)),
        off_grid=off_grid,
        weight=_window_weights(weights, grid, window),
    )


def _around(extents: list[Window]) -> Window:
    """Return the smallest window that holds all of them; a single cell if there is none, so that it can be read."""
    if not extents:
        return 0, 1, 0, 1
    row0, row1, col0, col1 = zip(*extents, strict=True)
    return min(row0), max(row1), min(col0), max(col1)


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
    return hashlib.sha256(np.ascontiguousarray(weights)).hexdigest()
