"""One year of one variable, from its rasters to its table and vector files: what a cluster job does.

A job's time must go to its rasters, so this imports neither geopandas nor a table library unless a vector format asks
for one.
"""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from zonalflow.atomic import write_json
from zonalflow.classes import class_names
from zonalflow.formats import VECTOR_SUFFIXES
from zonalflow.grid import Grid
from zonalflow.parallel import in_advance, workers
from zonalflow.places import INDEX_CACHE, Place, cached_index, ensure_index, place_elsewhere, place_finder
from zonalflow.slices import local_slices, read_slices, receipt_slices
from zonalflow.tables import compute_year, save_year
from zonalflow.vectors import field_names, write_shapefile, write_vector, year_columns


def year_slices(raster: dict, inputs: list[str], variable: str, year: int) -> list:
    """Return the slices of a year: those of its receipt, or of the user's files."""
    if raster["source"] == "local":
        return local_slices(raster["path"], variable, year, raster["grain"])
    return receipt_slices(Path(inputs[0]))


def index_zones(
    zones_path: str, study_grid: dict, digest: str, method: str, weights, pointer: str, say: Callable, *, crs=None
) -> None:
    """Make sure that the zones' index is in the cache, and write to ``pointer`` which one it is."""
    grid = Grid.from_dict(study_grid["grid"])
    key, index = ensure_index(lambda: _geometry(zones_path), grid, digest, method, weights, say, crs=crs)
    write_json(pointer, {"key": key, "folder": str(INDEX_CACHE / key), "zones": index.n_zones})


def study_place(
    study_grid: dict,
    preparation: dict,
    pointer: dict,
    zones_path: str,
    method: str,
    weights,
    say: Callable,
    *,
    crs=None,
) -> Place:
    """Return the place of the study's zones on its grid; an index that was lost or damaged is built again."""
    grid = Grid.from_dict(study_grid["grid"])
    index = cached_index(Path(pointer["folder"]), say)
    if index is None:
        digest = preparation["digest"]
        _, index = ensure_index(lambda: _geometry(zones_path), grid, digest, method, weights, say, crs=crs)
    inside = np.array(preparation["inside_fraction"])
    return Place(Grid.from_dict(study_grid["file_grid"]), tuple(study_grid["origin"]), index, inside)


def _geometry(zones_path: str) -> np.ndarray:
    import geopandas  # only to build an index

    return geopandas.read_parquet(zones_path, columns=["geometry"]).geometry.to_numpy()


def run_year(
    *, variable: str, year: int, rasters: list[str], zones: str, report: str, grid: str, index: str, table: str,
    stem: str, template: str, raster: dict, stats: list[str], formats: list[str], method: str, weights,
    elsewhere: dict | None, say: Callable,
) -> None:  # fmt: skip
    """Compute one variable and year, and write its table and vector files; each is whole or absent.

    Args:
        variable, year: which.
        rasters: its receipt, or its files.
        zones, report, grid, index: paths of the prepared zones, of the report on them, of the study's grid, and of what
            says which index it uses.
        table, stem, template: the table to write, the vector files without suffix, and the zones' shapefile.
        raster, stats, formats, method, weights: as configured.
        elsewhere: what :func:`zonalflow.places.place_elsewhere` needs of the configuration (``files``, ``zones``,
            ``bbox``, ``folder``) when rasters may lie on other grids, else None.
        say: writes a line of the log.
    """
    preparation, crs = read_json(report), raster["crs"]
    study = study_place(read_json(grid), preparation, read_json(index), zones, method, weights, say, crs=crs)

    def another(found: Grid) -> Place:
        return place_elsewhere(
            found, folder=Path(elsewhere["folder"]), ids=_ids(zones, elsewhere["zones"]["id"]),
            zones_digest=preparation["digest"], files=elsewhere["files"], zones=elsewhere["zones"],
            bbox=elsewhere["bbox"], method=method, weights=weights, crs=crs, say=say,
        )  # fmt: skip

    slices = year_slices(raster, rasters, variable, year)
    find = place_finder(study, another if elsewhere else None)
    names = class_names(slices[0].path, slices[0].layer) if "categorical" in stats else {}
    read = read_slices(slices, find, crs=crs, nodata=raster["nodata"])
    size = len(slices), math.prod(study.index.shape)
    numbers = compute_year(in_advance(read, *size), stats, names, workers(*size))
    empty = int((numbers.columns["count"] == 0).sum())
    say(f"{variable} {year}: {len(slices)} rasters, {len(study.inside)} zones, {empty} zone dates without data")
    if numbers.grids:
        say(f"on other grids than the study's: {', '.join(sorted(set(numbers.grids) - {'study'}))}")
    fields = field_names(numbers, set(preparation["fields"].values()))
    _write_vectors(year_columns(numbers, study.inside), fields, stem, formats, zones, template)
    save_year(Path(table), numbers)


def _ids(zones_path: str, id_column: str) -> list[str]:
    import pyarrow.parquet  # only for a raster on another grid

    return pyarrow.parquet.read_table(zones_path, columns=[id_column])[id_column].to_pylist()


def _write_vectors(
    columns: dict[str, np.ndarray], fields: dict[str, str], stem: str, formats: list[str], zones: str, template: str
) -> None:
    if "shp" in formats:
        write_shapefile(Path(stem), Path(template), columns, fields)
    others = [kind for kind in VECTOR_SUFFIXES if kind in formats and kind != "shp"]
    if others:
        import geopandas

        frame = geopandas.read_parquet(zones)
        for kind in others:
            write_vector(Path(stem + VECTOR_SUFFIXES[kind][0]), kind, frame, columns)


def read_json(path: str) -> dict:
    """Return the JSON object in ``path``."""
    return json.loads(Path(path).read_text(encoding="utf-8"))
