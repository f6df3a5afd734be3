"""Geometries of vector files: read, made polygons where that is exact, or refused."""

import warnings
from typing import Any

import geopandas
import numpy as np
import pandas
import pyogrio
import pyproj
import shapely

from zonalflow.common.errors import ZonesError
from zonalflow.common.text import count_of, few, format_bounds, plural_of

_TINY = 1e-9  # degrees
_MOST_DEGREES = 720  # of longitude, which some files count beyond ±180
_FARTHEST = 1e10  # in the unit of any CRS: the earth is 4e7 m around, and 2e9 inches
_CONVERT = "convert the file, for example with ogr2ogr -nlt MULTIPOLYGON zones.gpkg"
_KINDS = {15: "PolyhedralSurface", 16: "TIN", 17: "Triangle"}  # types of WKB that GEOS cannot hold


def read_features(path: str, layer: str, where: str | None) -> tuple[Any, np.ndarray]:
    """Return a layer's features as a table, and which of their rings were not closed and have been: bool [n].

    Raises:
        ZonesError: for geometries that GEOS cannot hold, such as triangles.
        RuntimeError, ValueError: as pyogrio raises them.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Non closed ring", RuntimeWarning)  # such zones are listed as repaired
        try:
            frame = pyogrio.read_dataframe(path, layer=layer, where=where)
        except shapely.errors.GEOSException:
            frame = pyogrio.read_dataframe(path, layer=layer, where=where, on_invalid="fix")
        else:
            return frame, np.zeros(len(frame), bool)
        stored = pyogrio.raw.read(path, layer=layer, where=where)[2]
    lost = np.flatnonzero(frame.geometry.isna() & pandas.notna(stored))
    if lost.size:
        kinds = {_kind_of(stored[i]) for i in lost}
        are = count_of(lost.size, f"feature of {path} is not a polygon", f"features of {path} are not polygons")
        rows = f"{plural_of(lost.size, 'row')} {few(lost + 1)}"
        raise ZonesError(f"{are} that can be read ({', '.join(sorted(kinds))}; {rows}); {_CONVERT} {path}")
    changed = [shapely.to_wkb(new) != old for new, old in zip(frame.geometry, stored, strict=True)]
    return frame, np.array(changed, bool)


def _kind_of(wkb: bytes) -> str:
    number = int.from_bytes(wkb[1:5], "little" if wkb[0] else "big")
    return _KINDS.get((number & 0xFFFF) % 1000, "damaged")


def polygons_only(geometry: np.ndarray) -> np.ndarray:
    """Return geometries [n] in which a collection of nothing but polygons has become a multipolygon."""
    result = geometry.copy()
    for i in np.flatnonzero(shapely.get_type_id(geometry) == 7):
        parts = shapely.get_parts(shapely.get_parts(geometry[i]))
        if len(parts) and (shapely.get_type_id(parts) == 3).all():
            result[i] = shapely.union_all(parts)
    return result


def check_geometry(frame: geopandas.GeoDataFrame, id_column: str, path: str) -> None:
    """Raise ZonesError unless every zone is a polygon with finite coordinates that its CRS can mean."""
    geometry = frame.geometry.to_numpy()
    empty = np.flatnonzero(shapely.is_missing(geometry) | shapely.is_empty(geometry))
    if empty.size:
        has_none = count_of(empty.size, f"zone of {path} has", f"zones of {path} have")
        raise ZonesError(
            f"{has_none} an empty geometry: {id_column} {few(frame[id_column].iloc[empty])}; "
            "remove such zones, or give them a polygon"
        )
    other = np.flatnonzero(~np.isin(shapely.get_type_id(geometry), (3, 6)))
    if other.size:
        kinds = ", ".join(sorted(set(frame.geom_type.iloc[other])))
        is_none = count_of(other.size, f"zone of {path} is not a polygon", f"zones of {path} are not polygons")
        raise ZonesError(
            f"{is_none} ({kinds}): {id_column} {few(frame[id_column].iloc[other])}; zonal statistics need polygons"
        )
    points, zone = shapely.get_coordinates(geometry, return_index=True)
    with np.errstate(invalid="ignore"):
        bad = np.unique(zone[~(np.abs(points) < _FARTHEST).all(axis=1)])
    if bad.size:
        has_some = count_of(bad.size, f"zone of {path} has", f"zones of {path} have")
        raise ZonesError(
            f"{has_some} coordinates that are not finite, or lie beyond the earth: "
            f"{id_column} {few(frame[id_column].iloc[bad])}"
        )
    if frame.crs is not None and frame.crs.is_geographic:
        _check_degrees(frame, frame.crs, path)


def _check_degrees(frame: geopandas.GeoDataFrame, crs: pyproj.CRS, path: str) -> None:
    """Raise ZonesError for latitudes beyond ±90, or longitudes beyond two turns."""
    west, south, east, north = frame.total_bounds
    degree = np.radians(1) / crs.axis_info[0].unit_conversion_factor  # 1, or 1.11 grads
    if max(-south, north) > 90 * degree + _TINY:
        swapped = "longitude and latitude are swapped, or " if max(-west, east) <= 90 * degree else ""
        raise ZonesError(
            f"{path} has latitudes beyond ±{90 * degree:g} ({format_bounds(frame.total_bounds)}): {swapped}its CRS, "
            f"{crs.name}, is not that of its coordinates"
        )
    if max(-west, east) > _MOST_DEGREES * degree:
        raise ZonesError(
            f"{path} has longitudes beyond ±{_MOST_DEGREES * degree:g} ({format_bounds(frame.total_bounds)}): its CRS, "
            f"{crs.name}, is not that of its coordinates"
        )
