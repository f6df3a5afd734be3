"""Where on the earth a grid lies, in degrees: what is far from it need not be projected, and cannot always be."""

from dataclasses import dataclass

import numpy as np
import pyproj
import shapely

from zonalflow.geometry.grid import Grid
from zonalflow.geometry.polygons import polygonal

_SAMPLES = 101  # points of the grid along each axis
_SLIT = 1e-9  # degrees: half of what is cut out where a projection tears the earth, a tenth of a millimetre
_DENSE = 1.0  # degrees


@dataclass(frozen=True)
class Surroundings:
    """The degrees that hold a grid in another CRS and some cells around it.

    Attributes:
        west, east: longitudes, ``west`` within ±180 and ``east`` at most a turn east of it.
        south, north: latitudes.
        tear: a longitude at which the projection of the grid tears the earth apart, if the degrees include it.
    """

    west: float
    south: float
    east: float
    north: float
    tear: float | None = None

    @property
    def all_longitudes(self) -> bool:
        """Whether they reach around the earth."""
        return self.east - self.west >= 360

    def overlap(self, geometry: np.ndarray) -> np.ndarray:
        """Return which polygons [n] in degrees, longitudes continuous, may lie within: bool [n], by their bounds."""
        west, south, east, north = shapely.bounds(geometry).T
        with np.errstate(invalid="ignore"):
            found = (south <= self.north) & (north >= self.south)
            if not self.all_longitudes:
                turns = np.ceil((self.west - east) / 360)  # to the first image that does not end west of them
                found &= west + 360 * turns <= self.east
        result: np.ndarray = found
        return result

    def hold(self, geometry: np.ndarray) -> np.ndarray:
        """Return which polygons [n] in degrees lie wholly within: bool [n], by their bounds."""
        west, south, east, north = shapely.bounds(geometry).T
        found: np.ndarray = (south >= self.south) & (north <= self.north)
        if not self.all_longitudes:
            turns = np.ceil((self.west - west) / 360)
            found &= east + 360 * turns <= self.east
        return found

    def clip(self, geometry: np.ndarray) -> np.ndarray:
        """Return the part of each polygon [n] in degrees within; longitudes stay what they are."""
        west, _, east, _ = shapely.total_bounds(geometry)
        if self.all_longitudes:
            around: shapely.Geometry = shapely.box(west - 1, self.south, east + 1, self.north)
        else:
            turns = range(int((west - self.east) // 360), int((east - self.west) // 360) + 1)
            boxes = [shapely.box(self.west + 360 * k, self.south, self.east + 360 * k, self.north) for k in turns]
            around = shapely.union_all(boxes)
        return polygonal(shapely.intersection(geometry, around))

    def cut_at_tear(self, geometry: np.ndarray) -> np.ndarray:
        """Return polygons [n] in degrees without the meridian at which the projection tears the earth."""
        if self.tear is None:
            return geometry
        west, _, east, _ = shapely.bounds(geometry).T
        first = self.tear + 360 * np.ceil((west - self.tear) / 360)
        result = geometry.copy()
        for i in np.flatnonzero(first < east):
            meridians = np.arange(first[i], east[i], 360)
            slits = [shapely.box(at - _SLIT, -91, at + _SLIT, 91) for at in meridians]
            result[i] = shapely.difference(geometry[i], shapely.union_all(slits))
        return polygonal(result)

    @staticmethod
    def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
        """Return which share of the area of polygons [n] in degrees parts of them have, on a sphere.

        On the plane of longitude and the sine of latitude areas are as on the sphere.
        """

        def areas(geometry: np.ndarray) -> np.ndarray:
            dense = shapely.segmentize(geometry, _DENSE)
            size: np.ndarray = shapely.area(shapely.transform(dense, _equal_area))
            return size

        with np.errstate(invalid="ignore", divide="ignore"):
            result: np.ndarray = np.nan_to_num(areas(part) / areas(whole))
        return result


def surroundings_of(grid: Grid, crs: pyproj.CRS) -> Surroundings:
    """Return the degrees of a geographic CRS in which a grid lies, found by points of the grid and of its edge."""
    way = pyproj.Transformer.from_crs(pyproj.CRS(grid.crs), crs, always_xy=True)
    west, south, east, north = grid.bounds
    x, y = np.meshgrid(np.linspace(west, east, _SAMPLES), np.linspace(south, north, _SAMPLES))
    longitude, latitude = way.transform(x, y)
    known = np.isfinite(longitude) & np.isfinite(latitude)
    if not known.any():
        return Surroundings(-180, -90, 180, 90, _tear(grid, crs, 0))
    low, high = np.min(latitude[known]), np.max(latitude[known])
    margin = _largest_step(latitude, known)
    poles = [pole for pole in (-90.0, 90.0) if _holds(grid, way, pole)]
    low, high = (-90.0 if -90.0 in poles else low - margin), (90.0 if 90.0 in poles else high + margin)
    first, last = _arc(longitude[known])
    aside = _largest_step(longitude, known, turn=360) if not poles else 360.0
    if not known.all() or last - first + 2 * aside >= 360:
        first, last, aside = -180.0, 180.0, 0.0
    first -= aside
    last += aside
    tear = _tear(grid, crs, float(np.clip((low + high) / 2, -80, 80)))
    if tear is not None and (tear - first) % 360 > last - first:
        tear = None
    return Surroundings(first, max(low, -90.0), last, min(high, 90.0), tear)


def _equal_area(xy: np.ndarray) -> np.ndarray:
    return np.column_stack([np.radians(xy[:, 0]), np.sin(np.radians(xy[:, 1]))])


def _largest_step(values: np.ndarray, known: np.ndarray, turn: float = 0.0) -> float:
    """Return the largest difference of neighbours among values on a mesh [rows, columns], modulo a turn."""
    values = np.where(known, values, np.nan)
    largest = 0.0
    for axis in (0, 1):
        step = np.diff(values, axis=axis)
        if turn:
            step -= turn * np.round(step / turn)
        step = np.abs(step[np.isfinite(step)])
        largest = max(largest, float(step.max(initial=0.0)))
    return largest


def _arc(longitude: np.ndarray) -> tuple[float, float]:
    """Return the shortest range of longitudes that holds all given, its western end within ±180."""
    ordered = np.unique(longitude % 360)
    gaps = np.diff(ordered, append=ordered[0] + 360)
    after = int(gaps.argmax())
    first = ordered[(after + 1) % len(ordered)]
    first = (first + 180) % 360 - 180
    return float(first), float(first + 360 - gaps[after])


def _holds(grid: Grid, way: pyproj.Transformer, pole: float) -> bool:
    """Whether a pole lies on a grid or a cell away; `way` leads from the grid's CRS to degrees."""
    x, y = way.transform(0.0, pole, direction="INVERSE")
    west, south, east, north = grid.bounds
    aside, beyond = grid.transform[0], abs(grid.transform[4])
    return bool(west - aside <= x <= east + aside and south - beyond <= y <= north + beyond)


def _tear(grid: Grid, crs: pyproj.CRS, latitude: float) -> float | None:
    """Return the longitude half a turn from the centre of a projection, if points on both sides of it lie far apart."""
    operation = pyproj.CRS(grid.crs).coordinate_operation
    centres = [
        np.degrees(float(parameter.value) * parameter.unit_conversion_factor)
        for parameter in (operation.params if operation is not None else [])
        if parameter.name.startswith("Longitude of")
    ]
    if not centres:
        return None
    tear = (centres[0] + 360) % 360 - 180
    way = pyproj.Transformer.from_crs(crs, pyproj.CRS(grid.crs), always_xy=True)
    x, y = way.transform([tear - 1e-6, tear + 1e-6], [latitude, latitude])
    if not np.isfinite([x, y]).all():
        return None
    far = np.hypot(x[1] - x[0], y[1] - y[0]) > max(grid.transform[0], abs(grid.transform[4]))
    return float(tear) if far else None
