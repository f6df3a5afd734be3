"""What a cell weighs besides the share of it that a zone covers: nothing, its area, or a raster such as population."""

from typing import TYPE_CHECKING

import numpy as np

from zonalflow.common.errors import GridError, RasterError
from zonalflow.common.files import sha256
from zonalflow.common.text import count_of
from zonalflow.geometry.box import window_in
from zonalflow.geometry.grid import Grid, Window
from zonalflow.rasters.arrays import open_array
from zonalflow.rasters.containers import is_array
from zonalflow.rasters.nodata import has_mask, is_missing
from zonalflow.rasters.read import TimeStep, open_raster, raster_grid, read_window

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

Weights = str | dict[str, str]  # as configured: "none", "area", or {"path": the raster of weights}


def weights_key(weights: Weights) -> str | None:
    """Return what stands for the configured weights in the name of an index: None, ``area``, or a file's checksum."""
    if isinstance(weights, dict):
        return sha256(weights["path"])
    return None if weights == "none" else weights


def load_weights(weights: Weights, grid: Grid, crs: str | None = None) -> str | np.ndarray | None:
    """Return the configured weights as :func:`zonalflow.index.build.build_index` takes them.

    A weight raster must lie on ``grid``, or on a larger grid with the same cells, such as the whole grid of which a box
    was cut. Its nodata cells, and NaN, weigh nothing.

    Args:
        weights: as configured.
        grid: the cells to weigh.
        crs: the CRS of a file that has none.

    Returns:
        None, ``area``, or a weight for each cell, float64 of the grid's shape, NaN where the file has no data.

    Raises:
        GridError: when the file's cells are not the grid's; the message shows both grids.
        RasterError: for a file that cannot be read, has several bands, or holds a negative or infinite weight.
    """
    if not isinstance(weights, dict):
        return weights_key(weights)
    path = weights["path"]
    values, nodata_value = (_read_array if is_array(path) else _read_raster)(path, grid, crs)
    missing = is_missing(values, nodata_value)
    values = np.where(missing, np.nan, values.astype(np.float64))
    bad = ~missing & ~(np.isfinite(values) & (values >= 0))
    if bad.any():
        raise RasterError(
            f"weights.path: {path} holds {count_of(int(bad.sum()), 'negative or infinite weight')}, such as "
            f"{values[bad][0]:g}; if that value means no data, declare it in the file"
        )
    return values


def check_weights(path: str, grid: Grid, crs: str | None = None) -> None:
    """Raise GridError or RasterError, as :func:`load_weights`, for what the head of a file of weights tells."""
    if is_array(path):
        with open_array(path, None) as array:
            _window(path, array.grid(None if array.own_crs() else crs), grid)
        return
    with open_raster(path) as dataset:
        _check_one_band(dataset, path)
        _window(path, raster_grid(dataset, None if dataset.crs else crs), grid)


def _check_one_band(dataset: "DatasetReader", path: str) -> None:
    if dataset.count != 1:
        names = ", ".join(text or "no name" for text in dataset.descriptions[:12])
        raise RasterError(
            f"weights.path: {path} has {count_of(dataset.count, 'band')} ({names}), but a raster of weights has one; "
            "write the one that is meant to a file of its own (gdal_translate -b 1)"
        )


def _read_raster(path: str, grid: Grid, crs: str | None) -> tuple[np.ndarray, float | None]:
    with open_raster(path) as dataset:
        _check_one_band(dataset, path)
        window = _window(path, raster_grid(dataset, None if dataset.crs else crs), grid)
        nodata = "none" if dataset.nodata is None and not has_mask(dataset, 1) else None
        return read_window(dataset, TimeStep("weights", path), window, nodata)


def _read_array(path: str, grid: Grid, crs: str | None) -> tuple[np.ndarray, float | None]:
    with open_array(path, None) as array:
        if array.time_dimension is not None and array.variable.sizes[array.time_dimension] > 1:
            raise RasterError(f"weights.path: {path} has several time steps, but weights have one; write it to a file")
        window = _window(path, array.grid(None if array.own_crs() else crs), grid)
        return array.read(1, window, "weights", None if array.packing.is_declared else "none")


def _window(path: str, file_grid: Grid, grid: Grid) -> Window:
    """Return the rows and columns of the file of weights that are the cells to weigh."""
    window = window_in(file_grid, grid)
    if window is None:
        raise GridError(
            f"weights.path: {path} does not have the cells of the rasters that it is to weigh.\n"
            f"  the weights: {file_grid.describe()}\n  the rasters: {grid.describe()}\n"
            "Resample it to the rasters' grid, summing the counts (gdalwarp -r sum)"
        )
    return window
