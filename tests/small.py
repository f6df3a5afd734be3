"""Small rasters and zones whose numbers can be worked out by hand."""

from pathlib import Path

import geopandas
import numpy as np
import rasterio
import shapely
from rasterio.transform import Affine

from zonalflow.geometry.grid import Grid
from zonalflow.index.build import build_index
from zonalflow.index.grids import IndexedGrid
from zonalflow.rasters.read import TimeStep
from zonalflow.readers.opening import open_sources
from zonalflow.readers.source import Block, Stored
from zonalflow.steps import zonal_stats
from zonalflow.timeline.time_steps import local_steps

GRID = Grid("EPSG:4269", (1.0, 0.0, 0.0, 0.0, -1.0, 4.0), 6, 4)  # 6 × 4 cells of a degree, west 0, north 4


def write_tif(path: Path, values, *, grid: Grid = GRID, driver="GTiff", scale=None, offset=None, **profile) -> Path:
    """Write one band (2-D) or several (3-D) of ``values`` on a grid's corner and cell."""
    values = np.asarray(values)
    bands = values if values.ndim == 3 else values[np.newaxis]
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"crs": grid.crs or None, "transform": Affine(*grid.transform), "dtype": bands.dtype, **profile}
    with rasterio.open(
        path, "w", driver=driver, count=len(bands), height=bands.shape[1], width=bands.shape[2], **options
    ) as dataset:
        dataset.write(bands)
        if scale is not None:
            dataset.scales, dataset.offsets = [scale] * len(bands), [offset] * len(bands)
    return path


def write_nc(path, times=("2000-07-01",), coordinates=None, name="ppt", **dimensions):
    """Write a variable on GRID whose cells hold 100 k in the k-th layer of one further dimension, first 0."""
    ((dimension, size),) = dimensions.items()
    import pandas
    import xarray

    lat, lon = np.arange(3.5, 0, -1.0), np.arange(0.5, 6)
    values = np.ones((len(times), size, 4, 6), "f4") * 100 * np.arange(size, dtype="f4")[:, None, None]
    data = xarray.Dataset(
        {name: (("time", dimension, "lat", "lon"), values)}, {"time": pandas.to_datetime(times), "lat": lat, "lon": lon}
    )
    data["lat"].attrs["units"], data["lon"].attrs["units"] = "degrees_north", "degrees_east"
    if coordinates is not None:
        data = data.assign_coords({dimension: list(coordinates)})
    data.to_netcdf(path)
    return str(path)


def mask_out(path: Path, row: int, column: int) -> None:
    """Give a GeoTIFF a mask that leaves one cell out."""
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as dataset:
        mask = np.ones(dataset.shape, bool)
        mask[row, column] = False
        dataset.write_mask(mask)


def counting(grid: Grid = GRID, start: float = 0) -> np.ndarray:
    """Return start, start + 1, … row by row, float32."""
    return np.arange(start, start + grid.width * grid.height, dtype=np.float32).reshape(grid.shape)


def boxes(*corners, crs="EPSG:4269") -> geopandas.GeoDataFrame:
    """Return rectangles (west, south, east, north) as zones named a, b, c, …"""
    names = [chr(ord("a") + i) for i in range(len(corners))]
    return geopandas.GeoDataFrame({"id": names}, geometry=[shapely.box(*corner) for corner in corners], crs=crs)


def place(zones: geopandas.GeoDataFrame, grid: Grid = GRID, method="center", **options) -> IndexedGrid:
    """Return zones that lie within a grid, indexed on it."""
    index = build_index(zones.geometry.to_numpy(), grid, method, **options)
    return IndexedGrid(grid, (0, 0), index, np.ones(len(zones)))


def local_time_steps(path: str, variable: str, year: int, grain: str, **keys) -> list[TimeStep]:
    """Return the time steps of local files, for ``raster.path``, ``raster.grain`` and other keys of ``raster``."""
    return local_steps({"path": path, "grain": grain, **keys}, variable, year).steps


class read_time_steps:
    """The values of time steps, as the engine gets them: (date, values, nodata, grid) of each.

    Handed to :func:`compute_year`, the files themselves are reduced, strip by strip.
    """

    def __init__(self, time_steps, find_grid, **options) -> None:
        self.sources = lambda: open_sources(list(time_steps), find_grid, **options)

    def __iter__(self):
        for source, where in self.sources():
            row0, row1, col0, col1 = where.raster_window
            for k, step in enumerate(source.steps):
                (stored,) = source.read([k], (row0, row1), (col0, col1))
                yield step.date, *stored.decode(stored.values, stored.mask), where


class InMemory:
    """A raster source that is an array: the window of an indexed grid."""

    def __init__(self, date, values, nodata, where, block=None) -> None:
        self.steps, self.grid, self.dtype = [TimeStep(date, "memory")], where.file_grid, values.dtype
        self.values, self.nodata, self.block = values, nodata, block or Block(columns=where.file_grid.width)
        self.row, _, self.column, _ = where.raster_window if values.shape != where.file_grid.shape else (0, 0, 0, 0)

    def read(self, steps, rows, columns):
        part = self.values[slice(*(row - self.row for row in rows)), slice(*(c - self.column for c in columns))]
        return [Stored(np.ascontiguousarray(part), None, lambda cells, _: (cells, self.nodata)) for _ in steps]


def compute_year(time_steps, stats, class_names=None, cells=0):
    """Return the table of a year: of what :func:`read_time_steps` returned, or of (date, values, nodata, grid)."""
    if isinstance(time_steps, read_time_steps):
        return zonal_stats.compute_year(time_steps.sources(), stats, class_names, cells)
    sources = ((InMemory(*step), step[-1]) for step in time_steps)
    return zonal_stats.compute_year(sources, stats, class_names, cells)
