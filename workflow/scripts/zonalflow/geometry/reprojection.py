"""Outlines in another CRS that follow the edges of the file, straight lines in the file's own coordinates.

Edges get the vertices that they need, see :mod:`zonalflow.geometry.curves`.
"""

import numpy as np
import shapely

from zonalflow.geometry.antimeridian import closed_over_pole, joined
from zonalflow.geometry.curves import TOLERANCE, Reprojection, cut_edges

_TINY = 1e-9  # degrees


def reproject(geometry: np.ndarray, way: Reprojection) -> tuple[np.ndarray, np.ndarray]:
    """Return polygons [n] in another CRS, and which could not be reprojected whole (bool [n]; these are empty).

    Such a polygon has vertices for which the target has no coordinates, or edges that it tears (at ±180° from the
    centre of a projection, for example), or it is turned inside out. Longitudes of the result are continuous along each
    ring and may exceed ±180. A ring around a pole is closed over it.

    Args:
        geometry: valid shapely polygons and multipolygons; heights are dropped, and empty ones stay empty.
        way: from which CRS to which.

    Raises:
        ZonesError: when the polygons would need too many vertices, or there is no way.
    """
    parts, of_polygon = shapely.get_parts(shapely.force_2d(geometry), return_index=True)
    rings, of_part = shapely.get_rings(parts, return_index=True)
    if len(rings) == 0:
        return geometry, np.zeros(len(geometry), bool)
    new_rings, broken_rings, wound = _reproject_rings(rings, way)
    broken = np.zeros(len(geometry), bool)
    broken[of_polygon[of_part[broken_rings]]] = True
    if way.target.is_geographic:
        new_parts = _parts_in_degrees(new_rings, of_part, wound)
    else:
        new_parts = np.asarray(shapely.polygons(new_rings, indices=of_part))
    result = geometry.copy()
    n_parts = np.bincount(of_polygon, minlength=len(geometry))
    result[n_parts == 1] = new_parts[n_parts[of_polygon] == 1]
    first = np.cumsum(n_parts) - n_parts
    for i in np.flatnonzero(n_parts > 1):
        result[i] = shapely.MultiPolygon(shapely.get_parts(new_parts[first[i] : first[i] + n_parts[i]]).tolist())
    result[broken] = shapely.Polygon()
    return result, broken


def folded(geometry: np.ndarray, way: Reprojection) -> np.ndarray:
    """Return which polygons [n] have vertices that do not come back from the target to where they were."""
    if len(geometry) == 0:
        return np.zeros(0, bool)
    vertices, of_polygon = shapely.get_coordinates(geometry, return_index=True)
    with np.errstate(invalid="ignore"):
        apart = np.abs(way.back(way.points(vertices)) - vertices)
        if way.source.is_geographic:
            apart[:, 0] = np.abs(apart[:, 0] - 360 * np.round(apart[:, 0] / 360)) * np.cos(np.radians(vertices[:, 1]))
        lost = ~(apart.max(axis=1) < (1e-5 if way.source.is_geographic else 1.0))
    result = np.zeros(len(geometry), bool)
    result[of_polygon[lost]] = True
    return result


def _reproject_rings(rings: np.ndarray, way: Reprojection) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rings [n] with the vertices that they need, which are broken and which go around a pole: bool [n]."""
    vertices, of_ring = shapely.get_coordinates(rings, return_index=True)
    placed = way.points(vertices)
    after, added, torn = cut_edges(vertices, placed, np.flatnonzero(of_ring[1:] == of_ring[:-1]), way)
    broken, wound = np.zeros((2, len(rings)), bool)
    broken[of_ring[~np.isfinite(placed).all(axis=1)]] = True
    broken[of_ring[torn]] = True
    xy = np.insert(placed, after + 1, added, axis=0)
    new_of_ring = np.insert(of_ring, after + 1, of_ring[after])
    xy[broken[new_of_ring]] = 0.0
    poles: dict[int, float] = {}
    if way.target.is_geographic:
        if way.poles_are_points:
            xy, new_of_ring = _with_lines_for_poles(xy, new_of_ring)
        xy, wound = _continuous(xy, new_of_ring)
        poles = {int(i): _pole_within(rings[i], xy[new_of_ring == i], way) for i in np.flatnonzero(wound)}
    turned = _area(xy, new_of_ring) * _area(vertices, of_ring) * _handedness(vertices, way) < 0
    for number in np.flatnonzero(turned & ~wound & ~broken):
        broken[number] = not _is_sliver(xy[new_of_ring == number], way)
    closed_over_poles = {i: closed_over_pole(xy[new_of_ring == i], pole) for i, pole in poles.items()}
    xy[wound[new_of_ring]] = 0.0
    result = np.asarray(shapely.linearrings(xy, indices=new_of_ring))
    for i, ring in closed_over_poles.items():
        result[i] = shapely.LinearRing(ring)
    return result, broken, wound


def _is_sliver(ring: np.ndarray, way: Reprojection) -> bool:
    """Whether a ring of the target is so narrow that the tolerance of its edges may turn it inside out."""
    edges = np.hypot(*way.cells_between(ring[:-1], ring[1:]).T).sum()
    area = abs(_area(ring, np.zeros(len(ring), np.int64))[0] / np.prod(way.cell))
    return bool(area <= TOLERANCE * edges)


def _area(xy: np.ndarray, of_ring: np.ndarray) -> np.ndarray:
    """Return the area of each ring, above 0 where it runs anticlockwise: [n_rings]."""
    first = np.flatnonzero(np.append(True, of_ring[1:] != of_ring[:-1]))
    x, y = (xy - xy[first][of_ring]).T
    cross = np.append(x[:-1] * y[1:] - x[1:] * y[:-1], 0.0)
    cross[np.append(first[1:] - 1, len(xy) - 1)] = 0.0  # from the last vertex of a ring to the next ring
    area: np.ndarray = np.add.reduceat(cross, first) / 2
    return area


def _handedness(vertices: np.ndarray, way: Reprojection) -> float:
    """Return 1, or −1 where the target is a mirror image of the source."""
    some = vertices[:: max(len(vertices) // 100, 1)]
    step = 1e-4 if way.source.is_geographic else 10.0
    corner, right, up = (way.points(some + offset) for offset in ([0, 0], [step, 0], [0, step]))
    a, b = way.cells_between(corner, right), way.cells_between(corner, up)
    with np.errstate(invalid="ignore"):
        cross = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    cross = cross[np.isfinite(cross)]
    return -1.0 if cross.size and np.median(np.sign(cross)) < 0 else 1.0


def _parts_in_degrees(rings: np.ndarray, of_part: np.ndarray, wound: np.ndarray) -> np.ndarray:
    """Return the polygons of rings, their holes moved by whole turns into their shells."""
    parts = np.asarray(shapely.polygons(rings, indices=of_part))
    n_rings = np.bincount(of_part)
    around_pole = np.bincount(of_part, wound) > 0
    first = np.cumsum(n_rings) - n_rings
    for i in np.flatnonzero((n_rings > 1) | around_pole):
        mine = slice(first[i], first[i] + n_rings[i])
        parts[i] = joined([shapely.get_coordinates(ring) for ring in rings[mine]])
    return parts


def _continuous(xy: np.ndarray, of_ring: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rings with continuous longitudes, and which do not end where they began, after a turn: bool [n_rings]."""
    turn = -np.append(0, np.round(np.diff(xy[:, 0]) / 360))
    first = np.flatnonzero(np.append(True, of_ring[1:] != of_ring[:-1]))
    turn[first] = 0
    turns = np.cumsum(turn)
    turns -= turns[first][of_ring]
    last = np.append(first[1:], len(xy)) - 1
    return np.column_stack([xy[:, 0] + 360 * turns, xy[:, 1]]), turns[last] != 0


def _with_lines_for_poles(xy: np.ndarray, of_ring: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rings in which a vertex at a pole has become two, with the longitudes of its neighbours."""
    at_pole = np.abs(xy[:, 1]) > 90 - _TINY
    if not at_pole.any():
        return xy, of_ring
    new = []
    for i in range(of_ring[-1] + 1):
        ring, at = xy[of_ring == i][:-1], at_pole[of_ring == i][:-1]
        if at.any() and not at.all():
            ring, at = np.roll(ring, -np.argmin(at), axis=0), np.roll(at, -np.argmin(at))  # begins off the pole
            before, behind = np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0)
            ring = np.repeat(ring, 1 + at, axis=0)
            first = np.flatnonzero(at) + np.arange(at.sum())
            ring[first, 0], ring[first + 1, 0] = before[at, 0], behind[at, 0]
        new.append(np.vstack([ring, ring[:1]]))
    return np.concatenate(new), np.repeat(np.arange(len(new)), [len(ring) for ring in new])


def _pole_within(ring: shapely.LinearRing, xy: np.ndarray, way: Reprojection) -> float:
    """Return the latitude of the pole that a ring of the source encloses."""
    poles = way.back(np.array([[0.0, 90.0], [0.0, -90.0]]))
    inside = [bool(np.isfinite(pole).all()) and shapely.contains_xy(shapely.Polygon(ring), *pole) for pole in poles]
    if inside[0] != inside[1]:
        return 90.0 if inside[0] else -90.0
    return float(np.copysign(90, xy[:, 1].mean()))
