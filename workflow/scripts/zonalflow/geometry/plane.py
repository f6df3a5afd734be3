"""Where a grid lies in the projected CRS of zones: what is far from it is not reprojected, and cannot always be."""

from dataclasses import dataclass

import numpy as np
import pyproj
import shapely

from zonalflow.geometry.curves import Reprojection
from zonalflow.geometry.grid import Bounds, Grid
from zonalflow.geometry.polygons import polygonal
from zonalflow.geometry.reprojection import folded

_SAMPLES = 101  # points of the grid along each axis
_INWARDS = 1e-6  # of the way to the middle of a polygon


@dataclass(frozen=True)
class PlaneSurroundings:
    """The box, in a projected CRS, that holds a grid in another CRS and some cells around it."""

    bounds: Bounds
    crs: pyproj.CRS

    def overlap(self, geometry: np.ndarray) -> np.ndarray:
        """Return which polygons [n] may lie within, by their bounds, or lie beyond the map: bool [n]."""
        found: np.ndarray = self._near(geometry) | self._beyond_the_map(geometry)
        return found

    def hold(self, geometry: np.ndarray) -> np.ndarray:
        """Return which polygons [n] lie wholly within, by their bounds, or lie beyond the map: bool [n]."""
        within = shapely.contains(shapely.box(*self.bounds), shapely.envelope(geometry))
        held: np.ndarray = within | self._beyond_the_map(geometry)
        return held

    def clip(self, geometry: np.ndarray) -> np.ndarray:
        """Return the part of each polygon [n] within; one beyond the map stays whole."""
        parts = polygonal(shapely.intersection(geometry, shapely.box(*self.bounds)))
        return np.where(self._beyond_the_map(geometry), geometry, parts)

    def _near(self, geometry: np.ndarray) -> np.ndarray:
        near: np.ndarray = shapely.intersects(shapely.box(*self.bounds), shapely.envelope(geometry))
        return near

    def _beyond_the_map(self, geometry: np.ndarray) -> np.ndarray:
        """Return which polygons [n] reach beyond the edge of the map, at 190° E in Mercator's projection, for example.

        There the plane has other coordinates for the same points on the earth, which may be near the grid. Vertices are
        moved a little inwards first, because the edge itself is on the map.
        """
        far = np.flatnonzero(~self._near(geometry))
        xy, of_polygon = shapely.get_coordinates(geometry[far], return_index=True)
        middle = shapely.get_coordinates(shapely.centroid(geometry[far]))[of_polygon]
        inwards = shapely.set_coordinates(shapely.force_2d(geometry[far]), xy + _INWARDS * (middle - xy))
        result = np.zeros(len(geometry), bool)
        result[far] = folded(inwards, Reprojection(self.crs, self.crs.geodetic_crs or self.crs, (1.0, 1.0)))
        return result

    @staticmethod
    def cut_at_tear(geometry: np.ndarray) -> np.ndarray:
        """Return polygons [n] as they are: where the grid's projection tears the earth is a curve in this plane."""
        return geometry

    @staticmethod
    def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
        """Return which share of the area of polygons [n] parts of them have, in the plane."""
        with np.errstate(invalid="ignore", divide="ignore"):
            result: np.ndarray = np.nan_to_num(shapely.area(part) / shapely.area(whole))
        return result


def plane_around(grid: Grid, crs: pyproj.CRS) -> PlaneSurroundings | None:
    """Return the surroundings of a grid in a projected CRS, None if that has no coordinates for some of the grid."""
    way = pyproj.Transformer.from_crs(pyproj.CRS(grid.crs), crs, always_xy=True)
    west, south, east, north = grid.bounds
    x, y = way.transform(*np.meshgrid(np.linspace(west, east, _SAMPLES), np.linspace(south, north, _SAMPLES)))
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return None
    step_x, step_y = (max(np.abs(np.diff(v, axis=axis)).max() for axis in (0, 1)) for v in (x, y))
    bounds = (x.min() - step_x, y.min() - step_y, x.max() + step_x, y.max() + step_y)
    return PlaneSurroundings(bounds, crs)
