"""Outlines in degrees on a round earth: those that cross the antimeridian, and grids that count 0 … 360.

A file may hold an outline across the antimeridian as it is written in degrees, jumping from 179 to −179, and nothing
but that jump tells it from an outline that reaches around the other way. A step is taken for a jump when the short way
around is less than 90°, or less than 30° where it begins or ends at the seam itself (±180, or 0 and 360), as the
outline of a region that merely ends there does. A step of exactly 360° runs around the whole earth.
"""

import numpy as np
import shapely

from zonalflow.geometry.polygons import polygonal, valid

_TINY = 1e-9  # degrees
_SHORT, _SHORT_AT_SEAM = 90, 30  # degrees


def unwrap(geometry: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return polygons with continuous longitudes, which may then exceed ±180, and which of them had jumps.

    Outlines are taken as they come, valid or not: one that jumps crosses itself in the plane, and must not be repaired
    there.
    """
    bounds = shapely.bounds(geometry)
    changed = np.zeros(len(geometry), bool)
    result = geometry.copy()
    for i in np.flatnonzero(bounds[:, 2] - bounds[:, 0] > 180):
        parts = shapely.get_parts(geometry[i])
        turned = [_continuous(part) for part in parts]
        if any(new is not old for new, old in zip(turned, parts, strict=True)):
            result[i] = turned[0] if len(turned) == 1 else shapely.MultiPolygon(turned)
            changed[i] = True
    return result, changed


def turn(geometry: np.ndarray, west: float, east: float) -> np.ndarray:
    """Return polygons in degrees with their longitudes within one turn that holds ``west`` … ``east``.

    The turn starts at −180 where these lie within ±180, else at ``west`` (grids that count 0 … 360). What lies beyond
    its ends is cut off there and put in on the other side. Polygons that jump are unwrapped first.
    """
    start = -180.0 if west >= -180 - _TINY and east <= 180 + _TINY else west
    geometry, jumped = unwrap(geometry)
    bounds = shapely.bounds(geometry)
    outside = (bounds[:, 0] < start - _TINY) | (bounds[:, 2] > start + 360 + _TINY)
    result = geometry.copy()
    for i in np.flatnonzero(outside | jumped):
        whole, parts = geometry[i] if shapely.is_valid(geometry[i]) else valid(geometry[[i]])[0], []
        lowest, _, highest, _ = whole.bounds
        for turns in range(int((lowest - start) // 360), int((highest - start - _TINY) // 360) + 1):
            left = start + 360 * turns
            piece = shapely.intersection(whole, shapely.box(left, -90, left + 360, 90))
            parts.append(shapely.transform(piece, lambda xy, turns=turns: xy - [360 * turns, 0]))
        result[i] = polygonal(np.array([shapely.union_all(parts)]))[0]
    return result


def _continuous(polygon):
    """Return a polygon whose rings do not jump, its holes within the same turn as its shell; itself if none did."""
    rings = [shapely.get_exterior_ring(polygon), *shapely.get_rings(polygon)[1:]]
    points = [shapely.get_coordinates(ring) for ring in rings]
    if not any(_jumps(xy[:, 0]).any() for xy in points):
        return polygon
    points = [_without_jumps(xy) for xy in points]
    middle = points[0][:, 0].mean()
    for xy in points[1:]:
        xy[:, 0] += 360 * np.round((middle - xy[:, 0].mean()) / 360)
    return shapely.polygons(points[0], [shapely.linearrings(xy) for xy in points[1:]] or None)


def _jumps(longitude: np.ndarray) -> np.ndarray:
    """Return which steps of a ring are jumps, see the head of this module."""
    short = 360 - np.abs(np.diff(longitude))
    at_seam = np.isin(np.abs(longitude), (0.0, 180.0, 360.0))
    return (short > _TINY) & (short < np.where(at_seam[1:] | at_seam[:-1], _SHORT_AT_SEAM, _SHORT))


def _without_jumps(xy: np.ndarray) -> np.ndarray:
    """Return a ring's vertices with each jump taken the short way; around a pole, closed over that pole."""
    steps = np.diff(xy[:, 0])
    steps -= 360 * np.sign(steps) * _jumps(xy[:, 0])
    xy = np.column_stack([xy[0, 0] + np.append(0, np.cumsum(steps)), xy[:, 1]])
    if abs(xy[-1, 0] - xy[0, 0]) > 180:
        pole = np.copysign(90, xy[:, 1].mean())
        xy = np.vstack([xy, [xy[-1, 0], pole], [xy[0, 0], pole], xy[0]])
    return xy
