"""Thousands of zones on PRISM's grids, cell for cell; real ones too, if ZONALFLOW_REAL_DATA names their folder."""

import os
import warnings
from pathlib import Path

import numpy as np
import oracles
import pytest
import shapely
from benchmarks import made

from zonalflow.geometry.grid import Grid, grid_of
from zonalflow.index.build import build_index
from zonalflow.stats.statistics import zonal_statistics

REAL = os.environ.get("ZONALFLOW_REAL_DATA")
real = pytest.mark.skipif(not REAL, reason="ZONALFLOW_REAL_DATA does not name the folder of real zones and rasters")

# PRISM's header in full: not quite a 24th of a degree
PRISM_4KM = Grid(
    "EPSG:4269", (0.041666666666700033, 0, -125.02083333333336, 0, -0.041666666666700033, 49.93750000000346), 1405, 621
)


def assert_gdals_cells(zones, grid: Grid, method: str):
    index = build_index(zones, grid, method)
    for zone, geometry in enumerate(zones):
        expected, off_grid = oracles.rasterized(geometry, grid, all_touched=method == "all_touched")
        row, column, _ = index.cells(zone)
        found = set(zip(row.tolist(), column.tolist(), strict=True))
        assert len(row) == len(found)
        if method == "all_touched":
            assert all(oracles.gdal_may_err(geometry, grid, cell) for cell in found ^ expected)
        else:
            assert found == expected and index.off_grid[zone] == off_grid
    return index


@pytest.mark.parametrize("method", ["center", "all_touched"])
def test_made_zones_have_the_cells_of_gdal(method):
    assert_gdals_cells(made.zones(2000), PRISM_4KM, method)


def test_made_zones_share_out_the_cells():
    """Zones that tile an outline hold each centre in it once, and cover it wholly."""
    zones = made.zones(5000)
    zones = zones[shapely.is_valid(zones)]
    grid = made.GRIDS["4 km"]
    index = build_index(zones, grid, "coverage")
    area = shapely.area(zones) * 24**2
    assert index.n_cells + index.off_grid == pytest.approx(area, rel=1e-6, abs=1e-6)
    cells = build_index(made.zones(5000), grid, "center")
    assert len(np.unique(cells.run_start)) == len(cells.run_start)


def real_zones(name: str) -> np.ndarray:
    import geopandas

    file = {"counties": "cb_2021_us_county_20m.zip", "tracts": "tracts_2018_CO_FL_KS_MT.gpkg"}[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(geopandas.read_file(Path(REAL) / file).to_crs(4269).geometry.values)


@real
@pytest.mark.parametrize("method", ["center", "all_touched"])
@pytest.mark.parametrize("grid", [PRISM_4KM, made.GRIDS["800 m"]], ids=["4 km", "800 m"])
@pytest.mark.parametrize(("name", "zones", "without_a_cell"), [("counties", 3221, 7), ("tracts", 6502, 3695)])
def test_real_zones_have_the_cells_of_gdal(name, zones, without_a_cell, grid, method):
    geometries = real_zones(name)
    assert len(geometries) == zones
    # Alaska's zones that cross the antimeridian would be rasterized over the whole world
    geometries = geometries[np.ptp(shapely.bounds(geometries)[:, ::2], axis=1) < 180]
    index = assert_gdals_cells(geometries, grid, method)
    if method == "center" and grid is PRISM_4KM:
        on_grid = shapely.intersects(geometries, shapely.box(*grid.bounds))
        assert np.sum(index.n_cells[on_grid] == 0) == without_a_cell


@real
@pytest.mark.parametrize("name", ["counties", "tracts"])
@pytest.mark.parametrize("day", ["19810101", "19910101"])
def test_real_coverage_and_means_are_those_of_exactextract(name, day):
    import rasterio

    file = f"PRISM_ppt_stable_4kmD2_{day}_bil"
    with rasterio.open(f"/vsizip/{Path(REAL) / file}.zip/{file}.bil") as dataset:
        values, nodata, grid = dataset.read(1), dataset.nodata, grid_of(dataset)
    west, south, east, north = grid.bounds
    zones = real_zones(name)
    zones = zones[shapely.contains(shapely.box(west, south, east, north), zones)]
    index = build_index(zones, grid, "coverage")
    for zone, expected in enumerate(oracles.covered(zones, grid)):
        row, column, fraction = index.cells(zone)
        found = dict(zip(zip(row.tolist(), column.tolist(), strict=True), fraction.tolist(), strict=True))
        for cell in found.keys() | expected.keys():
            assert found.get(cell, 0) == pytest.approx(expected.get(cell, 0), abs=1e-6)
    expected = oracles.exact_extract(zones, values, grid, ["mean", "count"], nodata)
    found = zonal_statistics(index, values, nodata, ["mean"])
    assert found["mean"] == pytest.approx(expected["mean"].to_numpy(), rel=1e-9, abs=1e-9, nan_ok=True)
    assert found["count"] == pytest.approx(expected["count"].to_numpy(), rel=1e-7, abs=1e-7)
