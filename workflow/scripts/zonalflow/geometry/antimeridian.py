"""Outlines in degrees on a round earth: those that cross the antimeridian, and grids that count 0 … 360.

In a file the longitudes of an outline across the antimeridian change from 179 to −179 between two vertices, and nothing
but the size of that change tells the outline from one that reaches around the other way. An edge counts as one that
crosses the antimeridian when the short way around the earth is less than 90°, or less than 30° where the edge begins or
ends on the seam itself (±180, or 0 and 360), as in the outline of a region that only ends there.

An edge of exactly 360° is either a step from one side of the seam to the other, at one point of the earth, or runs
around the whole earth, as in a box of all longitudes, or in an Antarctica that is closed along the lower edge of the
map. Each such edge is tried both ways. The right combination gives a ring that ends where it began and does not cross
itself; if there are several, the one with the most steps is taken.

A ring that ends a turn away from where it began lies around a pole, if it stays on one side of the equator and none of
its edges is longer than half a turn. If no combination is right, the outline is unclear, which is reported.
"""

import itertools

import numpy as np
import shapely

from zonalflow.geometry.polygons import polygonal, valid

_TINY = 1e-9  # degrees
_SHORT, _SHORT_AT_SEAM = 90, 30  # degrees
_MOST_STEPS = 6  # edges of 360° in a ring, each of which is tried both ways


def unwrap(geometry: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return polygons with continuous longitudes, which may then exceed ±180, and which were changed or are unclear.

    Outlines may be invalid: one that crosses the antimeridian crosses itself in the plane, and must not be repaired
    before it is unwrapped.

    Args:
        geometry: shapely polygons and multipolygons [n], in degrees.

    Returns:
        The polygons [n]; a bool array [n] that is True where an edge crossed the antimeridian; and one that is True
        where the outline can be read in several ways or in none, and is left as it is.
    """
    bounds = shapely.bounds(geometry)
    changed, unclear = np.zeros((2, len(geometry)), bool)
    result = geometry.copy()
    for i in np.flatnonzero(bounds[:, 2] - bounds[:, 0] > 180):
        parts = shapely.get_parts(geometry[i])
        continuous = [_continuous(part) for part in parts]
        unclear[i] = any(new is None for new in continuous)
        changed[i] = not unclear[i] and any(new is not old for new, old in zip(continuous, parts, strict=True))
        if changed[i]:
            flat = shapely.get_parts(continuous)
            result[i] = flat[0] if len(flat) == 1 else shapely.MultiPolygon(flat.tolist())
    return result, changed, unclear


def wrap(geometry: np.ndarray, west: float, east: float) -> np.ndarray:
    """Return polygons [n] in degrees with their longitudes within one range of 360° that holds ``west`` … ``east``.

    The range starts at −180 where ``west`` and ``east`` lie within ±180, else at ``west`` (grids that count 0 … 360).
    A part beyond an end of the range is cut off there and moved to the other side. Longitudes must be continuous along
    each ring, see :func:`unwrap`.
    """
    start = -180.0 if west >= -180 - _TINY and east <= 180 + _TINY else west
    bounds = shapely.bounds(geometry)
    result = geometry.copy()
    for i in np.flatnonzero((bounds[:, 0] < start - _TINY) | (bounds[:, 2] > start + 360 + _TINY)):
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


def joined(rings: list[np.ndarray]) -> shapely.Geometry:
    """Return the polygon of a shell and its holes, each hole moved by whole turns to where the shell is.

    Args:
        rings: vertices [n, 2] of each, longitudes continuous along the ring; the shell first.
    """
    shell, *holes = rings
    west, east = shell[:, 0].min(), shell[:, 0].max()
    holes = [hole + np.array([360 * _turns_into(hole, west, east), 0.0]) for hole in holes]
    within = all(hole[:, 0].min() >= west - _TINY and hole[:, 0].max() <= east + _TINY for hole in holes)
    if within or east - west < 360 - _TINY:
        return shapely.Polygon(shell, holes)
    turns = [np.array([360.0 * turn, 0.0]) for turn in (-1, 0, 1)]
    around, without = (
        shapely.union_all(valid(np.array([shapely.Polygon(ring + turn) for ring in some for turn in turns])))
        for some in ([shell], holes)
    )
    rest = shapely.intersection(shapely.difference(around, without), shapely.box(west, -90, east, 90))
    whole: shapely.Geometry = polygonal(np.array([rest]))[0]
    return whole


def _turns_into(hole: np.ndarray, west: float, east: float) -> float:
    """Return by how many turns a ring is to be moved to lie within ``west`` … ``east``, or else near their middle."""
    turns = np.ceil((west - _TINY - hole[:, 0].min()) / 360)
    if hole[:, 0].max() + 360 * turns <= east + _TINY:
        return float(turns)
    return float(np.round(((west + east) / 2 - hole[:, 0].mean()) / 360))


def closed_over_pole(xy: np.ndarray, pole: float) -> np.ndarray:
    """Return a ring that ends a turn away from where it began, closed over the pole of latitude ±90: [n + 3, 2]."""
    return np.vstack([xy, [xy[-1, 0], pole], [xy[0, 0], pole], xy[0]])


def _continuous(polygon: shapely.Polygon) -> shapely.Geometry | None:
    """Return a polygon whose rings do not cross the antimeridian, itself if none did; None where that is unclear."""
    vertices = [shapely.get_coordinates(ring) for ring in shapely.get_rings(polygon)]
    rings = [_unwrapped(xy) for xy in vertices]
    if all(new is old for new, old in zip(rings, vertices, strict=True)):
        return polygon
    if any(ring is None for ring in rings):
        return None
    return joined([ring for ring in rings if ring is not None])


def _unwrapped(xy: np.ndarray) -> np.ndarray | None:
    """Return a ring's vertices [n, 2] with continuous longitudes, itself if they are, and None where it is unclear.

    A ring around a pole is closed over that pole.
    """
    crossing, steps = _crossings(xy[:, 0])
    if not (crossing.any() or steps.any()):
        return xy
    readings = [_turned(xy, crossing + chosen) for chosen in _choices(steps)]
    around_pole = _closed_over_its_pole(readings[0])
    closed = [ring for ring in readings if ring[0, 0] == ring[-1, 0] and np.ptp(ring[:, 0]) > _TINY]
    if not steps.any() and closed:
        return closed[0]
    for ring in closed:
        if shapely.Polygon(ring).is_valid:
            return xy if np.array_equal(ring, xy) else ring
    if closed:  # and crosses itself
        clear = len(closed) == 1 and (around_pole is None or not shapely.Polygon(around_pole).is_valid)
        return closed[0] if clear else None
    if around_pole is not None:
        return around_pole
    change = np.diff(xy[:, 0])
    short = _turned(xy, np.where(np.abs(change) > 180, -np.sign(change), 0).astype(np.int64))
    return short if short[0, 0] == short[-1, 0] and shapely.Polygon(short).is_valid else None


def _crossings(longitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how many turns to add behind each edge of a ring, nearly all 0: int64 [n_vertices − 1] twice.

    First for the edges that cross the antimeridian, then for those that may be steps along it.
    """
    change = np.diff(longitude)
    short = 360 - np.abs(change)
    at_seam = np.isin(np.abs(longitude), (0.0, 180.0, 360.0))
    limit = np.where(at_seam[1:] | at_seam[:-1], _SHORT_AT_SEAM, _SHORT)
    turn = -np.sign(change).astype(np.int64)
    crossing = np.where((np.abs(short) > _TINY) & (short < limit), turn, 0)
    return crossing, np.where(np.abs(short) <= _TINY, turn, 0)


def _choices(steps: np.ndarray) -> list[np.ndarray]:
    """Return the ways to take edges of 360° [n]: the turns behind them, those with most steps first."""
    where = np.flatnonzero(steps)
    if len(where) > _MOST_STEPS:
        return [steps, np.zeros_like(steps)]
    choices = sorted(itertools.product((1, 0), repeat=len(where)), key=sum, reverse=True)
    result = np.zeros((len(choices), len(steps)), np.int64)
    result[:, where] = steps[where] * np.array(choices, np.int64)
    return list(result)


def _turned(xy: np.ndarray, turns: np.ndarray) -> np.ndarray:
    return np.column_stack([xy[:, 0] + 360 * np.append(0, np.cumsum(turns)), xy[:, 1]])


def _closed_over_its_pole(xy: np.ndarray) -> np.ndarray | None:
    """Return a ring around a pole closed over that pole; None if it does not lie around one."""
    longitude, latitude = xy.T
    once = np.abs(np.abs(longitude[-1] - longitude[0]) - 360) < _TINY and np.abs(np.diff(longitude)).max() <= 180
    if not once or latitude.min() < 0 < latitude.max():
        return None
    return closed_over_pole(xy, 90.0 if latitude.min() + latitude.max() > 0 else -90.0)
