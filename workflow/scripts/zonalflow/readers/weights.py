"""What a cell weighs besides the share of it that a zone covers: nothing, its area, or a raster such as population."""

import hashlib
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
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
from zonalflow.rasters.read import TimeStep, open_raster
from zonalflow.readers.arrays import ArraySource
from zonalflow.readers.files import FileSource
from zonalflow.readers.source import RasterSource

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

Weights = str | dict[str, str]  # as configured: "none", "area", or {"path": the raster of weights}
_STRIP = 1 << 21  # cells that are read together


def weights_key(weights: Weights) -> str | None:
    """Return what stands for the configured weights in the name of an index: None, ``area``, or a file's checksum."""
    if isinstance(weights, dict):
        path = Path(weights["path"])
        if path.is_dir():  # a Zarr store
            files = sorted(file for file in path.rglob("*") if file.is_file())
            text = "".join(f"{file.relative_to(path)}\0{sha256(file)}\n" for file in files)
            return hashlib.sha256(text.encode()).hexdigest()
        return sha256(path)
    return None if weights == "none" else weights


def weight_strips(
    path: str, grid: Grid, crs: str | None = None, window: Window | None = None
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the weights of a grid's cells, some rows after the other.

    A weight raster must lie on ``grid``, or on a larger grid with the same cells, such as the whole grid of which a box
    was cut. Its nodata cells, and NaN, weigh nothing.

    Args:
        path: the raster of weights.
        grid: the cells to weigh.
        crs: the CRS of a file that has none.
        window: the rows and columns of the grid that are wanted; by default all.

    Yields:
        Which rows of the window, and their weights [rows, columns], float64, NaN where the file has no data.

    Raises:
        GridError: when the file's cells are not the grid's; the message shows both grids.
        RasterError: for a file that cannot be read, has several bands, or (after the last strip) holds a negative or
            infinite weight.
    """
    row0, row1, col0, col1 = window or (0, grid.height, 0, grid.width)
    with _open(path, crs) as source:
        row, _, column, _ = _window(path, source.grid, grid)
        step = max(1, _STRIP // (col1 - col0) // source.block.rows) * source.block.rows
        edges = sorted({row0, row1, *range(row0 - (row + row0) % step + step, row1, step)})
        bad, example = 0, 0.0
        for first, stop in itertools.pairwise(edges):
            (stored,) = source.read([0], (row + first, row + stop), (column + col0, column + col1))
            values, nodata_value = stored.decode(stored.values, stored.mask)
            missing = is_missing(values, nodata_value)
            weights = np.where(missing, np.nan, values.astype(np.float64))
            wrong = ~missing & ~(np.isfinite(weights) & (weights >= 0))
            if not bad and wrong.any():
                example = weights[wrong][0]
            bad += int(wrong.sum())
            yield slice(first - row0, stop - row0), weights
    if bad:
        raise RasterError(
            f"weights.path: {path} holds {count_of(bad, 'negative or infinite weight')}, such as "
            f"{example:g}; if that value means no data, declare it in the file"
        )


def check_weights(path: str, grid: Grid, crs: str | None = None) -> None:
    """Raise GridError or RasterError, as :func:`weight_strips`, for what the head of a file of weights tells."""
    with _open(path, crs) as source:
        _window(path, source.grid, grid)


@contextmanager
def _open(path: str, crs: str | None) -> Iterator[RasterSource]:
    """Open the only band, or variable, of a raster of weights."""
    if is_array(path):
        with open_array(path, None) as array:
            if array.time_dimension is not None and array.variable.sizes[array.time_dimension] > 1:
                raise RasterError(
                    f"weights.path: {path} has several time steps, but weights have one; write it to a file"
                )
            nodata = None if array.packing.is_declared else "none"
            yield ArraySource(array, [TimeStep("weights", path)], None if array.own_crs() else crs, nodata)
        return
    with open_raster(path) as dataset:
        _check_one_band(dataset, path)
        nodata = "none" if dataset.nodata is None and not has_mask(dataset, 1) else None
        yield FileSource(dataset, [TimeStep("weights", path)], None if dataset.crs else crs, nodata)


def _check_one_band(dataset: "DatasetReader", path: str) -> None:
    if dataset.count != 1:
        names = ", ".join(text or "no name" for text in dataset.descriptions[:12])
        raise RasterError(
            f"weights.path: {path} has {count_of(dataset.count, 'band')} ({names}), but a raster of weights has one; "
            "write the one that is meant to a file of its own (gdal_translate -b 1)"
        )


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
