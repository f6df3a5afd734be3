"""Made-up zones and rasters on PRISM's real grids: what the benchmark and the large tests work on.

The zones are the cells of a Voronoi diagram of random points, as many vertices in each as in a county at 1:20
million, their edges bent by a smooth field so that neighbours still share them, cut to an outline of about
the size and place of the contiguous states. The rasters are smooth, with nodata outside of the outline, as
PRISM's are.
"""

import numpy as np
import shapely

from zonalflow.geometry.grid import Grid

CRS = "EPSG:4269"
GRIDS = {
    "Florida": Grid(CRS, (1 / 24, 0.0, -87.520833333, 0.0, -1 / 24, 31.020833333), 205, 157),
    "4 km": Grid(CRS, (1 / 24, 0.0, -125.020833333, 0.0, -1 / 24, 49.937500000), 1405, 621),
    "800 m": Grid(CRS, (1 / 120, 0.0, -125.020833333, 0.0, -1 / 120, 49.937500000), 7025, 3105),
}
NODATA = -9999.0

_OUTLINE = shapely.Polygon(
    [(-124.4, 48.3), (-123.1, 49.0), (-95.1, 49.0), (-92.0, 46.8), (-84.5, 46.4), (-82.5, 43.0), (-79.1, 42.9),
     (-75.0, 45.0), (-69.2, 47.4), (-67.1, 44.8), (-70.6, 42.6), (-74.0, 40.5), (-75.6, 35.4), (-81.2, 31.0),
     (-80.1, 26.0), (-81.3, 25.2), (-83.0, 29.2), (-89.5, 30.2), (-94.0, 29.6), (-97.3, 26.0), (-101.4, 29.8),
     (-106.5, 31.8), (-114.8, 32.5), (-117.1, 32.5), (-120.6, 34.6), (-124.3, 40.3)]
)  # fmt: skip


def _bend(points: np.ndarray, size: float) -> np.ndarray:
    """Move points by a smooth field of about a tenth of `size`: the same point always to the same place."""
    x, y = points.T
    waves = (2.0, 5.1, 11.3)
    dx = sum(np.sin(k * y / size + k) / k for k in waves)
    dy = sum(np.cos(k * x / size - k) / k for k in waves)
    return points + 0.12 * size * np.column_stack([dx, dy])


def zones(n: int, outline=None, seed: int = 0) -> np.ndarray:
    """Return n zones that fill `outline` (shapely polygon; None: the contiguous states, about), shapely [n]."""
    outline = _OUTLINE if outline is None else outline
    rng = np.random.default_rng(seed)
    west, south, east, north = outline.bounds
    points = np.empty((0, 2))
    shapely.prepare(outline)
    while len(points) < n:
        more = rng.uniform((west, south), (east, north), (4 * n, 2))
        denser = 0.1 + 0.9 * ((more[:, 0] - west) / (east - west)) ** 1.5  # small zones in the east, as counties are
        more = more[rng.random(len(more)) < denser]
        points = np.concatenate([points, more[shapely.contains_xy(outline, *more.T)]])
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(points[:n]), extend_to=outline))
    size = np.sqrt(outline.area / n)
    cells = shapely.transform(shapely.segmentize(cells, size / 3), lambda xy: _bend(xy, size))
    cut = ~shapely.contains_properly(outline, cells)
    cells[cut] = shapely.intersection(shapely.make_valid(cells[cut]), outline)
    return cells


def florida(n: int = 86, seed: int = 0) -> np.ndarray:
    """Return zones that fill the part of the outline near Florida's grid, some of them reaching beyond it."""
    west, south, east, north = GRIDS["Florida"].bounds
    return zones(n, shapely.intersection(_OUTLINE, shapely.box(west - 0.5, south, east, north + 0.4)), seed)


def raster(grid: Grid, seed: int = 0, outline=None) -> np.ndarray:
    """Return smooth values with some noise, float32 [rows, columns], nodata outside of the outline."""
    from zonalflow.index.build import build_index

    rng = np.random.default_rng(seed)
    west, south, east, north = grid.bounds
    x = np.linspace(west, east, grid.width, dtype=np.float32)
    y = np.linspace(north, south, grid.height, dtype=np.float32)
    a, b = rng.uniform(0.2, 0.8, 2)
    values = (900 + 500 * np.sin(a * x))[None, :] * (1 + 0.3 * np.cos(b * y))[:, None]
    values += rng.normal(0, 20, values.shape).astype(np.float32)
    inside = np.zeros(grid.shape, bool)
    row, column, _ = build_index(np.array([_OUTLINE if outline is None else outline]), grid).cells(0)
    inside[row, column] = True
    return np.where(inside, values, np.float32(NODATA)).astype(np.float32)
