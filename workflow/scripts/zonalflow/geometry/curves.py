"""Straight edges as the curves that they become in another CRS.

An edge is halved until none of its parts is farther than a twentieth of a cell from the curve that it stands for, as
three points within the part show. Every edge is cut from the same end, whichever way it runs, so that neighbours keep
sharing their edges.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyproj

from zonalflow.common.errors import ZonesError

MOST_VERTICES = 20_000_000  # that are added
TOLERANCE = 1 / 20  # of a cell
_SAMPLES = np.array([0.25, 0.5, 0.75])
_HALVINGS = 22  # an edge that is still not smooth is torn by the projection
_EDGES = 300_000  # that are cut together


@dataclass(frozen=True)
class Reprojection:
    """A way from one CRS to another; the cell (width, height) is in the units of ``target``."""

    source: pyproj.CRS
    target: pyproj.CRS
    cell: tuple[float, float]

    @property
    def poles_are_points(self) -> bool:
        """Whether a pole is one point of the source and a line of the target, all longitudes long."""
        same_poles = self.source.is_geographic and not (self.source.is_derived or self.target.is_derived)
        return bool(self.target.is_geographic and not same_poles)

    @cached_property
    def _transformer(self) -> pyproj.Transformer:
        """PROJ's way from the one CRS to the other.

        Raises:
            ZonesError: when there is none.
        """
        try:
            return pyproj.Transformer.from_crs(self.source, self.target, always_xy=True)
        except pyproj.exceptions.ProjError as error:
            raise ZonesError(
                f"zones cannot be reprojected from {self.source.name} to {self.target.name}: {error}"
            ) from error

    def points(self, xy: np.ndarray) -> np.ndarray:
        """Return points [n, 2] in the target, not finite where it has no coordinates."""
        return np.column_stack(self._transformer.transform(xy[:, 0], xy[:, 1]))

    def back(self, xy: np.ndarray) -> np.ndarray:
        """Return points [n, 2] of the target in the source."""
        return np.column_stack(self._transformer.transform(xy[:, 0], xy[:, 1], direction="INVERSE"))

    def cells_between(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Return the ways between points of the target in cells; longitudes are taken the short way around."""
        with np.errstate(invalid="ignore"):
            way = end - start
        if self.target.is_geographic:
            way[..., 0] -= 360 * np.round(way[..., 0] / 360)
        cells: np.ndarray = way / np.abs(self.cell)
        return cells


def cut_edges(
    vertices: np.ndarray, placed: np.ndarray, edge: np.ndarray, way: Reprojection
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the edge of each vertex that is needed [m], in order, its coordinates [m, 2], and the edges that are torn.

    Args:
        vertices: all vertices in the source [n, 2].
        placed: the same in the target.
        edge: the edges, each by the number of the vertex at which it starts.
        way: from which CRS to which.
    """
    finite = np.isfinite(placed).all(axis=1)
    edge = edge[finite[edge] & finite[edge + 1]]
    cuts = [_no_cuts()]
    total = 0
    for begin in range(0, len(edge), _EDGES):
        some = edge[begin : begin + _EDGES]
        one, other = vertices[some], vertices[some + 1]
        backwards = (other[:, 0] < one[:, 0]) | ((other[:, 0] == one[:, 0]) & (other[:, 1] < one[:, 1]))
        low, high = some + backwards, some + ~backwards
        number, t, points, torn = _halve((vertices[low], vertices[high]), (placed[low], placed[high]), way)
        cuts.append((some[number], np.where(backwards[number], -t, t), points, some[torn]))
        total += len(number)
        if total > MOST_VERTICES:
            raise _too_many()
    after, t, points, torn = (np.concatenate(found) for found in zip(*cuts, strict=True))
    order = np.lexsort((t, after))
    return after[order], points[order], torn


_Cuts = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # edge [m], share of its length [m], point [m, 2]; torn


def _no_cuts() -> _Cuts:
    return np.zeros(0, np.int64), np.zeros(0), np.zeros((0, 2)), np.zeros(0, np.int64)


def _halve(ends: tuple[np.ndarray, np.ndarray], placed: tuple[np.ndarray, np.ndarray], way: Reprojection) -> _Cuts:
    """Return where edges [n] are to be cut, by the number of the edge, and the edges that stay far from their curve."""
    start, along = ends[0], ends[1] - ends[0]
    number, t0, t1 = np.arange(len(start)), np.zeros(len(start)), np.ones(len(start))
    q0, q1 = placed
    cuts, total = [_no_cuts()], 0
    for _ in range(_HALVINGS):
        t = t0[:, None] + (t1 - t0)[:, None] * _SAMPLES
        samples = start[number][:, None] + t[..., None] * along[number][:, None]
        q = way.points(samples.reshape(-1, 2)).reshape(samples.shape)
        lost = ~np.isfinite(q).all(axis=(1, 2))
        far = np.flatnonzero(~lost & (_distances(q0, q1, q, way) > TOLERANCE))
        cuts.append((number[far], t[far, 1], q[far, 1], number[lost]))
        total += len(far)
        if total > MOST_VERTICES:
            raise _too_many()
        t0, t1 = np.append(t0[far], t[far, 1]), np.append(t[far, 1], t1[far])
        q0, q1 = np.vstack([q0[far], q[far, 1]]), np.vstack([q[far, 1], q1[far]])
        number = np.tile(number[far], 2)
    cuts.append((*_no_cuts()[:3], number))
    edge, share, point, torn = (np.concatenate(found) for found in zip(*cuts, strict=True))
    return edge, share, point, torn


def _too_many() -> ZonesError:
    return ZonesError(
        f"the zones' outlines need more than {MOST_VERTICES:,} vertices to follow their edges on cells so small; leave "
        "zones out with zones.where, or give the zones in the rasters' CRS"
    )


def _distances(q0: np.ndarray, q1: np.ndarray, q: np.ndarray, way: Reprojection) -> np.ndarray:
    """Return how many cells the farthest of the samples q [n, 3, 2] lies from the chord q0 … q1 [n, 2]: [n].

    So near to a pole that its line of latitude is within tolerance, a sample's longitude does not matter.
    """
    chord, away = way.cells_between(q0, q1)[:, None], way.cells_between(q0[:, None], q)
    if way.poles_are_points:
        at_pole = np.abs(q[..., 1]) > 90 - TOLERANCE / 2 * abs(way.cell[1])
        away[..., 0] = np.where(at_pole, chord[..., 0] / 2, away[..., 0])
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        share = np.nan_to_num((away * chord).sum(axis=-1) / (chord**2).sum(axis=-1))
        distance = np.hypot(*np.moveaxis(away - np.clip(share, 0, 1)[..., None] * chord, -1, 0))
    farthest: np.ndarray = distance.max(axis=1)
    return farthest
