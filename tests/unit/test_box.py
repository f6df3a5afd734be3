"""The part of a grid that a box touches: whole cells, by hand."""

import pytest
from pyproj import Transformer

from zonalflow.common.errors import ConfigError, GridError
from zonalflow.geometry import box
from zonalflow.geometry.box import box_window
from zonalflow.geometry.grid import Grid

# PRISM's 4 km grid: 1405 × 621 cells of 1/24°, from −125.0208333 W and 49.9375 N
CELL = 1 / 24
PRISM = Grid("EPSG:4269", (CELL, 0.0, -125 - CELL / 2, 0.0, -CELL, 49.9375), 1405, 621)
UNIT = Grid("EPSG:4269", (1.0, 0.0, -90.0, 0.0, -1.0, 40.0), 10, 8)  # x −90 … −80, y 32 … 40


def test_the_tutorials_box_is_205_by_157_cells():
    row0, row1, col0, col1 = box_window(PRISM, [-87.5, 24.5, -79.0, 31.0])
    assert (col1 - col0, row1 - row0) == (205, 157)
    assert PRISM.window(row0, row1, col0, col1).bounds == pytest.approx(
        (-87.520833, 24.479167, -78.979167, 31.020833), abs=1e-6
    )


@pytest.mark.parametrize(
    ("box", "window"),
    [
        (None, (0, 8, 0, 10)),
        ([-90, 32, -80, 40], (0, 8, 0, 10)),
        ([-88, 34, -86, 37], (3, 6, 2, 4)),  # on cell edges: no neighbour comes along
        ([-88.001, 33.999, -85.999, 37.001], (2, 7, 1, 5)),  # a hair over them: all four sides grow
        ([-88.0000001, 34, -86, 37], (3, 6, 2, 4)),  # a ten-millionth of a cell is rounding
        ([-87.5, 35.4, -87.4, 35.5], (4, 5, 2, 3)),  # within one cell
        ([-180, -90, 180, 90], (0, 8, 0, 10)),  # more than the grid
        ([-95, 39.5, -89.5, 60], (0, 1, 0, 1)),  # a corner
    ],
)
def test_boxes(box, window):
    assert box_window(UNIT, box) == window


def test_a_grid_whose_first_row_is_the_southernmost():
    south_up = Grid("EPSG:4269", (1.0, 0.0, -90.0, 0.0, 1.0, 32.0), 10, 8)
    assert box_window(south_up, [-88, 34, -86, 37]) == (2, 5, 2, 4)


def test_a_grid_that_counts_longitudes_to_360():
    grid = Grid("EPSG:4326", (1.0, 0.0, 0.0, 0.0, -1.0, 90.0), 360, 180)
    assert box_window(grid, [-88, 34, -86, 37]) == (53, 56, 272, 274)
    assert box_window(grid, [-180, -90, 180, 90]) == (0, 180, 0, 360)
    assert box_window(grid, [0, 0, 180, 10]) == (80, 90, 0, 180)
    assert box_window(grid, [-180, 0, 0, 10]) == (80, 90, 180, 360)
    with pytest.raises(GridError, match="on both sides of the meridian 0 at which"):
        box_window(grid, [-20, 0, 20, 10])


def test_a_regional_grid_across_the_antimeridian():
    grid = Grid("EPSG:4326", (1.0, 0.0, 120.0, 0.0, -1.0, 30.0), 170, 60)  # x 120 … 290
    assert box_window(grid, [100, -30, 180, 30]) == (0, 60, 0, 60)  # overhangs the western edge
    assert box_window(grid, [-180, -30, -60, 30]) == (0, 60, 60, 170)  # 180 … 300, and overhangs the eastern one
    assert box_window(grid, [-180, -30, 180, 30]) == (0, 60, 0, 170)
    with pytest.raises(GridError, match="lies outside the rasters"):
        box_window(grid, [-40, -30, 100, 30])


def test_a_grid_half_a_cell_beyond_180():
    grid = Grid("EPSG:4326", (1.0, 0.0, -179.5, 0.0, -1.0, 90.0), 360, 180)  # to 180.5
    assert box_window(grid, [-180, -90, 180, 90]) == (0, 180, 0, 360)
    assert box_window(grid, [-175, 0, -170, 10]) == (80, 90, 4, 10)


def test_a_projected_grid_takes_the_box_around_the_boxs_outline():
    albers = Grid("EPSG:5070", (10_000.0, 0.0, -2.4e6, 0.0, -10_000.0, 3.2e6), 480, 300)
    row0, row1, col0, col1 = box_window(albers, [-87.5, 24.5, -79.0, 31.0])
    west, south, east, north = albers.window(row0, row1, col0, col1).bounds
    to_albers = Transformer.from_crs("EPSG:4326", "EPSG:5070", always_xy=True)
    x, y = to_albers.transform([-87.5, -79.0, -79.0, -87.5], [24.5, 24.5, 31.0, 31.0])
    # whole cells around the corners; in between, parallels bulge southwards by some 20 km
    assert west <= min(x) < west + 10_000 and east - 10_000 < max(x) <= east
    assert south <= min(y) < south + 40_000 and north - 10_000 < max(y) <= north


@pytest.mark.parametrize("box", [[10, 34, 11, 37], [-88, 50, -86, 51], [-80, 34, -79, 37], [-88, 30, -86, 32]])
def test_a_box_beside_the_grid_shows_both(box):
    with pytest.raises(GridError) as caught:
        box_window(UNIT, box)
    assert str(box) in str(caught.value)
    assert "-90, 32, -80, 40" in str(caught.value)


@pytest.mark.parametrize("bbox", [[-180.0, -90.0, 180.0, 90.0], [-100.0, 0.0, -60.0, 80.0]])
def test_a_box_around_a_projected_grid_takes_all_of_it(bbox):
    # 100 x 200 cells of 1 km in UTM zone 17N, around 81° W, 27° N
    grid = Grid("EPSG:32617", (1000.0, 0.0, 450_000.0, 0.0, -1000.0, 3_100_000.0), 100, 200)
    assert box_window(grid, bbox) == (0, 200, 0, 100)


def test_a_box_far_from_a_projected_grid_is_outside_it():
    grid = Grid("EPSG:32617", (1000.0, 0.0, 450_000.0, 0.0, -1000.0, 3_100_000.0), 100, 200)
    # it lies just west of its central meridian, 81° W, and its northern edge at 3,100 km of northing, near 28° N
    with pytest.raises(
        GridError, match=r"lies outside the rasters, which cover -81\.\d+, 26\.\d+, -80\.\d+, 28\.\d+ in degrees"
    ):
        box_window(grid, [100.0, 24.0, 110.0, 31.0])


CONUS = [-125.0, 24.0, -66.0, 50.0]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ([24.5, -87.5, 31.0, -79.0], "Latitude and longitude look swapped"),
        ([-87.5, -79.0, 24.5, 31.0], "It looks like [west, east, south, north]"),
        ([24.5, 31.0, -87.5, -79.0], "It looks like [south, north, west, east]"),
    ],
)
def test_a_box_in_another_order_is_reported(written, said):
    assert box.other_order(written, CONUS) == f"{said}: write [-87.5, 24.5, -79, 31]"
    assert box.other_order([10.0, 45.0, 12.0, 47.0], CONUS) == ""  # in Europe in any order


def test_a_box_that_fits_only_in_another_order_is_refused():
    with pytest.raises(ConfigError) as caught:  # as it is written, from Antarctica over the rasters to Africa
        box.check_order([-87.5, -79.0, 24.5, 31.0], CONUS)
    assert "write [-87.5, 24.5, -79, 31]" in str(caught.value)
    assert "if its order is right, write the part inside, [-87.5, 24, -66, 31]" in str(caught.value)


@pytest.mark.parametrize(
    "good", [[-87.5, 24.5, -79, 31], [-130, 20, -60, 55], [-180, -90, 180, 90], [-125.5, 23.5, -66, 50]]
)
def test_a_box_in_the_right_order_may_exceed_the_rasters(good):
    box.check_order(good, CONUS)


def test_what_a_grid_covers_in_degrees():
    assert box.degrees_of(UNIT) == (-90, 32, -80, 40)
    west, south, east, north = box.degrees_of(
        Grid("EPSG:32617", (1000.0, 0.0, 450_000.0, 0.0, -1000.0, 3_100_000.0), 100, 200)
    )
    assert -82 < west < east < -80 and 26 < south < north < 29  # UTM zone 17N around 81° W, 27° N
    assert box.degrees_of(Grid("EPSG:4326", (1.0, 0.0, 0.0, 0.0, -1.0, 90.0), 360, 180)) is None  # 0 to 360
