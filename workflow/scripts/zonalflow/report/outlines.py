"""Zones as they are drawn: in a plane where areas compare, with no more detail than a picture can show."""

import geopandas
import numpy as np
import pyproj
import shapely

_MANY = 20_000  # zones


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
