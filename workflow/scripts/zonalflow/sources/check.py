"""Checking that a fetched raster is complete and holds data.

Every block is decoded, since a GeoTIFF that was cut short opens without an error and fails only where it was cut.
"""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from zonalflow.common.errors import FetchError, GridError, PermanentFetchError
from zonalflow.geometry.grid import Grid, grid_of

Expectation = Callable[[Path, Grid], None]  # raises FetchError for a raster on another grid than was asked for


def check_raster(path: Path, expect: Expectation = lambda path, grid: None) -> tuple[Grid, int]:
    """Read all of a GeoTIFF's first band; return its grid and how many cells hold data.

    `expect` is called before any cell is read.

    Raises:
        FetchError: when it does not open, is cut short, or has no CRS or geotransform.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError, RasterioIOError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", NotGeoreferencedWarning)
            # GDAL opens a file by its content: one called .tif may be a VRT or MRF that reads, or writes, elsewhere
            with rasterio.open(path, driver="GTiff") as dataset:
                if dataset.crs is None:
                    raise FetchError(f"{path.name} has no coordinate reference system")
                grid = grid_of(dataset)
                expect(path, grid)
                with_data = 0
                for _, window in dataset.block_windows(1):
                    values = dataset.read(1, window=window, masked=True)
                    with_data += int(np.count_nonzero(np.isfinite(values.compressed())))
                return grid, with_data
    except NotGeoreferencedWarning as error:
        raise FetchError(f"{path.name} has no geotransform") from error
    except GridError as error:
        raise FetchError(str(error)) from error
    except (RasterioIOError, RasterioError) as error:
        raise FetchError(f"{path.name} cannot be read as a raster: cut short or damaged ({error})") from error


def check_rasters(paths: list[Path], empty_hint: str | None, expect: Expectation = lambda path, grid: None) -> None:
    """Check that each raster is complete and holds data, and that all have the same grid.

    `expect` checks the grid of each; with `empty_hint` None a raster may be without data.

    Raises:
        FetchError: for a damaged raster, or one on another grid.
        PermanentFetchError: for a raster without data; the message ends in `empty_hint`.
    """
    first: Grid | None = None
    for path in paths:
        grid, with_data = check_raster(path, expect)
        first = first or grid
        if not grid.matches(first):
            raise FetchError(
                f"{path.name} lies on another grid ({grid.describe()}) than {paths[0].name} ({first.describe()})"
            )
        if with_data == 0 and empty_hint is not None:
            raise PermanentFetchError(f"{path.name} holds no data: {empty_hint}")
