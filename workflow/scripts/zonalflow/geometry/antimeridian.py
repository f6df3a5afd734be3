"""Outlines in degrees on a round earth: those that cross the antimeridian, and grids that count 0 … 360.

In a file the longitudes of an outline across the antimeridian change from 179 to −179 between two vertices, and nothing
but the size of that change tells the outline from one that reaches around the other way. An edge counts as one that
crosses the antimeridian when the short way around the earth is less than 90°, or less than 30° where the edge begins or
ends on the seam itself (±180, or 0 and 360), as in the outline of a region that only ends there. An edge of exactly
360° runs around the whole earth.
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


def _continuous(polygon: shapely.Polygon) -> shapely.Polygon:
    """Return a polygon whose rings do not cross the antimeridian, its holes within its shell; itself if none did."""
    rings = [shapely.get_exterior_ring(polygon), *shapely.get_rings(polygon)[1:]]
    vertices = [shapely.get_coordinates(ring) for ring in rings]
    if not any(_crossings(xy[:, 0]).any() for xy in vertices):
        return polygon
    vertices = [_unwrapped(xy) for xy in vertices]
    middle = vertices[0][:, 0].mean()
    for xy in vertices[1:]:
        xy[:, 0] += 360 * np.round((middle - xy[:, 0].mean()) / 360)
    return shapely.Polygon(vertices[0], vertices[1:])


def _crossings(longitude: np.ndarray) -> np.ndarray:
    """Return which edges of a ring cross the antimeridian, see the head of this module: bool [n_vertices − 1]."""
    short = 360 - np.abs(np.diff(longitude))
    at_seam = np.isin(np.abs(longitude), (0.0, 180.0, 360.0))
    limit = np.where(at_seam[1:] | at_seam[:-1], _SHORT_AT_SEAM, _SHORT)
    crosses: np.ndarray = (short > _TINY) & (short < limit)
    return crosses


def _unwrapped(xy: np.ndarray) -> np.ndarray:
    """Return a ring's vertices with each edge taken the short way; a ring around a pole is closed over that pole."""
    change = np.diff(xy[:, 0])
    change -= 360 * np.sign(change) * _crossings(xy[:, 0])
    xy = np.column_stack([xy[0, 0] + np.append(0, np.cumsum(change)), xy[:, 1]])
    if abs(xy[-1, 0] - xy[0, 0]) > 180:
        pole = np.copysign(90, xy[:, 1].mean())
        xy = np.vstack([xy, [xy[-1, 0], pole], [xy[0, 0], pole], xy[0]])
    return xy
