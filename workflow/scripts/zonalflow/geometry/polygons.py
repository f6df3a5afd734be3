"""Polygons made valid, and nothing but polygons."""

import numpy as np
import shapely


def valid(geometry: np.ndarray) -> np.ndarray:
    """Return geometries made valid and polygonal.

    GEOS' method *structure*: parts that overlap count once and holes stay holes, where *linework* would take what two
    parts share for a hole, and a hole's part outside its shell for a part of the zone.
    """
    return polygonal(shapely.make_valid(geometry, method="structure", keep_collapsed=False))


def polygonal(geometry: np.ndarray) -> np.ndarray:
    """Keep the polygons of each geometry: an intersection or repair may leave points and lines beside them."""
    result = geometry.copy()
    for i in np.flatnonzero(~np.isin(shapely.get_type_id(geometry), (3, 6))):
        parts = [part for part in shapely.get_parts(shapely.get_parts(geometry[i])) if part.geom_type == "Polygon"]
        result[i] = parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)  # of none: empty
    return result
