"""Large boxes in tiles, and the tiles joined to what one answer would have been.

The server gives up after two minutes; a request for many millions of 30 m cells takes longer. Each answer grows to the
whole cells that its box touches, so tiles whose boxes have an edge in common overlap by the cells along it, and lie on
the dataset's own grid. Where they overlap they must agree.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from zonalflow.common.errors import FetchError
from zonalflow.common.files import atomic_path
from zonalflow.geometry.box import window_in
from zonalflow.geometry.grid import Grid, Window, grid_of
from zonalflow.sources.catalogue.geocdl import Box

MOST_CELLS = 40_000_000  # of all dates of a request


def tile_boxes(box: Sequence[float], columns: int, rows: int, dates: int, most: int = MOST_CELLS) -> list[Box]:
    """Return the boxes, row by row from the north-west, whose requests have at most about `most` cells each."""
    west, south, east, north = box
    number = math.ceil(columns * rows * dates / most)
    down = min(number, math.ceil(math.sqrt(number * rows / columns)))
    across = math.ceil(number / down)
    x, y = np.linspace(west, east, across + 1).tolist(), np.linspace(north, south, down + 1).tolist()
    return [(x[i], y[j + 1], x[i + 1], y[j]) for j in range(down) for i in range(across)]


def join(tiles: Sequence[Path], target: Path) -> None:
    """Write the GeoTIFF that holds all of `tiles`, GeoTIFFs of one grid, with their values, as the server writes one.

    Raises:
        FetchError: when they do not lie on one grid, differ where they overlap, or leave a gap.
    """
    import rasterio
    from rasterio.windows import Window as Cells

    opened = [_head(tile) for tile in tiles]
    whole = _union([grid for grid, _ in opened])
    windows = [window_in(whole, grid) for grid, _ in opened]
    if not all(windows) or _has_gap(whole.shape, [window for window in windows if window]):
        raise FetchError(f"the tiles of {target.name} do not lie side by side on one grid")
    profile = {**opened[0][1], "width": whole.width, "height": whole.height, "BIGTIFF": "IF_SAFER"}
    profile["transform"] = rasterio.Affine(*whole.transform)
    placed: list[tuple[Path, Window]] = []
    with atomic_path(target) as temporary, rasterio.open(temporary, "w", **profile) as joined:
        for tile, window in zip(tiles, windows, strict=True):
            assert window is not None
            with rasterio.open(tile, driver="GTiff") as dataset:
                values = dataset.read(1)
                joined.set_band_description(1, dataset.descriptions[0] or "")
            for other, its in placed:
                _check_overlap(values, window, other, its, target.name)
            row0, row1, col0, col1 = window
            joined.write(values, 1, window=Cells.from_slices((row0, row1), (col0, col1)))
            placed.append((tile, window))


def _head(tile: Path) -> tuple[Grid, dict[str, Any]]:
    import rasterio

    with rasterio.open(tile, driver="GTiff") as dataset:
        return grid_of(dataset), dict(dataset.profile)


def _union(grids: Sequence[Grid]) -> Grid:
    """Return the grid that spans all of `grids`, with the corner of the one at its first row and column."""
    a, b, _, d, e, _ = grids[0].transform
    c = min(grid.transform[2] for grid in grids)
    f = (max if e < 0 else min)(grid.transform[5] for grid in grids)
    width = round((max(grid.bounds[2] for grid in grids) - c) / a)
    last = (min if e < 0 else max)(grid.transform[5] + e * grid.height for grid in grids)
    return replace(grids[0], transform=(a, b, c, d, e, f), width=width, height=round((last - f) / e))


def _has_gap(shape: tuple[int, int], windows: Sequence[Window]) -> bool:
    """Return whether a cell of a grid is in none of the windows; between their edges one cell stands for all."""
    rows = sorted({0, *(row for window in windows for row in window[:2])} - {shape[0]})
    columns = sorted({0, *(column for window in windows for column in window[2:])} - {shape[1]})
    return not all(
        any(w[0] <= row < w[1] and w[2] <= column < w[3] for w in windows) for row in rows for column in columns
    )


def _check_overlap(values: np.ndarray, window: Window, other: Path, its: Window, name: str) -> None:
    """Raise FetchError unless a tile has the same values as another one, bit for bit, where they overlap."""
    import rasterio
    from rasterio.windows import Window as Cells

    rows = max(window[0], its[0]), min(window[1], its[1])
    columns = max(window[2], its[2]), min(window[3], its[3])
    if rows[0] >= rows[1] or columns[0] >= columns[1]:
        return
    theirs = Cells.from_slices(*(tuple(n - its[k] for n in ends) for k, ends in ((0, rows), (2, columns))))
    mine = values[rows[0] - window[0] : rows[1] - window[0], columns[0] - window[2] : columns[1] - window[2]]
    with rasterio.open(other, driver="GTiff") as dataset:
        if dataset.read(1, window=theirs).tobytes() != mine.tobytes():
            raise FetchError(f"two tiles of {name} have different values for the same cells")
