"""The axes of a NetCDF variable: which of its dimensions are x, y and time, where the cells lie along them, its CRS.

The coordinate variables alone say where cells lie, whichever order the dimensions have. Cells must be of one size:
GDAL's NetCDF driver takes the average of uneven steps, and every number then comes from a wrong row.

Source: CF conventions 1.11, sections 4.1 and 4.2 (units and standard names of latitude and longitude), 4.4 (time), 5
(coordinate systems), 5.6 and appendix F (grid mappings).
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zonalflow.common.errors import RasterError

if TYPE_CHECKING:
    import xarray

EVEN = 1e-3  # of a cell: how far a coordinate may lie from where even steps put it
_ROUNDING = 1e-2  # of a cell: how much a coordinate's type may round besides, such as float32 with small cells
TIMES = ("time", "t", "date", "day", "month", "year")  # names of a time dimension
_STANDARD = {
    "longitude": "x", "grid_longitude": "x", "projection_x_coordinate": "x", "projection_x_angular_coordinate": "x",
    "latitude": "y", "grid_latitude": "y", "projection_y_coordinate": "y", "projection_y_angular_coordinate": "y",
    "time": "time",
}  # fmt: skip
_DEGREES = (("x", re.compile(r"degrees?_?e(ast)?$", re.I)), ("y", re.compile(r"degrees?_?n(orth)?$", re.I)))
_AXIS = {"X": "x", "Y": "y", "T": "time"}
_LATITUDE_LONGITUDE = ("lon", "long", "longitude", "nav_lon", "lat", "latitude", "nav_lat")
_NAMES = {
    "x": ("x", "lon", "long", "longitude", "nav_lon", "rlon", "xc", "easting", "projection_x_coordinate"),
    "y": ("y", "lat", "latitude", "nav_lat", "rlat", "yc", "northing", "projection_y_coordinate"),
    "time": TIMES,
}

_METRES = {
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), 1.0),
    **dict.fromkeys(("km", "kilometer", "kilometers", "kilometre", "kilometres"), 1000.0),
}
_USUAL = ("spatial_ref", "crs")  # variables that hold a grid mapping which the variable forgot to name
_WKT = ("crs_wkt", "spatial_ref", "esri_pe_string")


@dataclass(frozen=True)
class Axis:
    """The cells along x (from west to east) or y (from north to south).

    Attributes:
        dimension: of the variable.
        start: the western or northern edge of the first cell, in the coordinate's own unit.
        step: the size of a cell, negative along y.
        size: how many cells.
        reversed: whether the file has them in the other order.
        units: of the coordinate, as text.
        in_degrees: whether it is longitude or latitude itself, and not that of a rotated pole.
    """

    dimension: str
    start: float
    step: float
    size: int
    reversed: bool
    units: str
    in_degrees: bool


def attribute(variable: "xarray.Variable", name: str) -> str:
    """Return an attribute as text; empty where there is none."""
    value = variable.attrs.get(name, "")
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def coordinate_of(dataset: "xarray.Dataset", variable: "xarray.Variable", dimension: str) -> str | None:
    """Return the name of the coordinate variable of a dimension: its namesake, or a one-dimensional one beside it."""
    if dimension in dataset.variables and dataset.variables[dimension].dims == (dimension,):
        return dimension
    beside = attribute(variable, "coordinates").split()
    named = [name for name in beside if name in dataset.variables and dataset.variables[name].dims == (dimension,)]
    return next((name for name in named if _role(dataset.variables[name], name)), None)


def roles_of(dataset: "xarray.Dataset", variable: "xarray.Variable") -> dict[str, str]:
    """Return dimension to ``x``, ``y``, ``time`` or an empty text, for each dimension of a variable."""
    roles = {}
    for dimension in map(str, variable.dims):
        name = coordinate_of(dataset, variable, dimension)
        coordinate = dataset.variables[name] if name else None
        roles[dimension] = _role(coordinate, name or dimension)
    return roles


def _role(coordinate: "xarray.Variable | None", name: str) -> str:
    """Return what a coordinate is, by its standard name, else its units, its axis attribute, its name."""
    by_name = next((role for role, names in _NAMES.items() if name.lower() in names), "")
    if coordinate is None:
        return by_name
    units = attribute(coordinate, "units").strip()
    by_units = next((role for role, pattern in _DEGREES if pattern.match(units)), "")
    if " since " in units:
        by_units = "time"
    by_standard_name = _STANDARD.get(attribute(coordinate, "standard_name").strip(), "")
    return by_standard_name or by_units or _AXIS.get(attribute(coordinate, "axis").strip().upper(), "") or by_name


def axis_of(dataset: "xarray.Dataset", variable: "xarray.Variable", dimension: str, role: str, path: str) -> Axis:
    """Return where the cells lie along a dimension.

    Raises:
        RasterError: for a dimension without coordinates, or coordinates that are not evenly spaced; the message names
            the axis and the first uneven step.
    """
    name = coordinate_of(dataset, variable, dimension)
    if name is None:
        raise RasterError(
            f"{path}: the dimension {dimension!r} has no coordinate variable of one dimension, so nothing says where "
            "its cells lie, or they lie on a curved or rotated grid. Write the coordinates, or regrid it, for example "
            "with cdo remapcon or xarray"
        )
    coordinate = dataset.variables[name]
    units = attribute(coordinate, "units").strip()
    in_degrees = _in_degrees(coordinate, name, units)
    centres, rounding = _centres(coordinate, f"{path}: {name}")
    wrapped = in_degrees and role == "x" and centres.size > 2 and bool(np.abs(np.diff(centres)).max() > 180)
    if wrapped:
        centres = np.unwrap(centres, period=360.0)
    step = _width(dataset, coordinate, f"{path}: {name}") if centres.size == 1 else _step(centres)
    if centres.size > 1:
        _check_even(centres, rounding, f"{path}: {name}")
    upside = (step < 0) if role == "x" else (step > 0)
    first = centres[-1] if upside else centres[0]
    step = -step if upside else step
    if wrapped and first + step * centres.size > 360 + step:
        first -= 360
    return Axis(dimension, float(first - step / 2), float(step), int(centres.size), bool(upside), units, in_degrees)


def _in_degrees(coordinate: "xarray.Variable", name: str, units: str) -> bool:
    standard_name = attribute(coordinate, "standard_name").strip()
    if standard_name in _STANDARD:
        return standard_name in ("longitude", "latitude")
    return any(pattern.match(units) for _, pattern in _DEGREES) or name.lower() in _LATITUDE_LONGITUDE


def _centres(coordinate: "xarray.Variable", where: str) -> tuple[np.ndarray, float]:
    """Return the coordinates, float64 [size], and how much their type rounds the largest of them."""
    stored = coordinate.values
    if stored.dtype.kind not in "iuf" or stored.size == 0:
        raise RasterError(f"{where} holds no numbers that say where the cells lie")
    values = stored * np.float64(_number(coordinate, "scale_factor", 1.0)) + _number(coordinate, "add_offset", 0.0)
    if not np.isfinite(values).all():
        raise RasterError(f"{where} has no number at position {int(np.argmin(np.isfinite(values))) + 1}")
    return values, float(np.spacing(np.abs(stored).max())) if stored.dtype.kind == "f" else 0.0


def _number(coordinate: "xarray.Variable", name: str, default: float) -> float:
    value: Any = coordinate.attrs.get(name, default)
    return float(np.ravel(value)[0])


def _step(centres: np.ndarray) -> float:
    return float((centres[-1] - centres[0]) / (centres.size - 1))


def _width(dataset: "xarray.Dataset", coordinate: "xarray.Variable", where: str) -> float:
    """Return the width of an only cell, which its bounds say."""
    bounds = dataset.variables.get(attribute(coordinate, "bounds"))
    if bounds is None or bounds.shape != (1, 2) or bounds.values[0, 0] == bounds.values[0, 1]:
        raise RasterError(f"{where} has one value and no bounds, so the size of its cell is unknown; give it bounds")
    return float(bounds.values[0, 1]) - float(bounds.values[0, 0])


def _check_even(centres: np.ndarray, rounding: float, where: str) -> None:
    """Raise RasterError unless each coordinate lies where even steps put it, within :data:`EVEN` of a cell."""
    step = _step(centres)
    even = centres[0] + step * np.arange(centres.size)
    allowed = EVEN * abs(step) + min(rounding, _ROUNDING * abs(step))
    if np.abs(step) > 0 and np.abs(centres - even).max() <= allowed:
        return
    if not step:
        raise RasterError(f"{where} begins and ends with {centres[0]:.8g}, so its cells have no size")
    steps = np.diff(centres)
    changes = np.abs(steps - steps[0]) > EVEN * abs(steps[0]) + 2 * rounding
    at = int(np.argmax(changes)) if changes.any() else int(np.argmax(np.abs(steps - steps[0])))
    raise RasterError(
        f"{where} is not evenly spaced: its first step is {steps[0]:.6g}, but the step from {centres[at]:.8g} to "
        f"{centres[at + 1]:.8g} (positions {at + 1} and {at + 2}) is {steps[at]:.6g}. Zonal statistics need cells "
        "of one size: put the file on an even grid first, with cdo remapcon,TARGET or xarray's interp, for example; "
        "where rows or columns are left out, xarray's reindex puts them back"
    )


def crs_of(dataset: "xarray.Dataset", variable: "xarray.Variable") -> str | None:
    """Return the CRS of a variable as WKT; None where the file names none that can be understood."""
    named = attribute(variable, "grid_mapping").partition(":")[0].split()
    for name in (*named[:1], *_USUAL):
        if name in dataset.variables:
            wkt = _wkt(dict(dataset.variables[name].attrs))
            if wkt:
                return wkt
    return None


def _wkt(attributes: dict[str, Any]) -> str | None:
    """Return the CRS of a grid mapping's attributes as GDAL writes it, the same as that of a GeoTIFF."""
    import pyproj
    from pyproj.exceptions import CRSError
    from rasterio.crs import CRS
    from rasterio.errors import CRSError as RasterioCRSError

    texts = [str(attributes[name]) for name in _WKT if str(attributes.get(name, "")).strip()]
    try:
        text = texts[0] if texts else pyproj.CRS.from_cf(attributes).to_wkt()
    except (CRSError, KeyError, ValueError, TypeError):
        return None
    try:
        return str(CRS.from_user_input(text).to_wkt())
    except RasterioCRSError:
        return text


def in_units_of(crs: str, units: str) -> float:
    """Return by what to multiply a coordinate in ``units`` to have it in the CRS's unit; 1 if either is no length."""
    from rasterio.crs import CRS

    known = CRS.from_user_input(crs)
    if units not in _METRES or not known.is_projected:
        return 1.0
    return _METRES[units] / float(known.linear_units_factor[1])
