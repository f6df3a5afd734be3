"""Step zonal_stats: one variable and year, from its rasters to its table and vector files. A cluster job each.

A job's time must go to its rasters, so this imports neither geopandas nor a table library unless a vector format asks
for one.
"""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from zonalflow.common.columns import CLASS, CODES, INSIDE, SHARE, column_order, label
from zonalflow.common.errors import RasterError
from zonalflow.common.files import read_json, record_checksums
from zonalflow.common.formats import VECTOR_SUFFIXES
from zonalflow.common.memory import keep_freed_memory
from zonalflow.common.text import count_of, few
from zonalflow.index.cache import Counting
from zonalflow.index.grids import STUDY, IndexedGrid, StudyZones, grid_finder, index_other_grid, indexed_study_grid
from zonalflow.kernels.choice import kernels_for
from zonalflow.rasters.classes import class_colours, class_names
from zonalflow.readers.opening import open_sources
from zonalflow.readers.source import RasterSource
from zonalflow.run.rule import Log
from zonalflow.stats.parts import read_parts
from zonalflow.stats.reduce import reduce_parts
from zonalflow.stats.threads import is_large, read_ahead, workers
from zonalflow.tables.year_table import YearTable, absent_class, save_year, units_of
from zonalflow.timeline.time_steps import year_steps
from zonalflow.timeline.units import unit_of_steps
from zonalflow.vectors.columns import field_names, sources_of_columns, year_columns
from zonalflow.vectors.formats import write_vector
from zonalflow.vectors.shapefile import write_shapefile


@dataclass(frozen=True)
class Inputs:
    """Paths of the inputs.

    Attributes:
        rasters: the year's receipt, or the user's own files.
        zones, report, grid, index: what the steps prepare_zones and index_zones wrote.
        template: the zones' shapefile without statistics; empty when none is asked for.
    """

    rasters: list[str]
    zones: str
    report: str
    grid: str
    index: str
    template: list[str]


@dataclass(frozen=True)
class Outputs:
    """The year's table, its vector files (all parts of all formats), and the checksums of both."""

    table: str
    vectors: list[str]
    checksums: str


@dataclass(frozen=True)
class Params:
    """What is computed, as configured.

    Attributes:
        variable, year: which.
        raster: the keys of ``raster`` on which the numbers depend.
        stats, method, min_coverage, weights: as configured.
        zone_files: the zones as they came, needed for rasters on other grids than the study's.
        zone_options, bbox: as configured, when rasters may lie on other grids; else None.
        comments: ``id`` and ``units``, as configured, for the columns' meanings in a GeoPackage; None without one.
    """

    variable: str
    year: str
    raster: dict[str, Any]
    stats: list[str]
    method: str
    min_coverage: float
    weights: str | dict[str, str]
    zone_files: list[str]
    zone_options: dict[str, Any] | None
    bbox: list[float] | None
    comments: dict[str, Any] | None = None


def zonal_stats(inputs: Inputs, outputs: Outputs, params: Params, log: Log) -> None:
    """Compute one variable and year, and write its table, vector files and their checksums; each is whole or absent."""
    keep_freed_memory()
    preparation, raster = read_json(inputs.report, sealed=True), params.raster
    counting = Counting(params.method, params.weights, raster["crs"], params.min_coverage)
    study = indexed_study_grid(
        read_json(inputs.grid, sealed=True),
        preparation,
        read_json(inputs.index, sealed=True),
        inputs.zones,
        counting,
        log,
    )
    index_other = None
    if params.zone_options is not None:
        zones = StudyZones(inputs.zones, preparation["digest"], params.zone_files, params.zone_options, params.bbox)
        index_other = partial(index_other_grid, zones=zones, counting=counting, log=log)
    of_year = year_steps(raster, inputs.rasters, params.variable, int(params.year))
    time_steps = of_year.steps
    if of_year.missing:
        log(f"{count_of(len(of_year.missing), 'date')} without data, left out: {few(of_year.missing, 12)}")
    first = time_steps[0]
    classes, from_geocdl = bool({"categorical", *CODES} & {*params.stats}), raster["source"] == "geocdl"
    names = class_names(first.path, first.layer, from_geocdl=from_geocdl) if classes else {}
    colours = class_colours(first.path, first.layer) if classes else {}
    find_grid = grid_finder(study, index_other)
    sources = open_sources(time_steps, find_grid, crs=raster["crs"], nodata=raster["nodata"], log=log)
    cells = len(time_steps) * int(study.index.members.sum())
    table = compute_year(sources, params.stats, names, cells)
    unit = unit_of_steps(time_steps) if raster["source"] == "local" else ""
    table = replace(table, colours=_by_label(colours, table), missing=of_year.missing, unit=unit)
    empty = int((table.columns["count"] == 0).sum())
    log(
        f"{params.variable} {params.year}: {count_of(len(time_steps), 'raster')}, "
        f"{count_of(len(study.inside), 'zone')}; {count_of(empty, 'pair')} of zone and date without data"
    )
    if table.other_grids:
        log(f"on other grids than the study's: {', '.join(sorted(table.other_grids))}")
    fields = field_names(table, set(preparation["fields"].values()))
    write_vectors(inputs, outputs, year_columns(table, study.inside), fields, meanings_of(table, params))
    save_year(Path(outputs.table), table)
    record_checksums(outputs.checksums, [outputs.table, *outputs.vectors])


def meanings_of(table: YearTable, params: Params) -> dict[str, dict[str, str]]:
    """Return what the columns of the year's vector files mean; nothing where no file takes it."""
    if params.comments is None:
        return {}
    from zonalflow.report.explain import year_meanings

    units = units_of([(params.variable, int(params.year), table)], params.comments["units"])
    config = {
        "zones": {"id": params.comments["id"]},
        "raster": {"variables": [params.variable], "units": units},
        "method": params.method,
        "stats": params.stats,
    }
    return year_meanings(sources_of_columns(table), config)


def write_vectors(
    inputs: Inputs,
    outputs: Outputs,
    columns: dict[str, np.ndarray],
    fields: dict[str, str],
    meanings: dict[str, dict[str, str]] | None = None,
) -> None:
    """Write the year's vector files: `columns` [n_zones] each, named by `fields` in a shapefile."""
    paths = {Path(path).suffix: Path(path) for path in outputs.vectors}
    if ".shp" in paths:
        write_shapefile(paths[".shp"].with_suffix(""), Path(inputs.template[0]).with_suffix(""), columns, fields)
    others = {kind: suffixes[0] for kind, suffixes in VECTOR_SUFFIXES.items() if kind != "shp" and suffixes[0] in paths}
    if others:
        import geopandas

        frame = geopandas.read_parquet(inputs.zones)
        for kind, suffix in others.items():
            write_vector(paths[suffix], kind, frame, columns, meanings)


def compute_year(
    sources: Iterable[tuple[RasterSource, IndexedGrid]],
    stats: list[str],
    class_names: dict[int, str] | None = None,
    cells: int = 0,
) -> YearTable:
    """Reduce each time step over the zones, strip by strip.

    Args:
        sources: the files of the year, and where each meets the zones, from
            :func:`zonalflow.readers.opening.open_sources`.
        stats: names of statistics; ``categorical`` gives the columns ``class_<value>`` (cells) and ``share_<value>``
            (of the zone's cells that hold data).
        class_names: value to name of a categorical raster's classes.
        cells: about how many are reduced in all; if they are many, they are read and reduced concurrently, and
            compiled loops are loaded.

    Raises:
        RasterError: when there is no time step.
    """
    dates, rows, grids = [], [], []
    parts = read_parts(sources, stats)
    with closing(read_ahead(parts) if is_large(cells) else parts) as read:  # files are closed however this ends
        for part, results in reduce_parts(read, stats, workers(cells), kernels_for(cells)):
            dates += part.dates
            grids += [part.where] * len(part.dates)
            rows += [_one_number_each(result) for result in results]
    if not rows:
        raise RasterError("the year has no raster")
    names = column_order(stats, {name for row in rows for name in row})
    columns = {name: np.stack([row.get(name, absent_class(name, row["count"])) for row in rows]) for name in names}
    table = YearTable(dates, columns)
    table = replace(table, classes=_by_label(class_names or {}, table))
    if {grid.name for grid in grids} == {STUDY}:
        return table
    columns[INSIDE] = np.stack([grid.inside for grid in grids])
    others = {grid.name: grid.description for grid in grids if grid.name != STUDY}
    return replace(table, grids=[grid.name for grid in grids], other_grids=others)


def _by_label(of_value: dict[int, str], table: YearTable) -> dict[str, str]:
    """Return the classes that the table has, in names of columns or as values, to what ``of_value`` gives for each."""
    found = {name.removeprefix(CLASS) for name in table.columns if name.startswith(CLASS)}
    for name in {*CODES} & table.columns.keys():  # numpy's `unique` imports as much as a small job reduces
        codes = np.unique(table.columns[name])
        found |= {label(code) for code in codes[np.isfinite(codes)].tolist()}
    return {label(value): text for value, text in of_value.items() if label(value) in found}


def _one_number_each(result: dict[str, Any]) -> dict[str, np.ndarray]:
    """Return statistics as columns: ``categorical`` as two for each class."""
    classes = result.pop("categorical", None)
    if classes is None:
        return result
    with np.errstate(invalid="ignore", divide="ignore"):
        for value, cells in classes.items():
            result[f"{CLASS}{label(value)}"] = cells
            result[f"{SHARE}{label(value)}"] = cells / result["count"]
    return result
