"""Second opinions on zones and cells: GDAL's rasterizer and exactextract, called one zone at a time."""

import warnings

import numpy as np
import shapely
from affine import Affine
from rasterio.features import rasterize

from zonalflow.geometry.grid import Grid


def rasterized(geometry, grid: Grid, *, all_touched: bool) -> tuple[set[tuple[int, int]], int]:
    """Return (row, column) of a zone's cells on the grid and the number of those off it, as GDAL has it.

    The zone is rasterized as rasterstats does it: in a window from the floor to the ceiling of its bounds in
    cells, on a transform shifted to the window's corner. (rasterstats itself cannot read a raster whose first
    row is southernmost; the window here is the same one, its rows counted from the south.)
    """
    a, _, c, _, e, f = grid.transform
    west, south, east, north = geometry.bounds
    first, last = (north, south) if e < 0 else (south, north)
    row0, row1 = int(np.floor((first - f) / e)), int(np.ceil((last - f) / e))
    col0, col1 = int(np.floor((west - c) / a)), int(np.ceil((east - c) / a))
    if row0 == row1 or col0 == col1:
        return set(), 0
    burnt = rasterize(
        [(geometry, 1)],
        out_shape=(row1 - row0, col1 - col0),
        transform=Affine(a, 0, a * col0 + c, 0, e, e * row0 + f),
        all_touched=all_touched,
        dtype="uint8",
    )
    row, column = np.nonzero(burnt)
    row, column = row + row0, column + col0
    on = (row >= 0) & (row < grid.height) & (column >= 0) & (column < grid.width)
    return set(zip(row[on].tolist(), column[on].tolist(), strict=True)), int((~on).sum())


def exact_extract(geometries, values: np.ndarray, grid: Grid, operations: list[str], nodata: float | None = None):
    """Return exactextract's result as a pandas frame, one row a zone; for grids with e < 0."""
    import geopandas
    from exactextract import exact_extract
    from exactextract.raster import NumPyRasterSource

    west, south, east, north = grid.bounds
    source = NumPyRasterSource(values, xmin=west, ymin=south, xmax=east, ymax=north, nodata=nodata)
    zones = geopandas.GeoDataFrame(geometry=list(geometries), crs=grid.crs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return exact_extract(source, zones, operations, output="pandas")


def covered(geometries, grid: Grid) -> list[dict[tuple[int, int], float]]:
    """Return (row, column) → covered fraction of each zone, as exactextract has it."""
    frame = exact_extract(geometries, np.zeros(grid.shape), grid, ["cell_id", "coverage"])
    return [
        {divmod(int(cell), grid.width): float(fraction) for cell, fraction in zip(cells, fractions, strict=True)}
        for cells, fractions in zip(frame["cell_id"], frame["coverage"], strict=True)
    ]


TINY_SHARE = 0.01  # of a cell: GDAL takes an edge that moves less than that along an axis for parallel to the other
ON_A_BORDER = 1e-4  # cells: what GDAL takes for lying on a cell's border


def gdal_may_err(geometry, grid: Grid, cell: tuple[int, int]) -> bool:
    """Whether GDAL's ``all_touched``, which differs between its versions, need not be right about a cell (row, column).

    It is exact but for cells of which next to nothing is covered, and those at an edge that begins or ends on a border
    of cells, or passes through a corner of the cell: there its walk along the edge may take the wrong cell.
    """
    row, column = cell
    a, _, c, _, e, f = grid.transform
    square = shapely.box(*grid.window(row, row + 1, column, column + 1).bounds)
    if shapely.area(shapely.intersection(geometry, square)) < TINY_SHARE * abs(a * e):
        return True
    in_cells = shapely.transform(geometry, lambda xy: (xy - (c, f)) / (a, e))
    vertices, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(in_cells)), return_index=True)
    edges = np.stack([vertices[:-1], vertices[1:]], axis=1)[ring[1:] == ring[:-1]]
    ends_on_a_border = (np.abs(edges - np.round(edges)) < ON_A_BORDER).any(axis=(1, 2))
    edges, square = shapely.linestrings(edges), shapely.box(column, row, column + 1, row + 1)
    corners = shapely.multipoints(shapely.get_coordinates(square))
    doubtful = ends_on_a_border | (shapely.distance(edges, corners) < ON_A_BORDER)
    return bool((shapely.distance(edges[doubtful], square) < ON_A_BORDER).any())


def direct_percentile(values, fractions, q):
    """Return a percentile of partly covered cells by the definition in zonalflow.stats.statistics, cell by cell."""
    order = np.argsort(values, kind="stable")
    values, fractions = values[order].astype(float), fractions[order]
    for value in np.unique(values):
        fractions[values == value] = fractions[values == value].mean()
    n = len(values)
    score = [k * fractions[k] + (n - 1) * fractions[:k].sum() for k in range(n)]
    return np.interp(q / 100 * (n - 1) * fractions.sum(), score, values)
