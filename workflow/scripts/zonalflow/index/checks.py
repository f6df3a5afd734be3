"""Checks of an index while it is built, against the areas of the zones, which share none of its arithmetic."""

import numpy as np
import shapely

from zonalflow.geometry.grid import Grid
from zonalflow.index.coverage import Coverage
from zonalflow.index.edges import Edges
from zonalflow.index.segments import sum_by_zone

_RELATIVE = 1e-6  # how far the sum of a zone's fractions may be from its area
_IN_CELLS = 1e-7  # and, for each boundary cell, by rounding to float32
_REPORT = "This is an error of zonalflow: please report it, with the zones and the grid"


class WrongIndexError(AssertionError):
    """The index does not fit the zones: an error of zonalflow itself, not of the user's input."""


def check_areas(geometries: np.ndarray, edges: Edges, grid: Grid, cells: Coverage) -> None:
    """Check that each zone's fractions, on the grid and off it, add up to its area.

    Args:
        geometries: polygons [n]; an invalid one has no area to speak of, and is left out
        edges: of these zones
        grid: whose cells are counted
        cells: those of these zones on the unbounded grid

    Raises:
        WrongIndexError: they do not; the message names the first such zone
    """
    n = len(geometries)
    boundary_cells = np.bincount(cells.boundary.zone - edges.first, minlength=n)
    rounding = max(_IN_CELLS, 4 * edges.precision) * (boundary_cells + 1)
    _check(geometries, edges, grid, cells, _RELATIVE * _areas_in_cells(geometries, grid) + rounding)


def check_centres(geometries: np.ndarray, edges: Edges, grid: Grid, cells: Coverage) -> None:
    """Check that each zone has about as many cell centres, on the grid and off it, as its area has cells.

    The two differ only in cells that the outline passes through. A path no longer than a cell meets at most 2 × 2
    cells, so a ring of length l (in cells) meets fewer than 4 (l + 1). Arguments and errors are those of
    :func:`check_areas`.
    """
    n = len(geometries)
    opens = np.diff(edges.ring, prepend=-1) > 0
    length = sum_by_zone(edges.edge_zone, np.hypot(edges.x1 - edges.x0, edges.y1 - edges.y0), n)
    rings = np.bincount(edges.edge_zone[opens], minlength=n)
    _check(geometries, edges, grid, cells, 4 * (length + rings))


def check_some_on_grid(geometries: np.ndarray, grid: Grid, n_cells: np.ndarray) -> None:
    """Check that one of all zones has a cell, if one of them overlaps the grid by more than next to nothing.

    Args:
        geometries: polygons [n], valid
        grid: whose cells are counted
        n_cells: float64 [n], the sum of the fractions of each zone on the grid

    Raises:
        WrongIndexError: some overlap it, and none has a cell
    """
    if n_cells.any():
        return
    overlap = np.zeros(len(geometries), bool)
    valid = shapely.is_valid(geometries)
    on_grid = shapely.intersection(geometries[valid], shapely.box(*grid.bounds))
    overlap[valid] = _areas_in_cells(on_grid, grid) > _IN_CELLS
    if overlap.any():
        raise WrongIndexError(
            f"no zone has a cell, but zone number {np.flatnonzero(overlap)[0] + 1} overlaps the grid: "
            f"{grid.describe()}. {_REPORT}"
        )


def _check(geometries: np.ndarray, edges: Edges, grid: Grid, cells: Coverage, allowed: np.ndarray) -> None:
    n = len(geometries)
    found = sum_by_zone(cells.whole.zone - edges.first, cells.whole.length, n)
    found += sum_by_zone(cells.boundary.zone - edges.first, cells.fraction, n)
    area = _areas_in_cells(geometries, grid)
    wrong = np.flatnonzero(~(np.abs(found - area) <= allowed))
    wrong = wrong[shapely.is_valid(geometries[wrong])]
    if len(wrong):
        zone = wrong[0]
        raise WrongIndexError(
            f"zone number {edges.first + zone + 1} holds {found[zone]:.9g} cells, but its area is that of "
            f"{area[zone]:.9g}, on a grid of {grid.describe()}. {_REPORT}"
        )


def _areas_in_cells(geometries: np.ndarray, grid: Grid) -> np.ndarray:
    a, e = grid.transform[0], grid.transform[4]
    area: np.ndarray = np.nan_to_num(shapely.area(geometries)) / abs(a * e)
    return area
