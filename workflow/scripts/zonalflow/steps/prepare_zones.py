"""Preparing a study: the grid that its rasters share, the box on it, and the zones that overlap it."""

from collections.abc import Callable
from pathlib import Path

import shapely

from zonalflow.common.columns import INSIDE
from zonalflow.common.files import atomic_path, write_json
from zonalflow.geometry.box import box_window
from zonalflow.rasters.read import open_raster, raster_grid
from zonalflow.rasters.time_steps import time_steps_of_year
from zonalflow.vectors.shapefile import write_template
from zonalflow.zones.on_grid import prepare
from zonalflow.zones.read import read_zones, zone_options


def study_grid(raster: dict, inputs: list[str], reference: tuple[str, int], bbox: list[float] | None) -> dict:
    """Return the study's grid as plain data: the grid of the reference raster, cut to the box.

    ``file_grid`` is the raster's whole grid, ``origin`` the row and column in it of the upper-left cell that the box
    touches, ``grid`` the part that the box touches, ``reference`` the variable and year that gave it.
    """
    variable, year = reference
    first = time_steps_of_year(raster, inputs, variable, year)[0]
    with open_raster(first.path, first.layer) as dataset:
        grid = raster_grid(dataset, raster["crs"])
    row0, row1, col0, col1 = box_window(grid, bbox)
    return {
        "reference": {"variable": variable, "year": year, "path": first.path},
        "bbox": bbox,
        "file_grid": grid.to_dict(),
        "origin": [row0, col0],
        "grid": grid.window(row0, row1, col0, col1).to_dict(),
    }


def prepare_study(
    *, files: list[str], zones: dict, raster: dict, reference, inputs: list[str], bbox, targets, log: Callable
) -> None:
    """Write the study's grid and prepared zones to ``targets`` (``grid``, ``zones``, ``template``, ``report``).

    Args:
        files: where the zones are.
        zones, raster, bbox: as configured.
        reference: variable and year of the raster that gives the grid; ``inputs`` are its files or receipt.
        log: writes a line of the log.
    """
    from zonalflow.geometry.grid import Grid

    place = study_grid(raster, inputs, reference, bbox)
    grid = Grid.from_dict(place["grid"])
    log(f"grid of {place['reference']['path']}: {grid.describe()}")
    frame = read_zones(files, **zone_options(zones))
    prepared, report = prepare(frame, grid, id_column=zones["id"], keep=zones["keep"])
    log(f"{report.read} zones read, {report.kept} overlap the grid, {len(report.cut)} of them are cut by its edge")
    for done, ids in (
        ("repaired", report.repaired),
        ("taken to cross the antimeridian", report.across_the_antimeridian),
        ("dropped, wholly outside", report.dropped_outside),
    ):
        log(f"{len(ids)} {done}{': ' + ', '.join(ids[:50]) if ids else ''}{' …' if len(ids) > 50 else ''}")
    if report.reprojected:
        log(f"reprojected from {report.crs_of_file}")

    with atomic_path(targets.zones) as temporary:
        prepared.to_parquet(temporary, compression="zstd")
    fields = write_template(prepared, Path(targets.template[0]).with_suffix(""))
    write_json(targets.grid, place)
    write_json(
        targets.report,
        {
            **report.to_dict(),
            "fields": fields,
            "vertices": int(shapely.get_num_coordinates(prepared.geometry.to_numpy()).sum()),
            "inside_fraction": prepared[INSIDE].tolist(),
        },
    )
