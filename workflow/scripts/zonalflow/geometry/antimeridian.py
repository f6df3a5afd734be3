"""Outlines in degrees on a round earth: those that cross the antimeridian, and grids that count 0 … 360.

In a file the longitudes of an outline across the antimeridian change from 179 to −179 between two vertices, and nothing
but the size of that change tells the outline from one that reaches around the other way. An edge counts as one that
crosses the antimeridian when the short way around the earth is less than 90°, or less than 30° where the edge begins or
ends on the seam itself (±180, or 0 and 360), as in the outline of a region that only ends there.

An edge of exactly 360° is a step from one side of the seam to the other, at one point of the earth, where the ring ends
as it began if it is taken so, and has vertices off the seam; else it runs around the whole earth, as in a box of all
longitudes, or in an Antarctica that is closed along the lower edge of the map.
"""

import numpy as np
import shapely

from zonalflow.geometry.polygons import polygonal, valid

_TINY = 1e-9  # degrees
_SHORT, _SHORT_AT_SEAM = 90, 30  # degrees


def unwrap(geometry: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return polygons with continuous longitudes, which may then exceed ±180, and which of them were changed.

    Outlines may be invalid: one that crosses the antimeridian crosses itself in the plane, and must not be repaired
    before it is unwrapped.

    Args:
        geometry: shapely polygons and multipolygons [n], in degrees.

    Returns:
        The polygons [n], and a bool array [n] that is True where an edge crossed the antimeridian.
    """
    bounds = shapely.bounds(geometry)
    changed = np.zeros(len(geometry), bool)
    result = geometry.copy()
    for i in np.flatnonzero(bounds[:, 2] - bounds[:, 0] > 180):
        parts = shapely.get_parts(geometry[i])
        continuous = [_continuous(part) for part in parts]
        if any(new is not old for new, old in zip(continuous, parts, strict=True)):
            result[i] = continuous[0] if len(continuous) == 1 else shapely.MultiPolygon(continuous)
            changed[i] = True
    return result, changed


def wrap(geometry: np.ndarray, west: float, east: float) -> np.ndarray:
    """Return polygons [n] in degrees with their longitudes within one range of 360° that holds ``west`` … ``east``.

    The range starts at −180 where ``west`` and ``east`` lie within ±180, else at ``west`` (grids that count 0 … 360).
    A part beyond an end of the range is cut off there and moved to the other side. Polygons that cross the antimeridian
    are unwrapped first.
    """
    start = -180.0 if west >= -180 - _TINY and east <= 180 + _TINY else west
    geometry, unwrapped = unwrap(geometry)
    bounds = shapely.bounds(geometry)
    outside = (bounds[:, 0] < start - _TINY) | (bounds[:, 2] > start + 360 + _TINY)
    result = geometry.copy()
    for i in np.flatnonzero(outside | unwrapped):
        whole = geometry[i] if shapely.is_valid(geometry[i]) else valid(geometry[[i]])[0]
        result[i] = _cut_and_moved(whole, start)
    return result


def _cut_and_moved(polygon: shapely.Geometry, start: float) -> shapely.Geometry:
    """Return a valid polygon with its parts moved to longitudes within ``start`` … ``start`` + 360."""
    lowest, _, highest, _ = shapely.bounds(polygon)
    parts = []
    for turns in range(int((lowest - start) // 360), int((highest - start - _TINY) // 360) + 1):
        west = start + 360 * turns
        part = shapely.intersection(polygon, shapely.box(west, -90, west + 360, 90))
        parts.append(_moved_west(part, 360 * turns))
    whole: shapely.Geometry = polygonal(np.array([shapely.union_all(parts)]))[0]
    return whole


def _moved_west(polygon: shapely.Geometry, degrees: int) -> shapely.Geometry:
    return shapely.transform(polygon, lambda xy: xy - [degrees, 0])


def joined(rings: list[np.ndarray], *, around_pole: bool = False) -> shapely.Polygon:
    """Return the polygon of a shell and its holes, each hole moved by whole turns to where the shell is.

    Args:
        rings: vertices [n, 2] of each, longitudes continuous along the ring; the shell first.
        around_pole: whether the shell was closed over a pole, so that it is a turn wide.
    """
    shell, *holes = rings
    west, east = shell[:, 0].min(), shell[:, 0].max()
    for hole in holes:
        middle = (west + east) / 2
        hole[:, 0] += 360 * np.round((middle - hole[:, 0].mean()) / 360)
    if around_pole and any(hole[:, 0].min() < west or hole[:, 0].max() > east for hole in holes):
        turns = np.array([[-360.0, 0.0], [0.0, 0.0], [360.0, 0.0]])
        wide = shapely.union_all([shapely.Polygon(shell + turn) for turn in turns])
        missing = shapely.union_all([shapely.Polygon(hole + turn) for hole in holes for turn in turns])
        rest = shapely.intersection(shapely.difference(wide, missing), shapely.box(west, -90, east, 90))
        whole: shapely.Polygon = polygonal(np.array([rest]))[0]
        return whole
    return shapely.Polygon(shell, holes)


def closed_over_pole(xy: np.ndarray, pole: float) -> np.ndarray:
    """Return a ring that ends a turn away from where it began, closed over the pole of latitude ±90: [n + 3, 2]."""
    return np.vstack([xy, [xy[-1, 0], pole], [xy[0, 0], pole], xy[0]])


def _continuous(polygon: shapely.Polygon) -> shapely.Polygon:
    """Return a polygon whose rings do not cross the antimeridian, its holes within its shell; itself if none did."""
    vertices = [shapely.get_coordinates(ring) for ring in shapely.get_rings(polygon)]
    turns = [_turns(xy[:, 0]) for xy in vertices]
    if not any(of_ring.any() for of_ring in turns):
        return polygon
    rings = [_unwrapped(xy, of_ring) for xy, of_ring in zip(vertices, turns, strict=True)]
    return joined(rings, around_pole=len(rings[0]) != len(vertices[0]))


def _turns(longitude: np.ndarray) -> np.ndarray:
    """Return how many turns, of 360°, to add behind each edge of a ring; int64 [n_vertices − 1], nearly all 0."""
    change = np.diff(longitude)
    short = 360 - np.abs(change)
    at_seam = np.isin(np.abs(longitude), (0.0, 180.0, 360.0))
    limit = np.where(at_seam[1:] | at_seam[:-1], _SHORT_AT_SEAM, _SHORT)
    turn = -np.sign(change).astype(np.int64)
    crossing = np.where((short > _TINY) & (short < limit), turn, 0)
    steps = np.where(np.abs(short) <= _TINY, turn, 0)
    if steps.any() and not at_seam.all() and (crossing.sum() + steps.sum() == 0 or crossing.sum() != 0):
        return crossing + steps
    return crossing


def _unwrapped(xy: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Return a ring's vertices with continuous longitudes; a ring around a pole is closed over that pole."""
    xy = np.column_stack([xy[:, 0] + 360 * np.append(0, np.cumsum(turns)), xy[:, 1]])
    if turns.sum():
        return closed_over_pole(xy, float(np.copysign(90, xy[:, 1].mean())))
    return xy
