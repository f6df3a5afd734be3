"""Equidistant Cylindrical, of which Plate Carrée is the case that is true to scale along the equator.

PROJ computed it on a sphere until 9.7, and computes it on the CRS's ellipsoid since 9.8 (EPSG methods 1029 and 1028;
OSGeo/PROJ#4656), so that y of latitude φ is

    R φ    or    ∫ a (1 − e²) (1 − e² sin²φ)^(−3/2) dφ

with R = a: 40° N lies at 4,452,780 m or at 4,429,529 m, 0.21° of latitude apart.

- Where the unit is a degree of the equator, as in ESRI's World_Plate_Carree_Degrees, x and y are meant as longitude and
  latitude, and are taken as these.
- On a sphere both are the same.
- In any other unit, files written with the one and with the other have the same CRS: what needs their place on the
  earth is refused.
"""

import math
import re
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from zonalflow.common.errors import ZonesError

if TYPE_CHECKING:
    import pyproj

_NAMES = re.compile(r"plate.?carr|equirectangular|equidistant.?cylindrical|\beqc\b", re.IGNORECASE)
_METHODS = {"1028", "1029", "9823", "9825", "9842"}  # of EPSG; 9825 is Pseudo Plate Carrée
_SAME_UNIT = 1e-6  # relative: files round a degree's 111,319.490793… m


class _Cylindrical(NamedTuple):
    """An Equidistant Cylindrical CRS: itself, and on what it rests.

    `radius` is that of the equator in metres, `is_sphere` whether it is that of a sphere, and `shifted` whether the WKT
    has a transformation of the datum to WGS 84.
    """

    plane: "pyproj.CRS"
    base: "pyproj.CRS"
    radius: float
    is_sphere: bool
    parameters: list[float]
    shifted: bool


@lru_cache(maxsize=64)
def crs_of_degrees(crs: str) -> str:
    """Return the geographic CRS, as WKT, of a Plate Carrée whose unit is a degree; any other CRS as it is."""
    if not _NAMES.search(crs):
        return crs
    import pyproj
    from pyproj.exceptions import CRSError

    try:
        geographic = geographic_of(pyproj.CRS(crs))
    except CRSError:  # what cannot be read is no mistake here, where nothing is done with it
        return crs
    return crs if geographic is None else str(geographic.to_wkt())


def crs_taken(crs: "pyproj.CRS | str | None") -> "pyproj.CRS":
    """Return a CRS, or in its stead the geographic one of a Plate Carrée whose unit is a degree."""
    import pyproj

    known = pyproj.CRS(crs)
    return geographic_of(known) or known


def geographic_of(crs: "pyproj.CRS") -> "pyproj.CRS | None":
    """Return the geographic CRS of which x and y of a Plate Carrée in degrees are longitude and latitude, else None."""
    known = _cylindrical(crs)
    if known is None or any(known.parameters) or known.shifted:
        return None
    degree = math.radians(1)
    if not math.isclose(known.base.axis_info[0].unit_conversion_factor, degree, rel_tol=_SAME_UNIT):
        return None
    length = known.radius * degree  # of a degree of the equator
    for axis, direction in zip(known.plane.axis_info, ("east", "north"), strict=True):
        if axis.direction != direction or not math.isclose(axis.unit_conversion_factor, length, rel_tol=_SAME_UNIT):
            return None
    return known.base


def uncertainty(crs: "pyproj.CRS") -> str | None:
    """Return why it is unknown where on the earth coordinates of a CRS lie, and what to write instead; None mostly."""
    known = _cylindrical(crs)
    if known is None or known.is_sphere or geographic_of(crs) is not None:
        return None
    return (
        f"{known.plane.name}, is Equidistant Cylindrical on an ellipsoid, in which programs place latitudes up to 0.2 "
        "degrees apart (PROJ, and so GDAL, took it for a sphere before PROJ 9.8), and a file does not tell which it "
        f"means. For rasters on the sphere, write raster.crs: {_on_sphere(known)}; bring other files to EPSG:4326 with "
        "the program that wrote them"
    )


def check_certain(crs: "pyproj.CRS", whose: str) -> None:
    """Raise ZonesError if it is unknown where on the earth the zones, or the rasters, of a CRS lie."""
    if reason := uncertainty(crs):
        raise ZonesError(f"the zones cannot be brought to the rasters: the CRS of the {whose}, {reason}")


def _cylindrical(crs: "pyproj.CRS") -> _Cylindrical | None:
    """Return what is known of a CRS of this method, without heights and without a transformation to WGS 84."""
    plane: pyproj.CRS | None = crs
    shifted = False
    while plane is not None and (plane.is_bound or plane.is_compound):
        shift = plane.coordinate_operation if plane.is_bound else None
        shifted |= shift is not None and any(shift.towgs84)
        plane = plane.source_crs if plane.is_bound else plane.sub_crs_list[0]
    if plane is None or not plane.is_projected:
        return None
    method, base, ellipsoid = plane.coordinate_operation, plane.geodetic_crs, plane.ellipsoid
    if method is None or base is None or ellipsoid is None:
        return None
    if method.method_code not in _METHODS and not _NAMES.search(method.method_name):
        return None
    parameters = [float(parameter.value) for parameter in method.params]
    return _Cylindrical(plane, base, ellipsoid.semi_major_metre, not ellipsoid.inverse_flattening, parameters, shifted)


def _on_sphere(known: _Cylindrical) -> str:
    """Return the same projection of a sphere as a PROJ text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what such a text leaves out, a datum and names, is not wanted here
        words = known.plane.to_dict()
    kept = [f"+{name}={words[name]}" for name in ("lat_ts", "lat_0", "lon_0", "x_0", "y_0") if words.get(name)]
    unit = f"+units={words['units']}" if "units" in words else f"+to_meter={words.get('to_meter', 1)}"
    return " ".join(["+proj=eqc", *kept, f"+R={known.radius:.12g}", unit])
