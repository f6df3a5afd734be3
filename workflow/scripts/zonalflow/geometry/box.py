"""A box in degrees, and the part of a grid that it touches."""

import math
import re
from collections.abc import Sequence

from zonalflow.common.errors import ConfigError, GridError
from zonalflow.common.text import format_bounds
from zonalflow.geometry.grid import Bounds, Grid, Window
from zonalflow.geometry.plate_carree import uncertainty

_EDGE = 1e-6  # of a cell: a box edge this near to a cell edge lies on it
_POINTS = 101  # on each edge of a box that is brought to another CRS


def box_window(grid: Grid, bbox: list[float] | None) -> Window:
    """Return the rows and columns of the cells that ``bbox`` touches.

    The box grows to whole cells, as in GeoCDL's answers. On a grid in another CRS, the box around its projected outline
    is taken.

    Args:
        grid: the whole grid.
        bbox: west, south, east, north in degrees; None for the whole grid.

    Raises:
        GridError: when the box lies outside the grid; the message shows both. Also for a CRS that leaves unknown where
            the box lies.
    """
    if bbox is None:
        return 0, grid.height, 0, grid.width
    in_degrees = grid.is_geographic and "DERIVINGCONVERSION" not in grid.crs  # a rotated pole has degrees of its own
    west, south, east, north = bbox if in_degrees else _projected(bbox, grid)
    if not math.isfinite(west):
        raise _outside(bbox, grid)
    a, _, c, _, e, f = grid.transform
    if in_degrees and grid.bounds[2] > 180 + a:  # the grid counts its longitudes from 0 to 360, for example
        west, east = _in_grid_longitudes(bbox, grid)
    columns = sorted(((west - c) / a, (east - c) / a))
    rows = sorted(((north - f) / e, (south - f) / e))
    col0, col1 = max(math.floor(columns[0] + _EDGE), 0), min(math.ceil(columns[1] - _EDGE), grid.width)
    row0, row1 = max(math.floor(rows[0] + _EDGE), 0), min(math.ceil(rows[1] - _EDGE), grid.height)
    if col0 >= col1 or row0 >= row1:
        raise _outside(bbox, grid)
    return row0, row1, col0, col1


def window_in(outer: Grid, inner: Grid) -> Window | None:
    """Return the rows and columns of ``outer`` that are the grid ``inner``.

    None when ``inner`` is not a part of ``outer`` cell for cell, within a thousandth of a cell.
    """
    a, _, c, _, e, f = outer.transform
    _, _, x, _, _, y = inner.transform
    row0, col0 = round((y - f) / e), round((x - c) / a)
    row1, col1 = row0 + inner.height, col0 + inner.width
    inside = row0 >= 0 and row1 <= outer.height and col0 >= 0 and col1 <= outer.width
    return (row0, row1, col0, col1) if inside and outer.window(row0, row1, col0, col1).matches(inner) else None


def _in_grid_longitudes(bbox: list[float], grid: Grid) -> tuple[float, float]:
    """Return the box's western and eastern edge in the longitudes of a grid that reaches beyond 180.

    Raises:
        GridError: when the box overlaps both ends of the grid and leaves out what lies between.
    """
    west, _, east, _ = bbox
    first, _, last, _ = grid.bounds
    if east - west >= 360:
        return first, last
    images = [(west + turn, east + turn) for turn in (-360, 0, 360, 720)]
    overlaps = [(min(e, last) - max(w, first), w, e) for w, e in images if w < last and e > first]
    if sum(width > grid.transform[0] for width, _, _ in overlaps) > 1:
        raise GridError(
            f"bbox {bbox} lies on both sides of the meridian {first:g} at which the rasters begin and end; write null "
            "for all that they cover, or write the rasters with longitudes from -180 to 180"
        )
    if not overlaps:
        raise _outside(bbox, grid)
    return max(overlaps)[1:]


def _outside(bbox: list[float], grid: Grid) -> GridError:
    extent = degrees_of(grid)
    hint = other_order(bbox, extent) if extent else ""
    named = re.match(r'\w+\["([^"]+)"', grid.crs)  # WKT begins with the kind of a CRS and its name
    where = "degrees" if extent else named[1] if named else grid.crs[:60]
    return GridError(
        f"bbox {bbox} (west, south, east, north) lies outside the rasters, which cover "
        f"{', '.join(f'{edge:.6g}' for edge in extent or grid.bounds)} in {where}; write a box inside, "
        f"or null for all of it{f'. {hint}' if hint else ''}"
    )


# the orders in which people write a box, and where west, south, east and north are in each
_ORDERS = {
    "Latitude and longitude look swapped": (1, 0, 3, 2),
    "It looks like [west, east, south, north]": (0, 2, 1, 3),
    "It looks like [south, north, west, east]": (2, 0, 3, 1),
}
_MARGIN = 1.0  # degrees by which a box may exceed the rasters


def other_order(bbox: Sequence[float], extent: Sequence[float]) -> str:
    """Return what to write for a box whose numbers lie within ``extent`` in another order; an empty text if none does.

    Args:
        bbox: as written: west, south, east, north in degrees.
        extent: what the rasters cover, in the same order.
    """
    for name, order in _ORDERS.items():
        box = [bbox[i] for i in order]
        if box[0] < box[2] and box[1] < box[3] and _within(box, extent):
            return f"{name}: write [{', '.join(f'{edge:g}' for edge in box)}]"
    return ""


def check_order(bbox: Sequence[float], extent: Sequence[float]) -> None:
    """Refuse a box that exceeds ``extent`` as it is written, and would lie within it in another order.

    Raises:
        ConfigError: with what to write in either case.
    """
    hint = "" if _within(bbox, extent) else other_order(bbox, extent)
    if hint:
        west, south, east, north = extent
        part = [max(bbox[0], west), max(bbox[1], south), min(bbox[2], east), min(bbox[3], north)]
        raise ConfigError(
            f"bbox: {list(bbox)} is to be [west, south, east, north], and exceeds the rasters, which cover "
            f"{format_bounds(extent)}. {hint}; if its order is right, write the part inside, "
            f"[{', '.join(f'{edge:g}' for edge in part)}]"
        )


def _within(box: Sequence[float], extent: Sequence[float]) -> bool:
    west, south, east, north = extent
    return (
        west - _MARGIN <= box[0]
        and box[2] <= east + _MARGIN
        and south - _MARGIN <= box[1]
        and box[3] <= north + _MARGIN
    )


def degrees_of(grid: Grid) -> Bounds | None:
    """Return what a grid covers in degrees from -180 to 180; None where that is not one box."""
    if grid.is_geographic and "DERIVINGCONVERSION" in grid.crs:  # a rotated pole has degrees of its own
        return None
    bounds = grid.bounds if grid.is_geographic else bounds_in("EPSG:4326", grid.crs, grid.bounds)
    return bounds if -181 <= bounds[0] < bounds[2] <= 181 else None


def _projected(bbox: list[float], grid: Grid) -> Bounds:
    """Return the bounds, in the grid's CRS, of the part of the box that lies near the grid.

    A projection serves the surroundings of its grid: the far corners of a box around the globe would be projected to
    anywhere, or nowhere. So the box is first cut to the grid's own bounds in degrees; an edge beyond these is beyond
    the grid.
    """
    import pyproj

    if reason := uncertainty(pyproj.CRS(grid.crs)):
        raise GridError(f"bbox {bbox} cannot be brought to the rasters: their CRS, {reason}")
    around = bounds_in("EPSG:4326", grid.crs, grid.bounds)
    if around[0] > around[2]:  # the grid lies across the antimeridian
        return bounds_in(grid.crs, "EPSG:4326", bbox)
    near = [max(bbox[0], around[0]), max(bbox[1], around[1]), min(bbox[2], around[2]), min(bbox[3], around[3])]
    if near[0] >= near[2] or near[1] >= near[3]:
        return math.inf, math.inf, math.inf, math.inf
    edges = bounds_in(grid.crs, "EPSG:4326", near)
    cut = [inner != outer for inner, outer in zip(near, bbox, strict=True)]
    return edges if not all(cut) else grid.bounds


def bounds_in(target: str, source: str, bounds: Sequence[float]) -> Bounds:
    """Return the bounds, in another CRS, of a box; west is more than east across the antimeridian.

    All coordinates are brought from CRS to CRS by pyproj, zones and boxes alike: GDAL in rasterio brings a PROJ of its
    own, and two of different versions may place the same point differently.
    """
    import pyproj

    way = pyproj.Transformer.from_crs(source, target, always_xy=True)
    west, south, east, north = bounds
    edges: Bounds = way.transform_bounds(west, south, east, north, densify_pts=_POINTS)
    return edges
