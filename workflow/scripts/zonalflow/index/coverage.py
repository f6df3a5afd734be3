"""What share of each cell a zone covers, exactly.

Green's theorem turns the area of a polygon into a sum over its edges, and a sum over edges can be split among
cells. Cut every edge where it crosses a cell border. A piece inside cell (r, c) that rises by dy (signed by
the direction of the ring) at a mean column x̄ covers, to its right,

    dy (c + 1 − x̄)  of its own cell,  and  dy  of every further cell of the row.

Summed over the pieces of a row from left to right this gives each cell's covered share; between two cells
with pieces it is constant, 0 or 1: those are the runs, and only the cells on a zone's boundary need a number of
their own. The result is exact but for rounding (about 1e-15 of a cell times the number of pieces).

The boundary's fractions are rounded to float32, as in exactextract (whose matrix of fractions is one of floats):
half the memory, and the same numbers to the last bit nearly everywhere. A fraction that rounding of the
coordinates alone can give (an edge along a cell border, log) is taken for nothing.
"""

from dataclasses import dataclass

import numpy as np

from zonalflow.index.edges import Edges
from zonalflow.index.runs import Runs
from zonalflow.index.segments import expand


@dataclass(frozen=True)
class Coverage:
    """The cells that zones cover.

    Attributes:
        whole: runs of cells that count as a whole
        boundary: cells that may be covered in part, as runs of one cell
        fraction: float32 [n_boundary], the fraction of each that is covered
    """

    whole: Runs
    boundary: Runs
    fraction: np.ndarray

    @classmethod
    def of_runs(cls, runs: Runs) -> "Coverage":
        """Return runs as cells that all count as a whole."""
        return cls(runs, Runs.concatenate([]), np.empty(0, np.float32))


def cover(edges: Edges) -> Coverage:
    """Return the cells that the zones cover, on the unbounded grid."""
    ring, row, column, own, beyond = _pieces(edges)
    zone_of_ring = np.zeros(int(edges.ring.max(initial=-1)) + 1, np.int64)
    zone_of_ring[edges.ring] = edges.edge_zone

    alone = _sum_by_cell(edges, ring, zone_of_ring, row, column, own, beyond)
    # exactextract rounds the fraction of each ring, then adds up rings: so do we, to have its last bit
    rounding = alone.fraction.astype(np.float32) - alone.fraction
    zone = zone_of_ring[alone.shape]
    identity = np.arange(len(edges.height))
    own = alone.own + rounding
    cells = _sum_by_cell(edges, zone, identity, alone.row, alone.column, own, alone.beyond)

    fraction = np.clip(cells.fraction, 0, 1).astype(np.float32)
    boundary = fraction > edges.precision
    boundary_cells = _runs(
        edges, cells.shape[boundary], cells.row[boundary], cells.column[boundary], cells.column[boundary] + 1
    )

    # between this cell and the next one of its row
    next_column = np.append(cells.column[1:], 0)
    full = ~cells.ends_line & (np.rint(cells.left + cells.beyond) > 0) & (next_column > cells.column + 1)
    runs = _runs(edges, cells.shape[full], cells.row[full], cells.column[full] + 1, next_column[full])
    return Coverage(runs, boundary_cells, fraction[boundary])


@dataclass(frozen=True)
class _Sums:
    """Sums over the pieces of each cell of some shapes (rings or zones), by shape, row and column."""

    shape: np.ndarray
    row: np.ndarray
    column: np.ndarray
    own: np.ndarray
    beyond: np.ndarray
    left: np.ndarray  # what the pieces further left in the row cover of this cell
    ends_line: np.ndarray

    @property
    def fraction(self) -> np.ndarray:
        return self.own + self.left


def _sum_by_cell(
    edges: Edges, shape: np.ndarray, zone_of_shape: np.ndarray,
    row: np.ndarray, column: np.ndarray, own: np.ndarray, beyond: np.ndarray,
) -> _Sums:  # fmt: skip
    # a vertex may lie in the row or column just outside of its window, by rounding or on its border
    columns = int(edges.width.max(initial=0)) + 2
    lines = edges.height[zone_of_shape] + 2
    first_line = np.cumsum(lines) - lines
    key = (first_line[shape] + row + 1) * columns + column + 1
    order = np.argsort(key, kind="stable")
    key = key[order]
    opens = np.flatnonzero(np.append(True, key[1:] != key[:-1])[: len(key)])
    if len(opens):
        own, beyond = (np.add.reduceat(values[order], opens) for values in (own, beyond))
    first = order[opens]
    line = key[opens] // columns
    left = np.cumsum(beyond) - beyond
    opens_line = np.append(True, line[1:] != line[:-1])[: len(line)]
    line_start = np.flatnonzero(opens_line)
    left -= np.repeat(left[line_start], np.diff(np.append(line_start, len(line))))
    ends_line = np.append(opens_line[1:], True)[: len(line)]
    return _Sums(shape[first], row[first], column[first], own, beyond, left, ends_line)


def _runs(edges: Edges, zone: np.ndarray, row: np.ndarray, start: np.ndarray, stop: np.ndarray) -> Runs:
    return Runs(edges.first + zone, edges.row0[zone] + row, edges.col0[zone] + start, edges.col0[zone] + stop)


def _pieces(edges: Edges) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Cut all edges at cell borders; return ring, row and column of each piece, and what it covers.

    The two shares are those of its own cell and of each cell further right.
    """
    # all rings run clockwise on the map: with rows that run southwards, the left side of a shell runs up
    inward = np.where(edges.hole == edges.southwards, -1.0, 1.0)
    x0, y0, x1, y1 = edges.x0, edges.y0, edges.x1, edges.y1
    rising = y0 < y1
    sign = np.where(rising, -1.0, 1.0) * inward
    x0, x1 = np.where(rising, x0, x1), np.where(rising, x1, x0)
    y0, y1 = np.where(rising, y0, y1), np.where(rising, y1, y0)

    # first along rows: piece k of an edge lies in row ⌊y0⌋ + k. An edge along a row covers nothing to its
    # right, but its cells are on the boundary: it stays, with a rise of 0.
    first = np.floor(y0).astype(np.int64)
    count = np.maximum(np.ceil(y1).astype(np.int64) - first, 1)
    row = expand(first, count)
    x0, y0, x1, y1, sign, edge = (np.repeat(values, count) for values in (x0, y0, x1, y1, sign, np.arange(len(x0))))
    top, bottom = np.maximum(y0, row), np.minimum(y1, row + 1)
    left, right = _x_at(top, x0, y0, x1, y1), _x_at(bottom, x0, y0, x1, y1)
    left = np.where(y0 == y1, x0, left)
    rise = sign * (bottom - top)
    left, right = np.minimum(left, right), np.maximum(left, right)

    # then along columns, where the rise divides as the way along x does
    first = np.floor(left).astype(np.int64)
    count = np.maximum(np.ceil(right).astype(np.int64) - first, 1)
    column = expand(first, count)
    row, edge, rise, left, right = (np.repeat(values, count) for values in (row, edge, rise, left, right))
    start, stop = np.maximum(left, column), np.minimum(right, column + 1)
    way = right - left
    rise = rise * np.divide(stop - start, way, out=np.ones_like(way), where=way > 0)
    own = rise * (column + 1 - (start + stop) / 2)
    return edges.ring[edge], row, column, own, rise


def _x_at(y: np.ndarray, x0: np.ndarray, y0: np.ndarray, x1: np.ndarray, y1: np.ndarray) -> np.ndarray:
    """Return where edges are at height y: exactly x0 and x1 at their ends, so that pieces meet."""
    rise = y1 - y0
    x = x0 + (y - y0) * np.divide(x1 - x0, rise, out=np.zeros_like(rise), where=rise > 0)
    x = np.clip(x, np.minimum(x0, x1), np.maximum(x0, x1))
    return np.where(y == y1, x1, x)
