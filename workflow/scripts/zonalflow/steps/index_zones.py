"""Step index_zones: which cells belong to each zone, once for all years and runs on the same grid."""

from collections.abc import Callable

from zonalflow.common.files import write_json
from zonalflow.geometry.grid import Grid
from zonalflow.index.cache import INDEX_CACHE, ensure_index
from zonalflow.index.grids import read_geometry


def index_zones(
    zones_path: str, study_grid: dict, digest: str, method: str, weights, pointer: str, log: Callable, *, crs=None
) -> None:
    """Make sure that the zones' index is in the cache, and write to ``pointer`` which one it is."""
    grid = Grid.from_dict(study_grid["grid"])
    key, index = ensure_index(lambda: read_geometry(zones_path), grid, digest, method, weights, log, crs=crs)
    write_json(pointer, {"key": key, "folder": str(INDEX_CACHE / key), "zones": index.n_zones})
