"""The edges of all zones as one array in the cell coordinates of a grid, for arithmetic on all of them at once."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely

from zonalflow.geometry.grid import Grid
from zonalflow.index.segments import batches

BATCH = 1 << 17  # vertices plus rows of zones that are handled together, which bounds the memory of a build
_POLYGON = 3  # shapely's type number


@dataclass(frozen=True)
class Windows:
    """The part of the (unbounded) grid around each of n zones; int64 [n] each."""

    row0: np.ndarray
    col0: np.ndarray
    height: np.ndarray
    width: np.ndarray

    def __getitem__(self, zones: slice) -> "Windows":
        """Return the windows of some of the zones."""
        return Windows(self.row0[zones], self.col0[zones], self.height[zones], self.width[zones])


@dataclass(frozen=True)
class Edges:
    """The edges of the rings of some zones' polygons, directed so that every ring runs clockwise on the map.

    Coordinates are in cells from the corner of each zone's own window, x along columns and y along rows.

    Attributes:
        x0, y0, x1, y1: float64 [n_edges], from vertex 0 to vertex 1
        ring, polygon: int64 [n_edges], the ring and the polygon of each edge, counted over the batch
        hole: bool [n_edges], whether the ring is an interior one
        zone: int64 [n_polygons], the zone of each polygon; rising
        windows: the window of each of the n zones, see :func:`zone_windows`
        first: the number of the batch's first zone among all zones; `zone` counts from it
        southwards: whether rows run from north to south (y points down on the map)
        precision: how far coordinates may be off by rounding, in cells
    """

    x0: np.ndarray
    y0: np.ndarray
    x1: np.ndarray
    y1: np.ndarray
    ring: np.ndarray
    polygon: np.ndarray
    hole: np.ndarray
    zone: np.ndarray
    windows: Windows
    first: int
    southwards: bool
    precision: float

    @property
    def zones(self) -> slice:
        """The batch's zones among all."""
        return slice(self.first, self.first + len(self.windows.height))

    @property
    def edge_zone(self) -> np.ndarray:
        """The zone of each edge, int64 [n_edges]."""
        zone: np.ndarray = self.zone[self.polygon]
        return zone


def zone_windows(geometries: np.ndarray, grid: Grid) -> Windows:
    """Return the window of cells around each zone, as in rasterstats.

    It runs from the floor to the ceiling of the zone's bounds in cells. It may reach beyond the grid.
    A missing or empty geometry gets a window of no cells.
    """
    a, _, c, _, e, f = grid.transform
    west, south, east, north = shapely.bounds(geometries).T
    first, last = (north, south) if e < 0 else (south, north)
    with np.errstate(invalid="ignore"):
        edges = (
            np.floor((first - f) / e),
            np.ceil((last - f) / e),
            np.floor((west - c) / a),
            np.ceil((east - c) / a),
        )
    row0, row1, col0, col1 = (np.nan_to_num(edge).astype(np.int64) for edge in edges)
    return Windows(row0, col0, row1 - row0, col1 - col0)


def edge_batches(geometries: np.ndarray, grid: Grid) -> Iterator[Edges]:
    """Yield the edges of all zones, in batches of whole zones and a bounded number of edges (or of a large zone).

    The coordinates are those that GDAL's rasterizer would work with when rasterstats calls it, to the last
    bit: relative to the corner of the zone's window, through the inverse transform as GDAL computes it (x / a
    as x · (1 / a), and so on). Which side a centre that lies exactly on an edge falls is decided by these
    last bits.
    """
    windows = zone_windows(geometries, grid)
    for zones in batches(shapely.get_num_coordinates(geometries) + windows.height, BATCH):
        yield _edges(geometries[zones], grid, windows[zones], zones.start)


def _edges(geometries: np.ndarray, grid: Grid, windows: Windows, first: int) -> Edges:
    polygons, zone = shapely.get_parts(geometries, return_index=True)
    polygonal = shapely.get_type_id(polygons) == _POLYGON
    polygons, zone = polygons[polygonal], zone[polygonal]
    rings, polygon = shapely.get_rings(polygons, return_index=True)
    vertices, ring = shapely.get_coordinates(rings, return_index=True)
    hole = np.r_[False, polygon[1:] == polygon[:-1]][: len(rings)]

    start = np.flatnonzero(ring[1:] == ring[:-1])  # vertex i begins the edge to vertex i + 1
    ring = ring[start]
    clockwise = _signed_areas(vertices, start, ring, len(rings)) < 0
    zone_of_vertex = zone[polygon[ring]]

    a, _, c, _, e, f = grid.transform
    x_shift = (-(a * windows.col0 + c) / a)[zone_of_vertex]
    y_shift = (-(e * windows.row0 + f) / e)[zone_of_vertex]
    backwards = ~clockwise[ring]
    tail, head = start + backwards, start + ~backwards
    x, y = vertices[:, 0] * (1 / a), vertices[:, 1] * (1 / e)
    west, south, east, north = np.abs(grid.bounds)
    largest = max(max(west, east) / a, max(south, north) / abs(e), grid.width, grid.height)
    return Edges(
        x_shift + x[tail], y_shift + y[tail], x_shift + x[head], y_shift + y[head],
        ring, polygon[ring], hole[ring], zone, windows, first, e < 0, 8 * np.finfo(float).eps * largest,
    )  # fmt: skip


def _signed_areas(vertices: np.ndarray, start: np.ndarray, ring: np.ndarray, n_rings: int) -> np.ndarray:
    """Return twice the area of each ring, negative if clockwise (shoelace formula about its first vertex)."""
    origin = np.full(n_rings, -1)
    origin[ring[::-1]] = start[::-1]
    x, y = (vertices[start] - vertices[origin[ring]]).T
    dx, dy = (vertices[start + 1] - vertices[start]).T
    return np.bincount(ring, weights=x * dy - y * dx, minlength=n_rings)
