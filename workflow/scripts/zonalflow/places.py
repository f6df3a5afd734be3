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

from zonalflow.atomic import write_json
from zonalflow.boxes import box_window
from zonalflow.errors import GridError
from zonalflow.grid import Grid, Window
from zonalflow.index import ZoneIndex
from zonalflow.store import DamagedIndexError, index_key, load_index, save_index
from zonalflow.weights import load_weights, weights_key

INDEX_CACHE = Path("resources/index")
STUDY = "study"  # the name of the study's own grid


@dataclass(frozen=True)
class Place:
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


def place_finder(study: Place, elsewhere: Callable[[Grid], Place] | None = None) -> Callable:
    """Return a function of a raster's whole grid and its slice that says where the raster meets the zones.

    ``elsewhere`` makes a place of a grid that is not the study's; without it such a raster is a GridError that names
    the file, the date and both grids.
    """
    known = [study]

    def find(found: Grid, piece) -> Place:
        for place in known:
            if place.file_grid.matches(found):
                return place
        if elsewhere is None:
            raise GridError(
                f"{piece.path} ({piece.date}) is not on the study's grid.\n  the file:  {found.describe()}\n"
                f"  the study: {study.file_grid.describe()}\n"
                "Resample it, leave its year out, or set raster.on_grid_change: reindex"
            )
        known.append(elsewhere(found))
        return known[-1]

    return find


def place_elsewhere(
    file_grid: Grid, *, folder: Path, ids: list[str], zones_digest: str, files: list[str], zones: dict, bbox,
    method: str, weights, crs, say: Callable,
) -> Place:  # fmt: skip
    """Return the place of a study's zones on another grid, made once and recorded in ``folder``.

    Args:
        file_grid: the whole grid of the rasters there.
        ids, zones_digest: the study's zones, in its order, and the digest that names them.
        files, zones: where the zones are, and the configuration's ``zones``.
        bbox, method, weights, crs: as configured.
        say: writes a line of the log.
    """
    what = [file_grid.to_dict(), bbox, zones_digest, zones["keep"], method, weights_key(weights)]
    name = hashlib.sha256(json.dumps(what).encode()).hexdigest()[:8]
    row0, row1, col0, col1 = box_window(file_grid, bbox)
    grid = file_grid.window(row0, row1, col0, col1)
    record = folder / f"{name}.json"
    if record.exists():
        known = json.loads(record.read_text(encoding="utf-8"))
        index = cached_index(Path(known["index"]), say)
        if index is not None:
            return Place(file_grid, (row0, col0), index, np.array(known["inside_fraction"]), name)
    from zonalflow.zones import place_zones, read_zones, zone_options  # brings geopandas

    say(f"another grid, {name}: {file_grid.describe()}")
    frame = read_zones(files, **zone_options(zones)).set_index(zones["id"], drop=False).loc[ids]
    placed = place_zones(frame, grid)
    geometry = placed.inside if zones["keep"] == "clipped" else placed.whole
    key, index = ensure_index(lambda: geometry, grid, f"{zones_digest} on {name}", method, weights, say, crs=crs)
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
    return Place(file_grid, (row0, col0), index, placed.fraction, name)


def ensure_index(
    geometry: Callable[[], np.ndarray], grid: Grid, zones_digest: str, method: str, weights, say: Callable, *, crs=None
) -> tuple[str, ZoneIndex]:
    """Return the key and the index of zones on a grid, from the shared cache if it is there and whole.

    A missing or damaged index is built again and put into the cache; ``geometry`` is called only then.
    """
    key = index_key(grid, zones_digest, method, weights_key(weights))
    folder = INDEX_CACHE / key
    index = cached_index(folder, say)
    if index is None:
        from zonalflow.build import build_index  # brings shapely, which a year's job does without

        shapes = geometry()
        say(f"building the index of {len(shapes)} zones on {grid.describe()}")
        values = load_weights(weights, grid, crs)
        save_index(build_index(shapes, grid, method, weights=values, zones_digest=zones_digest), folder)
        index = load_index(folder)
    return key, index


def cached_index(folder: Path, say: Callable) -> ZoneIndex | None:
    """Return the index in ``folder``, or None when it is missing or damaged."""
    if not folder.exists():
        return None
    try:
        return load_index(folder)
    except DamagedIndexError as error:
        say(f"{error}: building it again")
        return None
