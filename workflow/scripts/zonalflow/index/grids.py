"""Places: the grids on which a study's rasters meet its zones.

Nearly always there is one, and a raster elsewhere is a mistake. Where ``raster.on_grid_change`` is ``reindex``, each
further grid gets zones in its own CRS, its own index and its own ``inside_fraction``. Which zones the study has, and in
which order, is always the first grid's word, so that the tables of all years have the same rows.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zonalflow.common.errors import GridError
from zonalflow.common.files import write_json
from zonalflow.geometry.box import box_window
from zonalflow.geometry.grid import Grid, Window
from zonalflow.index.cache import INDEX_CACHE, cached_index, ensure_index
from zonalflow.index.zone_index import ZoneIndex
from zonalflow.rasters.weights import weights_key

STUDY = "study"  # the name of the study's own grid


@dataclass(frozen=True)
class IndexedGrid:
    """A grid on which rasters meet the zones.

    Attributes:
        file_grid: the rasters' whole grid.
        origin: row and column in it of the first cell of the index's grid, which is the part that the box touches.
        index: the zones' cells.
        inside: ``inside_fraction`` of each zone, float64 [n_zones].
        name: ``study``, or hexadecimal digits that name another grid.
    """

    file_grid: Grid
    origin: tuple[int, int]
    index: ZoneIndex
    inside: np.ndarray
    name: str = STUDY

    @property
    def raster_window(self) -> Window:
        """The index's window, counted on the rasters' whole grid."""
        row, column = self.origin
        row0, row1, col0, col1 = self.index.window
        return row0 + row, row1 + row, col0 + column, col1 + column


def grid_finder(study: IndexedGrid, elsewhere: Callable[[Grid], IndexedGrid] | None = None) -> Callable:
    """Return a function of a raster's whole grid and its time step that says where the raster meets the zones.

    ``elsewhere`` makes a place of a grid that is not the study's; without it such a raster is a GridError that names
    the file, the date and both grids.
    """
    known = [study]

    def find(found: Grid, step) -> IndexedGrid:
        for place in known:
            if place.file_grid.matches(found):
                return place
        if elsewhere is None:
            raise GridError(
                f"{step.path} ({step.date}) is not on the study's grid.\n  the file:  {found.describe()}\n"
                f"  the study: {study.file_grid.describe()}\n"
                "Resample it, leave its year out, or set raster.on_grid_change: reindex"
            )
        known.append(elsewhere(found))
        return known[-1]

    return find


def index_other_grid(
    file_grid: Grid, *, folder: Path, ids: list[str], zones_digest: str, files: list[str], zones: dict, bbox,
    method: str, weights, crs, log: Callable,
) -> IndexedGrid:  # fmt: skip
    """Return the place of a study's zones on another grid, made once and recorded in ``folder``.

    Args:
        file_grid: the whole grid of the rasters there.
        ids, zones_digest: the study's zones, in its order, and the digest that names them.
        files, zones: where the zones are, and the configuration's ``zones``.
        bbox, method, weights, crs: as configured.
        log: writes a line of the log.
    """
    what = [file_grid.to_dict(), bbox, zones_digest, zones["keep"], method, weights_key(weights)]
    name = hashlib.sha256(json.dumps(what).encode()).hexdigest()[:8]
    row0, row1, col0, col1 = box_window(file_grid, bbox)
    grid = file_grid.window(row0, row1, col0, col1)
    record = folder / f"{name}.json"
    if record.exists():
        known = json.loads(record.read_text(encoding="utf-8"))
        index = cached_index(Path(known["index"]), log)
        if index is not None:
            return IndexedGrid(file_grid, (row0, col0), index, np.array(known["inside_fraction"]), name)
    from zonalflow.zones.on_grid import bring_to_grid  # brings geopandas
    from zonalflow.zones.read import read_zones, zone_options

    log(f"another grid, {name}: {file_grid.describe()}")
    frame = read_zones(files, **zone_options(zones)).set_index(zones["id"], drop=False).loc[ids]
    placed = bring_to_grid(frame, grid)
    geometry = placed.inside if zones["keep"] == "clipped" else placed.whole
    key, index = ensure_index(lambda: geometry, grid, f"{zones_digest} on {name}", method, weights, log, crs=crs)
    write_json(
        record,
        {
            "name": name,
            "file_grid": file_grid.to_dict(),
            "origin": [row0, col0],
            "grid": grid.to_dict(),
            "index": str(INDEX_CACHE / key),
            "inside_fraction": placed.fraction.tolist(),
        },
    )
    return IndexedGrid(file_grid, (row0, col0), index, placed.fraction, name)


def indexed_study_grid(
    study_grid: dict,
    preparation: dict,
    pointer: dict,
    zones_path: str,
    method: str,
    weights,
    log: Callable,
    *,
    crs=None,
) -> IndexedGrid:
    """Return the place of the study's zones on its grid; an index that was lost or damaged is built again."""
    grid = Grid.from_dict(study_grid["grid"])
    index = cached_index(Path(pointer["folder"]), log)
    if index is None:
        digest = preparation["digest"]
        _, index = ensure_index(lambda: read_geometry(zones_path), grid, digest, method, weights, log, crs=crs)
    inside = np.array(preparation["inside_fraction"])
    return IndexedGrid(Grid.from_dict(study_grid["file_grid"]), tuple(study_grid["origin"]), index, inside)


def read_geometry(zones_path: str) -> np.ndarray:
    import geopandas  # only to build an index

    return geopandas.read_parquet(zones_path, columns=["geometry"]).geometry.to_numpy()
