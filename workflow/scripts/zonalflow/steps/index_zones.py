"""Step index_zones: which cells belong to each zone, once for all years and runs on the same grid."""

from dataclasses import dataclass

from zonalflow.common.files import read_json, write_sealed_json
from zonalflow.geometry.grid import Grid
from zonalflow.index.cache import INDEX_CACHE, Counting, ensure_index
from zonalflow.index.grids import read_geometry
from zonalflow.run.rule import Log


@dataclass(frozen=True)
class Inputs:
    """Paths of the prepared zones, of the report on them, and of the study's grid."""

    zones: str
    report: str
    grid: str


def index_zones(inputs: Inputs, pointer: str, counting: Counting, log: Log) -> None:
    """Make sure that the zones' index is in the shared cache, and write to `pointer` (JSON) which one it is."""
    grid = Grid.from_dict(read_json(inputs.grid, sealed=True)["grid"])
    digest = read_json(inputs.report, sealed=True)["digest"]
    key, index = ensure_index(lambda: read_geometry(inputs.zones), grid, digest, counting, log)
    write_sealed_json(pointer, {"key": key, "folder": str(INDEX_CACHE / key), "zones": index.n_zones})
