import json

import numpy as np
import pytest
import rasterio
from affine import Affine

from zonalflow.common.errors import GridError
from zonalflow.geometry.grid import Grid, grid_of

FLORIDA = Grid("EPSG:4269", (1 / 24, 0.0, -87.520833333, 0.0, -1 / 24, 31.020833333), 205, 157)


def grid_of_file(folder, transform, crs="EPSG:4269", width=4, height=3):
    path = folder / "raster.tif"
    profile = {"driver": "GTiff", "count": 1, "dtype": "float32", "width": width, "height": height}
    with rasterio.open(path, "w", **profile, crs=crs, transform=transform) as dataset:
        dataset.write(np.zeros((1, height, width), np.float32))
    with rasterio.open(path) as dataset:
        return grid_of(dataset)


def test_bounds_by_hand():
    assert FLORIDA.bounds == pytest.approx((-87.520833, 24.479167, -78.979167, 31.020833), abs=1e-6)
    south_up = Grid("EPSG:4326", (2.0, 0, 10.0, 0, 3.0, -5.0), 4, 2)
    assert south_up.bounds == (10, -5, 18, 1)
    assert FLORIDA.shape == (157, 205)


def test_the_grid_of_a_file(tmp_path):
    grid = grid_of_file(tmp_path, Affine(0.5, 0, -90, 0, -0.25, 40))
    assert (grid.transform, grid.width, grid.height) == ((0.5, 0.0, -90.0, 0.0, -0.25, 40.0), 4, 3)
    assert grid.is_geographic
    assert "NAD83" in grid.describe() and "4 × 3 cells of 0.5 × 0.25" in grid.describe()


def test_a_raster_without_crs_has_an_empty_one(tmp_path):
    grid = grid_of_file(tmp_path, Affine(0.5, 0, -90, 0, -0.25, 40), crs=None)
    assert grid.crs == "" and not grid.is_geographic and "no CRS" in grid.describe()


@pytest.mark.parametrize("transform", [Affine(0.5, 0.2, 3, 0.2, -0.5, 2), Affine(-0.5, 0, 3, 0, -0.5, 2)])
def test_a_rotated_or_mirrored_raster_is_refused(tmp_path, transform):
    with pytest.raises(GridError, match=r"raster\.tif.*rotated, sheared or mirrored.*gdalwarp"):
        grid_of_file(tmp_path, transform)


def test_what_matches_and_what_does_not(tmp_path):
    a, b, c, d, e, f = FLORIDA.transform
    header = Grid("EPSG:4269", (0.041666666666700033, b, c, d, -0.041666666666700033, f), 205, 157)
    assert FLORIDA.matches(header) and header.matches(FLORIDA)
    as_wkt = grid_of_file(tmp_path, Affine(*FLORIDA.transform), width=205, height=157)
    assert as_wkt.crs != FLORIDA.crs and FLORIDA.matches(as_wkt)
    others = [
        Grid("EPSG:4269", (a, b, c + 0.002 * a, d, e, f), 205, 157),  # shifted by two thousandths of a cell
        Grid("EPSG:4269", (a, b, c, d, e, f), 205, 156),
        Grid("EPSG:4269", (2 * a, b, c, d, 2 * e, f), 205, 157),
        Grid("EPSG:4269", (a, b, c, d, -e, f + 157 * e), 205, 157),  # the same bounds, the other way up
        Grid("EPSG:5070", (a, b, c, d, e, f), 205, 157),
        Grid("", (a, b, c, d, e, f), 205, 157),
    ]
    assert not any(FLORIDA.matches(other) for other in others)


def test_json_keeps_it_exactly():
    assert Grid.from_dict(json.loads(json.dumps(FLORIDA.to_dict()))) == FLORIDA


def test_a_window_lies_where_its_cells_lie():
    window = FLORIDA.window(10, 20, 30, 60)
    assert window.shape == (10, 30)
    west, _, _, north = FLORIDA.bounds
    assert window.bounds[0] == pytest.approx(west + 30 / 24) and window.bounds[3] == pytest.approx(north - 10 / 24)


def test_areas_are_those_of_the_sphere():
    grid = Grid("EPSG:4326", (30.0, 0, -180.0, 0, -30.0, 90.0), 12, 6)
    areas = grid.row_areas()
    edges = np.radians(90 - 30.0 * np.arange(7))
    exact = np.sin(edges[:-1]) - np.sin(edges[1:])  # of a zone of the unit sphere, over 2π
    assert areas / areas.sum() == pytest.approx(exact / exact.sum(), rel=1e-12)
    assert (Grid("EPSG:5070", (30.0, 0, 0.0, 0, -30.0, 0.0), 3, 3).row_areas() == 1).all()
