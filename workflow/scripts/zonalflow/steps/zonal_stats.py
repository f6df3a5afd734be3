"""One year of one variable, from its rasters to its table and vector files: what a cluster job does.

A job's time must go to its rasters, so this imports neither geopandas nor a table library unless a vector format asks
for one.
"""

import math
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from zonalflow.common.columns import CLASS, INSIDE, SHARE, column_order, label
from zonalflow.common.errors import RasterError
from zonalflow.common.files import read_json
from zonalflow.common.formats import VECTOR_SUFFIXES
from zonalflow.geometry.grid import Grid
from zonalflow.index.grids import IndexedGrid, grid_finder, index_other_grid, indexed_study_grid
from zonalflow.rasters.classes import class_names
from zonalflow.rasters.read import read_time_steps
from zonalflow.rasters.time_steps import time_steps_of_year
from zonalflow.stats.statistics import zonal_statistics
from zonalflow.stats.threads import in_advance, workers
from zonalflow.tables.year_table import YearTable, absent_class, save_year
from zonalflow.vectors.columns import field_names, year_columns
from zonalflow.vectors.formats import write_vector
from zonalflow.vectors.shapefile import write_shapefile


def run_year(
    *, variable: str, year: int, rasters: list[str], zones: str, report: str, grid: str, index: str, table: str,
    stem: str, template: str, raster: dict, stats: list[str], formats: list[str], method: str, weights,
    elsewhere: dict | None, log: Callable,
) -> None:  # fmt: skip
    """Compute one variable and year, and write its table and vector files; each is whole or absent.

    Args:
        variable, year: which.
        rasters: its receipt, or its files.
        zones, report, grid, index: paths of the prepared zones, of the report on them, of the study's grid, and of what
            says which index it uses.
        table, stem, template: the table to write, the vector files without suffix, and the zones' shapefile.
        raster, stats, formats, method, weights: as configured.
        elsewhere: what :func:`zonalflow.index.grids.index_other_grid` needs of the configuration (``files``, ``zones``,
            ``bbox``, ``folder``) when rasters may lie on other grids, else None.
        log: writes a line of the log.
    """
    preparation, crs = read_json(report), raster["crs"]
    study = indexed_study_grid(read_json(grid), preparation, read_json(index), zones, method, weights, log, crs=crs)

    def another(found: Grid) -> IndexedGrid:
        return index_other_grid(
            found, folder=Path(elsewhere["folder"]), ids=_ids(zones, elsewhere["zones"]["id"]),
            zones_digest=preparation["digest"], files=elsewhere["files"], zones=elsewhere["zones"],
            bbox=elsewhere["bbox"], method=method, weights=weights, crs=crs, log=log,
        )  # fmt: skip

    steps = time_steps_of_year(raster, rasters, variable, year)
    find = grid_finder(study, another if elsewhere else None)
    names = class_names(steps[0].path, steps[0].layer) if "categorical" in stats else {}
    read = read_time_steps(steps, find, crs=crs, nodata=raster["nodata"])
    size = len(steps), math.prod(study.index.shape)
    numbers = compute_year(in_advance(read, *size), stats, names, workers(*size))
    empty = int((numbers.columns["count"] == 0).sum())
    log(f"{variable} {year}: {len(steps)} rasters, {len(study.inside)} zones, {empty} zone dates without data")
    if numbers.grids:
        log(f"on other grids than the study's: {', '.join(sorted(set(numbers.grids) - {'study'}))}")
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


def compute_year(
    steps: Iterable, stats: list[str], class_names: dict[int, str] | None = None, workers: int = 1
) -> YearTable:
    """Reduce each time step over the zones; one time step is in memory at a time.

    Args:
        steps: ``(date, values, nodata, grid)`` for each date, from :func:`zonalflow.rasters.read.read_time_steps`.
        stats: names of statistics; ``categorical`` gives the columns ``class_<value>`` (cells) and ``share_<value>``
            (of the zone's cells that hold data).
        class_names: value to name of a categorical raster's classes.
        workers: threads that share the work on a time step.
    """
    dates, rows, places = [], [], []
    for date, values, nodata, place in steps:
        dates.append(date)
        places.append(place)
        rows.append(_flatten(zonal_statistics(place.index, values, nodata, stats, workers=workers)))
    if not rows:
        raise RasterError("no steps: the year has no raster")
    names = column_order(stats, {name for row in rows for name in row})
    n_zones = places[0].index.n_zones
    columns = {name: np.stack([row.get(name, absent_class(name, row, n_zones)) for row in rows]) for name in names}
    found = {name.removeprefix(CLASS) for name in names if name.startswith(CLASS)}
    classes = {label(value): name for value, name in (class_names or {}).items() if label(value) in found}
    if all(place is places[0] for place in places) and places[0].name == "study":
        return YearTable(dates, columns, classes)
    columns[INSIDE] = np.stack([place.inside for place in places])
    return YearTable(dates, columns, classes, [place.name for place in places])


def _flatten(result: dict) -> dict[str, np.ndarray]:
    classes = result.pop("categorical", None)
    if classes is None:
        return result
    with np.errstate(invalid="ignore", divide="ignore"):
        for value, cells in classes.items():
            result[f"{CLASS}{label(value)}"] = cells
            result[f"{SHARE}{label(value)}"] = cells / result["count"]
    return result
