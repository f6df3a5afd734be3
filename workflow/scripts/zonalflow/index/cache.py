"""The shared cache of zone indexes: built once, used by all years, runs and jobs."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from zonalflow.geometry.grid import Grid
from zonalflow.index.store import DamagedIndexError, index_key, load_index, save_index
from zonalflow.index.zone_index import ZoneIndex
from zonalflow.readers.weights import weight_strips, weights_key

INDEX_CACHE = Path("resources/index")


@dataclass(frozen=True)
class Counting:
    """How cells count, as configured.

    Attributes:
        method: ``center``, ``all_touched`` or ``coverage``.
        weights: ``none``, ``area``, or the ``path`` of a raster of weights.
        crs: the CRS of a raster of weights that names none.
        min_coverage: with ``coverage``, cells of which a smaller fraction is covered do not count.
    """

    method: str
    weights: str | dict[str, str] = "none"
    crs: str | None = None
    min_coverage: float = 0.0


def ensure_index(
    geometry: Callable[[], np.ndarray], grid: Grid, zones_digest: str, counting: Counting, log: Callable[[str], None]
) -> tuple[str, ZoneIndex]:
    """Return the key and the index of zones on a grid, from the shared cache if it is there and whole.

    A missing or damaged index is built again and put into the cache; `geometry`, which returns polygons in the CRS of
    `grid` [n_zones], is called only then.
    """
    least = counting.min_coverage
    weighing = weights_key(counting.weights)
    key = index_key(grid, zones_digest, counting.method, weighing, least)
    folder = INDEX_CACHE / key
    index = cached_index(folder, log)
    if index is None:
        from zonalflow.index.build import build_index  # brings shapely, which a year's job does without

        shapes = geometry()
        log(f"building the index of {len(shapes)} zones on {grid.describe()}")
        weights = None if isinstance(counting.weights, dict) else weighing
        index = build_index(
            shapes, grid, counting.method, weights=weights, zones_digest=zones_digest, min_coverage=least
        )
        strips = None
        if isinstance(counting.weights, dict):
            index = replace(index, weights=str(weighing))
            strips = weight_strips(counting.weights["path"], grid, counting.crs, index.window)
        save_index(index, folder, keep=True, weight_strips=strips)
        index = load_index(folder)
    return key, index


def cached_index(folder: Path, log: Callable[[str], None]) -> ZoneIndex | None:
    """Return the index in `folder`, or None when it is missing or damaged."""
    if not folder.exists():
        return None
    try:
        return load_index(folder)
    except DamagedIndexError as error:
        log(f"{error}: building it again")
        return None
