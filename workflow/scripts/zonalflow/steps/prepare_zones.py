"""Step prepare_zones: the grid that a study's rasters share, the box on it, and the zones that overlap it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import shapely

from zonalflow.common.columns import INSIDE, column_of_ids
from zonalflow.common.files import atomic_path, record_checksums, write_sealed_json
from zonalflow.geometry.box import box_window
from zonalflow.geometry.grid import Grid, grid_of
from zonalflow.rasters.arrays import open_array
from zonalflow.rasters.read import TimeStep, file_grid, open_raster
from zonalflow.run.rule import Log
from zonalflow.timeline.time_steps import time_steps_of_year
from zonalflow.vectors.shapefile import check_size, table_size, write_template
from zonalflow.zones.layers import describe_choice
from zonalflow.zones.on_grid import Preparation, prepare
from zonalflow.zones.read import read_zones, zone_options

MOST_IDS = 50  # that are listed in the log


@dataclass(frozen=True)
class Inputs:
    """The rasters, or their receipt, that give the grid."""

    rasters: list[str]


@dataclass(frozen=True)
class Outputs:
    """Prepared zones (GeoParquet), report and grid (JSON), the zones' shapefile without statistics, checksums."""

    zones: str
    report: str
    grid: str
    template: list[str]
    checksums: str


@dataclass(frozen=True)
class Params:
    """The files of the zones; ``zones``, ``raster``, ``bbox`` as configured; variable and year that give the grid.

    `year_bytes` are those that a year adds to each record of a shapefile; 0 where none is asked for.
    """

    zone_files: list[str]
    zones: dict[str, Any]
    raster: dict[str, Any]
    reference: tuple[str, int]
    bbox: list[float] | None
    year_bytes: int = 0


def prepare_zones(inputs: Inputs, outputs: Outputs, params: Params, log: Log) -> None:
    """Write the study's grid, and the zones that overlap it, prepared for it."""
    described = study_grid(params, inputs.rasters)
    grid = Grid.from_dict(described["grid"])
    log(f"grid of {described['reference']['path']}: {grid.describe()}")
    if described["crs_is_assumed"]:
        log("the file names no CRS: its latitudes and longitudes are taken to be on WGS 84")
    if described["crs_of_file"]:
        log(f"raster.crs: {params.raster['crs']} is used instead of the file's own CRS, {described['crs_of_file']}")
    zones = params.zones
    if zones["source"] == "file" and zones["layer"] is None and (choice := describe_choice(zones["path"])):
        log(choice)
    frame = read_zones(params.zone_files, **zone_options(zones))
    prepared, report = prepare(frame, grid, id_column=column_of_ids(zones["id"]), keep=zones["keep"])
    log_preparation(report, log)
    with atomic_path(outputs.zones) as temporary:
        prepared.to_parquet(temporary, compression="zstd")
    stem = Path(outputs.template[0]).with_suffix("")
    fields = write_template(prepared, stem)
    if params.year_bytes:
        records, record = table_size(stem.with_suffix(".dbf"))
        check_size(records, record + params.year_bytes, stem.with_suffix(".shp").stat().st_size)
    write_sealed_json(outputs.grid, described)
    write_sealed_json(
        outputs.report,
        {
            **report.to_dict(),
            "fields": fields,
            "vertices": int(shapely.get_num_coordinates(prepared.geometry.to_numpy()).sum()),
            "inside_fraction": prepared[INSIDE].tolist(),
        },
    )
    record_checksums(outputs.checksums, [outputs.zones, outputs.report, outputs.grid, *outputs.template])


def study_grid(params: Params, rasters: list[str]) -> dict[str, Any]:
    """Return the study's grid as plain data: the grid of the reference raster, cut to the box.

    ``file_grid`` is the raster's whole grid, ``origin`` the row and column in it of the upper-left cell that the box
    touches, ``grid`` the part that the box touches, ``reference`` the variable and year that gave it,
    ``crs_is_assumed`` whether neither the file nor the configuration names its CRS, ``crs_of_file`` the file's own CRS
    where the configuration names another.
    """
    variable, year = params.reference
    first = time_steps_of_year(params.raster, rasters, variable, year)[0]
    crs = params.raster["crs"]
    grid, assumed = file_grid(first, crs)
    row0, row1, col0, col1 = box_window(grid, params.bbox)
    return {
        "reference": {"variable": variable, "year": year, "path": first.path},
        "crs_is_assumed": assumed,
        "crs_of_file": overridden_crs(first, crs) if crs else None,
        "bbox": params.bbox,
        "file_grid": grid.to_dict(),
        "origin": [row0, col0],
        "grid": grid.window(row0, row1, col0, col1).to_dict(),
    }


def overridden_crs(time_step: TimeStep, crs: str) -> str | None:
    """Return the CRS of a time step's file where it has one, and another than ``crs``."""
    from rasterio.crs import CRS

    if time_step.layer is None:
        with open_raster(time_step.path, fetched=time_step.sha256 is not None) as dataset:
            own: str | None = grid_of(dataset).crs
    else:
        with open_array(time_step.path, time_step.layer, time_step.select) as array:
            own = array.own_crs()
    if not own or CRS.from_user_input(own) == CRS.from_user_input(crs):
        return None
    return own


def log_preparation(report: Preparation, log: Log) -> None:
    """Write to the log how many zones were read, kept, cut, repaired, unwrapped, dropped and reprojected, and which."""
    log(f"{report.read} zones read, {report.kept} overlap the grid, {len(report.cut)} of them are cut by its edge")
    for done, ids in (
        ("repaired", report.repaired),
        ("taken to cross the antimeridian", report.across_the_antimeridian),
        ("dropped, wholly outside", report.dropped_outside),
        ("dropped, without a geometry", report.without_geometry),
        ("made of several features", report.joined),
    ):
        more = " …" if len(ids) > MOST_IDS else ""
        log(f"{len(ids)} {done}{': ' + ', '.join(ids[:MOST_IDS]) if ids else ''}{more}")
    if report.emptied_attributes:
        names = ", ".join(report.emptied_attributes)
        log(f"attributes that are empty where a zone's features differ in them: {names}")
    if report.reprojected:
        log(f"reprojected from {report.crs_of_file}")
