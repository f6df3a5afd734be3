"""The grids on which a study's rasters meet its zones.

Nearly always there is one, and a raster on another is a mistake. Where ``raster.on_grid_change`` is ``reindex``, each
further grid gets zones in its own CRS, its own index and its own ``inside_fraction``. Which zones the study has, and in
which order, is decided on the first grid alone, so that the tables of all years have the same rows.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from zonalflow.common.columns import column_of_ids
from zonalflow.common.errors import GridError
from zonalflow.common.files import read_json, write_sealed_json
from zonalflow.geometry.box import box_window
from zonalflow.geometry.grid import Grid, Window
from zonalflow.index.cache import INDEX_CACHE, Counting, cached_index, ensure_index
from zonalflow.index.zone_index import ZoneIndex
from zonalflow.rasters.read import TimeStep
from zonalflow.readers.weights import weights_key

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
        description: of another grid, for the manifest.
    """

    file_grid: Grid
    origin: tuple[int, int]
    index: ZoneIndex
    inside: np.ndarray
    name: str = STUDY
    description: dict[str, Any] = field(default_factory=dict)

    @property
    def raster_window(self) -> Window:
        """The index's window, counted on the rasters' whole grid."""
        row, column = self.origin
        row0, row1, col0, col1 = self.index.window
        return row0 + row, row1 + row, col0 + column, col1 + column


@dataclass(frozen=True)
class StudyZones:
    """A study's zones, for bringing them to another grid.

    Attributes:
        prepared: the prepared zones (GeoParquet), whose rows say which zones the study has, in which order.
        digest: names the prepared zones.
        files: the zones as they came.
        options: ``zones`` as configured.
        bbox: west, south, east, north in degrees, or None, as configured.
    """

    prepared: str
    digest: str
    files: list[str]
    options: dict[str, Any]
    bbox: list[float] | None


def grid_finder(
    study: IndexedGrid, index_other: Callable[[Grid], IndexedGrid] | None = None
) -> Callable[[Grid, TimeStep], IndexedGrid]:
    """Return a function of a raster's whole grid and its time step that finds the indexed grid it lies on.

    `index_other` indexes a grid that is not the study's; without it such a raster is a GridError that names the file,
    the date and both grids.
    """
    known = [study]

    def find(found: Grid, step: TimeStep) -> IndexedGrid:
        for grid in known:
            if grid.file_grid.matches(found):
                return grid
        if index_other is None:
            raise GridError(
                f"{step.path} ({step.date}) is not on the study's grid.\n  the file:  {found.describe()}\n"
                f"  the study: {study.file_grid.describe()}\n"
                "Resample it, leave its year out, or set raster.on_grid_change: reindex"
            )
        known.append(index_other(found))
        return known[-1]

    return find


def index_other_grid(file_grid: Grid, zones: StudyZones, counting: Counting, log: Callable[[str], None]) -> IndexedGrid:
    """Return the study's zones on another grid, indexed once: the record of it lies in the shared cache.

    Args:
        file_grid: the whole grid of the rasters there.
        zones: the study's zones.
        counting: as configured.
        log: writes a line of the log.
    """
    keep = zones.options["keep"]
    what = [
        file_grid.to_dict(), zones.bbox, zones.digest, keep,
        counting.method, weights_key(counting.weights), counting.min_coverage,
    ]  # fmt: skip
    key = hashlib.sha256(json.dumps(what).encode()).hexdigest()[:32]
    name = key[:8]
    row0, row1, col0, col1 = box_window(file_grid, zones.bbox)
    record = INDEX_CACHE / "grids" / f"{key}.json"
    if record.exists():
        known = read_json(record, sealed=True)
        index = cached_index(Path(known["description"]["index"]), log)
        if index is not None:
            inside = np.array(known["inside_fraction"])
            return IndexedGrid(file_grid, (row0, col0), index, inside, name, known["description"])
    log(f"another grid, {name}: {file_grid.describe()}")
    grid = file_grid.window(row0, row1, col0, col1)
    geometry, inside = _zones_on(grid, zones)
    index_name, index = ensure_index(lambda: geometry, grid, f"{zones.digest} on {key}", counting, log)
    description = {
        "name": name,
        "file_grid": file_grid.to_dict(),
        "origin": [row0, col0],
        "grid": grid.to_dict(),
        "index": str(INDEX_CACHE / index_name),
    }
    write_sealed_json(record, {"description": description, "inside_fraction": inside.tolist()})
    return IndexedGrid(file_grid, (row0, col0), index, inside, name, description)


def _zones_on(grid: Grid, zones: StudyZones) -> tuple[np.ndarray, np.ndarray]:
    """Return the study's zones on a grid: polygons [n_zones], and the share of each inside the grid [n_zones]."""
    import pyarrow.parquet  # these bring geopandas, which a year's job does without

    from zonalflow.zones.on_grid import bring_to_grid
    from zonalflow.zones.read import read_zones, zone_options

    column = column_of_ids(zones.options["id"])
    ids = pyarrow.parquet.read_table(zones.prepared, columns=[column])[column].to_pylist()
    frame = read_zones(zones.files, **zone_options(zones.options)).set_index(column, drop=False).loc[ids]
    placed = bring_to_grid(frame, grid)
    return (placed.inside if zones.options["keep"] == "clipped" else placed.whole), placed.fraction


def indexed_study_grid(
    study_grid: dict[str, Any], preparation: dict[str, Any], pointer: dict[str, Any], prepared: str,
    counting: Counting, log: Callable[[str], None],
) -> IndexedGrid:  # fmt: skip
    """Return the study's zones, indexed on its grid; an index that was lost or damaged is built again.

    Args:
        study_grid, preparation, pointer: what the steps prepare_zones and index_zones wrote.
        prepared: the prepared zones (GeoParquet).
        counting: as configured.
        log: writes a line of the log.
    """
    grid = Grid.from_dict(study_grid["grid"])
    index = cached_index(Path(pointer["folder"]), log)
    if index is None:
        _, index = ensure_index(lambda: read_geometry(prepared), grid, preparation["digest"], counting, log)
    row, column = study_grid["origin"]
    inside = np.array(preparation["inside_fraction"])
    return IndexedGrid(Grid.from_dict(study_grid["file_grid"]), (row, column), index, inside)


def read_geometry(prepared: str) -> np.ndarray:
    """Return the polygons of the prepared zones [n_zones]."""
    import geopandas  # only to build an index

    geometry: np.ndarray = geopandas.read_parquet(prepared, columns=["geometry"]).geometry.to_numpy()
    return geometry
