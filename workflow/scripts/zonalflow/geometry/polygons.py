"""Polygons made valid, and nothing but polygons."""

import numpy as np
import shapely


def valid(geometry: np.ndarray) -> np.ndarray:
    """Return geometries [n] made valid and polygonal.

    GEOS' method *structure* counts overlapping parts once and keeps holes. Its method *linework* would make a hole of
    what two parts share, and a part of the zone of what a hole has outside its shell.
    """
    return polygonal(shapely.make_valid(geometry, method="structure", keep_collapsed=False))


def without_crossings(geometry: np.ndarray) -> np.ndarray:
    """Return geometries [n], valid but for edges that rounding or reprojecting has moved across each other.

    GEOS' method *linework* leaves what lies outside outside, also a bay whose mouth is closed by such edges, which its
    method *structure* would fill.
    """
    broken = np.flatnonzero(~shapely.is_valid(geometry))
    if not len(broken):
        return geometry
    result = geometry.copy()
    result[broken] = polygonal(shapely.make_valid(geometry[broken], method="linework"))
    return result


def polygonal(geometry: np.ndarray) -> np.ndarray:
    """Return the polygons of each geometry [n]; an intersection or repair may leave points and lines beside them."""
    result = geometry.copy()
    for i in np.flatnonzero(~np.isin(shapely.get_type_id(geometry), (3, 6))):
        parts = [part for part in shapely.get_parts(shapely.get_parts(geometry[i])) if part.geom_type == "Polygon"]
        result[i] = parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)  # of none: empty
    return result
