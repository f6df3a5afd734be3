"""Checking that a fetched raster is complete and holds data.

Every block is decoded, since a GeoTIFF that was cut short opens without an error and fails only at the missing blocks.
"""

import math
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import numpy as np

from zonalflow.common.errors import FetchError, GridError, PermanentFetchError
from zonalflow.geometry.grid import Grid, grid_of

_LARGEST_SIDECAR = 8 << 20  # bytes
_REFERENCES = ("OVERVIEW_FILE", "OVERVIEWS", "/VSI", "://", "SOURCEFILENAME", "VRTDATASET", "MASK_FILE")
_LARGEST_BLOCK = 1 << 26  # cells; a strip or tile is decoded whole
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
                if math.prod(dataset.block_shapes[0]) > _LARGEST_BLOCK:
                    raise PermanentFetchError(f"{path.name} has blocks of {dataset.block_shapes[0]} cells")
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


def check_sidecar(path: Path) -> None:
    """Raise PermanentFetchError unless a raster's .aux.xml is small, and names no other file that GDAL would open.

    GDAL reads overviews and masks from files that this one names, local or remote.
    """
    if path.stat().st_size > _LARGEST_SIDECAR:
        raise PermanentFetchError(f"{path.name} is larger than a table of classes can be")
    content = path.read_bytes()
    if b"<!" in content.replace(b"<!--", b""):
        raise PermanentFetchError(f"{path.name} defines entities, which is refused")
    try:
        root = ET.fromstring(content)
    except (ET.ParseError, ValueError, LookupError, RecursionError) as error:
        raise FetchError(f"{path.name} cannot be read as XML ({error})") from error
    if root.tag != "PAMDataset":
        raise PermanentFetchError(f"{path.name} is not what GDAL writes beside a raster")
    for element in root.iter():
        texts = [element.tag, element.text or "", *element.attrib.values()]
        if any(word in text.upper() for text in texts for word in _REFERENCES):
            raise PermanentFetchError(f"{path.name} names another file, which is refused")


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
