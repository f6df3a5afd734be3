"""The zones' outlines for drawing: in an equal-area projection, with no more detail than a picture can show."""

from typing import Any

import geopandas
import numpy as np
import pyproj
import shapely

_MANY = 20_000  # zones
_WIDTH = 4000  # of the page's grid; a coordinate is a whole number
_MOST_VERTICES = 120_000  # about 0.8 MB of outlines


def to_plane(zones: geopandas.GeoDataFrame) -> np.ndarray:
    """Return the zones' geometries [n_zones] in a plane, north up.

    A geographic CRS becomes an Albers equal-area projection fitted to the zones (standard parallels a sixth
    of the latitudes from either end: Snyder 1987, USGS Professional Paper 1395, p. 99), or Equal Earth when
    they span more than half the globe or both sides of the equator. A projected CRS stays what it is.
    """
    if zones.crs is None or not zones.crs.is_geographic:
        return np.asarray(zones.geometry)
    west, south, east, north = zones.total_bounds
    lon_0, lat_0, sixth = (west + east) / 2, (south + north) / 2, (north - south) / 6
    if east - west > 180 or south * north <= 0:
        target = f"+proj=eqearth +lon_0={lon_0} +units=m"
    else:
        target = f"+proj=aea +lat_0={lat_0} +lon_0={lon_0} +lat_1={south + sixth} +lat_2={north - sixth} +units=m"
    return np.asarray(zones.geometry.to_crs(pyproj.CRS(target)))


def extent(geometries: np.ndarray) -> tuple[float, float, float, float]:
    """Return (west, south, east, north) over all geometries, ignoring those that are missing or empty."""
    bounds = shapely.bounds(geometries)
    west, south = np.nanmin(bounds[:, :2], axis=0).tolist()
    east, north = np.nanmax(bounds[:, 2:], axis=0).tolist()
    return west, south, east, north


def simplified(geometries: np.ndarray, tolerance: float) -> np.ndarray:
    """Drop detail below ``tolerance``; neighbours keep a common border, and no zone vanishes.

    ``tolerance`` is a length in the geometries' units. The zones are simplified as a coverage (Visvalingam and Whyatt
    1993, doi:10.1179/000870493786962263; GEOS 3.12). A zone that becomes invalid or empty, as overlapping ones may, is
    drawn as it was. Very many zones that overlap have no common borders to keep, and take minutes as a coverage: each
    is then simplified by itself (Douglas and Peucker 1973, doi:10.3138/FM57-6770-U75U-7727).
    """
    present = ~(shapely.is_missing(geometries) | shapely.is_empty(geometries))
    result: np.ndarray = geometries.copy()
    if present.any() and tolerance > 0:
        shapes = geometries[present]
        alone = len(shapes) > _MANY and not shapely.coverage_is_valid(shapes)
        simple = shapely.simplify(shapes, tolerance) if alone else shapely.coverage_simplify(shapes, tolerance)
        good = shapely.is_valid(simple) & ~shapely.is_empty(simple)
        result[present] = np.where(good, simple, geometries[present])
    return result


def outline_data(zones: geopandas.GeoDataFrame, states: list[str | None] | None = None) -> dict[str, Any]:
    """Return the zones as SVG paths on a grid of whole numbers, with a point (``x``, ``y``) inside each zone.

    The outlines lose detail, common borders together, until they have 120,000 vertices at most, or six for each zone
    where there are very many zones. ``borders`` are those of the ``states`` [n_zones], if there is more than one.
    """
    shapes = to_plane(zones)
    west, south, east, north = extent(shapes)
    scale = _WIDTH / max(east - west, (north - south) / 1.6, 1e-12)
    tolerance = 1.0 / scale
    simple = simplified(shapes, tolerance)
    most = max(_MOST_VERTICES, 6 * len(shapes))  # a polygon has four vertices at least
    while shapely.get_num_coordinates(simple).sum() > most and tolerance < (east - west) / 20:
        tolerance *= 1.5
        simple = simplified(shapes, tolerance)
    flipped = shapely.transform(simple, lambda xy: np.column_stack([(xy[:, 0] - west), (north - xy[:, 1])]) * scale)
    points = shapely.point_on_surface(simple)
    return {
        "width": round((east - west) * scale),
        "height": round((north - south) * scale),
        "path": [_svg_path(shape) for shape in flipped],
        "borders": "".join(_svg_path(shape) for shape in _joined(flipped, states or [])),
        "x": _whole((shapely.get_x(points) - west) * scale),
        "y": _whole((north - shapely.get_y(points)) * scale),
    }


def _joined(shapes: np.ndarray, states: list[str | None]) -> list[shapely.Geometry]:
    """Return the outline of each state, of its zones' ``shapes``; none for a single state."""
    names = sorted({name for name in states if name})
    if len(names) < 2:
        return []
    of = np.array([name or "" for name in states])
    # What the grid's whole numbers leave open between neighbours is less than a step wide.
    unions = (shapely.union_all(shapely.buffer(shapely.make_valid(shapes[of == name]), 0.5)) for name in names)
    return [shapely.simplify(union, 1.0) for union in unions]


def _whole(values: np.ndarray) -> list[int | None]:
    """Round to whole numbers for JSON; None where a zone has no point."""
    return [round(value) if np.isfinite(value) else None for value in values]


def _svg_path(shape: shapely.Geometry) -> str:
    """Write a polygon as relative moves between whole points; a ring that vanishes becomes a tiny triangle."""
    parts = []
    for ring in shapely.get_rings(shapely.get_parts(shape)):
        xy = np.round(shapely.get_coordinates(ring)[:-1]).astype(int)
        steps = np.diff(xy, axis=0)
        steps = steps[(steps != 0).any(axis=1)]
        if len(steps) < 2:
            steps = np.array([[1, 0], [0, 1]])
        moves = " ".join(f"{dx},{dy}" for dx, dy in steps)
        parts.append(f"M{xy[0, 0]},{xy[0, 1]}l{moves}z")
    return "".join(parts)
