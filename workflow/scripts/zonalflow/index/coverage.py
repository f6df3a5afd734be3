"""What share of each cell a zone covers, exactly.

Green's theorem turns the area of a polygon into a sum over its edges, and a sum over edges can be split among cells.
Cut every edge where it crosses a cell border. What lies within one cell is called a traversal, as in exactextract.
A traversal of cell (r, c) that rises by dy (signed by the direction of the ring) at a mean column x̄ covers, to its
right,

    dy (c + 1 − x̄)  of its own cell,  and  dy  of every further cell of the row.

Summed over the traversals of a row from left to right this gives each cell's covered share; between two cells with
traversals it is constant, 0 or 1: those are the runs, and only the cells on a zone's boundary need a number of their
own. The result is exact but for rounding (about 1e-15 of a cell times the number of traversals).

Which cells a zone overlaps does not depend on that rounding: a polygon has area on one side of each of its edges, so
it overlaps each cell through whose inside an edge passes, however little of it. Where edges only run along the cell's
borders (to within the rounding of coordinates), all or nothing of the cell is covered. Left out are cells in which a
zone is no wider than rounding, as are the slivers that remain when polygons are cut or repaired.

The fractions are rounded to float32, as in exactextract (whose matrix of fractions is one of floats): half the memory,
and the same numbers to the last bit nearly everywhere.
"""

from dataclasses import dataclass, replace

import numpy as np

from zonalflow.index.edges import Edges
from zonalflow.index.runs import Runs
from zonalflow.index.segments import expand

_SMALLEST = np.finfo(np.float32).tiny  # for a share that is too small to be told from rounding
_ROUNDING = 1e-13  # cells: the width of a zone that rounding of its share alone can give
_SHORT = 1e-3  # cells: on so short a way through a cell a zone may be narrow, such as a corner that reaches into it


@dataclass(frozen=True)
class Coverage:
    """The cells that zones overlap.

    Attributes:
        whole: runs of cells that count as a whole
        boundary: cells that may be covered in part, as runs of one cell
        fraction: float32 [n_boundary], the fraction of each that is covered, in (0, 1]
    """

    whole: Runs
    boundary: Runs
    fraction: np.ndarray

    @classmethod
    def of_runs(cls, runs: Runs) -> "Coverage":
        """Return runs as cells that all count as a whole."""
        return cls(runs, Runs.concatenate([]), np.empty(0, np.float32))


def cover(edges: Edges) -> Coverage:
    """Return the cells that the zones overlap, on the unbounded grid, with the fraction of each that is covered."""
    traversals = _traverse(edges)
    zone_of_ring = np.zeros(int(edges.ring.max(initial=-1)) + 1, np.int64)
    zone_of_ring[edges.ring] = edges.edge_zone

    rings = _sum_by_cell(traversals, zone_of_ring, edges)
    # exactextract rounds the fraction of each ring, then adds up rings: so do we, to have its last bit
    fraction = rings.own + _from_the_left(rings)
    rounding = fraction.astype(np.float32) - fraction
    rings = replace(rings, shape=zone_of_ring[rings.shape], own=rings.own + rounding)
    cells = _sum_by_cell(rings, np.arange(len(edges.windows.height)), edges)

    left = _from_the_left(cells)
    fraction = cells.own + left
    wider_than_rounding = fraction > max(edges.precision, _ROUNDING) * cells.way
    overlapped = (cells.way > 0) & (wider_than_rounding | (cells.way < _SHORT))
    boundary = np.flatnonzero(overlapped | (fraction > 0.5))
    fraction = np.clip(fraction[boundary], _SMALLEST, 1).astype(np.float32)
    column = cells.column[boundary]
    boundary_cells = _runs(edges, cells.shape[boundary], cells.row[boundary], column, column + 1)

    # between this cell and the next one of its row
    next_column = np.append(cells.column[1:], 0)
    ends_row = np.append(cells.opens_row[1:], True)[: len(left)]
    full = ~ends_row & (np.rint(left + cells.beyond) > 0) & (next_column > cells.column + 1)
    whole = _runs(edges, cells.shape[full], cells.row[full], cells.column[full] + 1, next_column[full])
    return Coverage(whole, boundary_cells, fraction)


@dataclass(frozen=True)
class _Shares:
    """What edges cover of cells: each traversal by itself, or added up for each cell of a ring or zone; arrays [n].

    Attributes:
        shape: int64, the number of the ring or zone
        row, column: int64, the cell, counted from the zone's window
        own: float64, the share of the cell itself
        beyond: float64, the share of each cell further right in the row
        way: float64, how far (|Δx| + |Δy|, in cells) edges run through the inside of the cell, not along its borders
    """

    shape: np.ndarray
    row: np.ndarray
    column: np.ndarray
    own: np.ndarray
    beyond: np.ndarray
    way: np.ndarray

    @property
    def opens_row(self) -> np.ndarray:
        """Which cells, being sorted, are the first of their shape and row."""
        new = (self.shape[1:] != self.shape[:-1]) | (self.row[1:] != self.row[:-1])
        return np.append(True, new)[: len(self.row)]


def _sum_by_cell(shares: _Shares, zone_of_shape: np.ndarray, edges: Edges) -> _Shares:
    """Add up the shares of each cell, by shape, row and column; each cell of a shape once, sorted by these three."""
    # a vertex may lie in the row or column just outside of its window, by rounding or on its border
    columns = int(edges.windows.width.max(initial=0)) + 2
    rows = edges.windows.height[zone_of_shape] + 2
    first_row = np.cumsum(rows) - rows
    key = (first_row[shares.shape] + shares.row + 1) * columns + shares.column + 1
    order = np.argsort(key, kind="stable")
    key = key[order]
    opens = np.flatnonzero(np.append(True, key[1:] != key[:-1])[: len(key)])
    if not len(opens):
        return shares
    first = order[opens]
    return _Shares(
        shares.shape[first],
        shares.row[first],
        shares.column[first],
        np.add.reduceat(shares.own[order], opens),
        np.add.reduceat(shares.beyond[order], opens),
        np.add.reduceat(shares.way[order], opens),
    )


def _from_the_left(cells: _Shares) -> np.ndarray:
    """Return what the cells further left in the row add to the share of each cell, float64 [n_cells]."""
    left: np.ndarray = np.cumsum(cells.beyond) - cells.beyond
    row_start = np.flatnonzero(cells.opens_row)
    left -= np.repeat(left[row_start], np.diff(np.append(row_start, len(left))))
    return left


def _runs(edges: Edges, zone: np.ndarray, row: np.ndarray, start: np.ndarray, stop: np.ndarray) -> Runs:
    column0 = edges.windows.col0[zone]
    return Runs(edges.first + zone, edges.windows.row0[zone] + row, column0 + start, column0 + stop)


def _traverse(edges: Edges) -> _Shares:
    """Cut all edges at cell borders; return what each traversal covers, by ring."""
    # all rings run clockwise on the map: with rows that run southwards, the left side of a shell runs up
    inward = np.where(edges.hole == edges.southwards, -1.0, 1.0)
    rising = edges.y0 < edges.y1
    sign = np.where(rising, -1.0, 1.0) * inward
    x0, x1 = np.where(rising, edges.x0, edges.x1), np.where(rising, edges.x1, edges.x0)
    y0, y1 = np.where(rising, edges.y0, edges.y1), np.where(rising, edges.y1, edges.y0)

    # first along rows: part k of an edge lies in row ⌊y0⌋ + k. An edge along a row covers nothing to its
    # right, but passes through its cells: it stays, with a rise of 0.
    first = np.floor(y0).astype(np.int64)
    count = np.maximum(np.ceil(y1).astype(np.int64) - first, 1)
    row = expand(first, count)
    x0, y0, x1, y1, sign, ring = (np.repeat(values, count) for values in (x0, y0, x1, y1, sign, edges.ring))
    top, bottom = np.maximum(y0, row), np.minimum(y1, row + 1)
    x_top, x_bottom = _x_at(top, x0, y0, x1, y1), _x_at(bottom, x0, y0, x1, y1)
    x_top = np.where(y0 == y1, x0, x_top)
    falls = x_top <= x_bottom
    left, right = np.where(falls, x_top, x_bottom), np.where(falls, x_bottom, x_top)
    y_left, y_right = np.where(falls, top, bottom), np.where(falls, bottom, top)
    rise = sign * (bottom - top)

    # then along columns, where the rise divides as the run along x does
    first = np.floor(left).astype(np.int64)
    count = np.maximum(np.ceil(right).astype(np.int64) - first, 1)
    column = expand(first, count)
    row, ring, rise, left, right, y_left, y_right = (
        np.repeat(values, count) for values in (row, ring, rise, left, right, y_left, y_right)
    )
    start, stop = np.maximum(left, column), np.minimum(right, column + 1)
    run, x = right - left, (start + stop) / 2
    y = y_left + (y_right - y_left) * np.divide(x - left, run, out=np.full_like(run, 0.5), where=run > 0)
    rise = rise * np.divide(stop - start, run, out=np.ones_like(run), where=run > 0)
    # a segment that stays within a cell and has its middle on a border of it runs along that border
    depth = np.minimum(np.minimum(x - column, column + 1 - x), np.minimum(y - row, row + 1 - y))
    way = np.where(depth > edges.precision, stop - start + np.abs(rise), 0)
    return _Shares(ring, row, column, own=rise * (column + 1 - x), beyond=rise, way=way)


def _x_at(y: np.ndarray, x0: np.ndarray, y0: np.ndarray, x1: np.ndarray, y1: np.ndarray) -> np.ndarray:
    """Return where edges are at height y: exactly x0 and x1 at their ends, so that traversals meet."""
    rise = y1 - y0
    x = x0 + (y - y0) * np.divide(x1 - x0, rise, out=np.zeros_like(rise), where=rise > 0)
    x = np.clip(x, np.minimum(x0, x1), np.maximum(x0, x1))
    return np.where(y == y1, x1, x)
