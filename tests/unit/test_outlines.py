"""The prepared zones against the user's own outlines: what is misplaced is seen, what rounding does is not."""

import geopandas
import numpy as np
import pyproj
import pytest
import shapely

from zonalflow.common.errors import VerificationError
from zonalflow.geometry.grid import Grid
from zonalflow.verify.outlines import points_that_differ, read_outlines
from zonalflow.verify.sample import draw_years, draw_zones

DEGREES = Grid("EPSG:4326", (0.5, 0.0, -10.0, 0.0, -0.5, 10.0), 40, 40)  # from 10° W to 10° E, 10° S to 10° N
WORLD = Grid("EPSG:4326", (1.0, 0.0, -180.0, 0.0, -1.0, 90.0), 360, 180)
WORLD_360 = Grid("EPSG:4326", (1.0, 0.0, 0.0, 0.0, -1.0, 90.0), 360, 180)
ALBERS = Grid("EPSG:5070", (4000.0, 0.0, -2400000.0, 0.0, -4000.0, 3200000.0), 1200, 750)
LONLAT = pyproj.CRS(4326)


def differ(prepared, outline, grid, crs=LONLAT):
    compared, wrong = points_that_differ(prepared, outline, crs, grid, np.random.default_rng(0))
    assert compared > 300
    return len(wrong)


def test_the_same_polygon_differs_nowhere():
    zone = shapely.Point(0, 0).buffer(5)
    assert differ(zone, zone, DEGREES) == 0


@pytest.mark.parametrize("move", [(0.5, 0), (0, -0.25), (0.05, 0.05)])
def test_a_moved_zone_is_seen(move):
    zone = shapely.box(-5, -5, 5, 5)
    assert differ(shapely.transform(zone, lambda xy: xy + move), zone, DEGREES) > 0


def test_a_lost_island_and_a_lost_hole_are_seen():
    hole = shapely.box(-1, -1, 1, 1)
    ring = shapely.box(-5, -5, 5, 5).difference(hole)
    whole = shapely.union_all([ring, shapely.box(8, 8, 9, 9)])
    assert differ(whole, whole, DEGREES) == 0
    assert differ(ring, whole, DEGREES) > 0
    assert differ(shapely.union_all([whole, hole]), whole, DEGREES) > 0


def test_a_zone_may_be_cut_at_the_grid():
    zone = shapely.box(-20, -20, 0, 0)
    assert differ(shapely.box(-10, -10, 0, 0), zone, DEGREES) == 0
    assert differ(zone, zone, DEGREES) == 0


def test_a_dropped_zone_must_lie_outside():
    assert differ(shapely.Polygon(), shapely.box(20, 20, 30, 30), DEGREES) == 0
    assert differ(shapely.Polygon(), shapely.box(9, 9, 30, 30), DEGREES) > 0


def projected(outline):
    way = pyproj.Transformer.from_crs(LONLAT, ALBERS.crs, always_xy=True)
    return shapely.transform(outline, lambda xy: np.column_stack(way.transform(*xy.T)))


def test_edges_straight_in_the_file_must_stay_so():
    """The upper edge of this box bulges by 40 km in Albers, ten cells; vertices every 0.01° leave it within 1 m."""
    box = shapely.box(-110, 35, -100, 45)
    assert differ(projected(shapely.segmentize(box, 0.01)), box, ALBERS) == 0
    assert differ(projected(box), box, ALBERS) > 50


RING = [(179.5, -16.5), (179.5, -12), (-180, -12), (-180, -16.5), (180, -16.5)]


@pytest.mark.parametrize("grid", [WORLD, WORLD_360], ids=["±180", "0–360"])
@pytest.mark.parametrize("start", range(5))
@pytest.mark.parametrize("back", [1, -1])
def test_a_ring_on_the_antimeridian_has_one_meaning(grid, start, back):
    ring = shapely.Polygon([*RING[start:], *RING[:start]][::back])
    assert differ(shapely.box(179.5, -16.5, 180, -12), ring, grid) == 0
    assert differ(shapely.box(grid.bounds[0], -16.5, grid.bounds[2], -12), ring, grid) > 0  # a band around the world
    assert differ(shapely.box(grid.bounds[0], -90, grid.bounds[2], -12), ring, grid) > 0  # all south of it


def test_an_outline_across_the_antimeridian():
    fiji = shapely.Polygon([(175, -20), (-175, -20), (-175, -10), (175, -10)])
    east, west = shapely.box(175, -20, 180, -10), shapely.box(-180, -20, -175, -10)
    assert differ(shapely.union_all([east, west]), fiji, WORLD) == 0
    assert differ(shapely.box(175, -20, 185, -10), fiji, WORLD_360) == 0
    assert differ(shapely.box(-175, -20, 175, -10), fiji, WORLD) > 0


@pytest.mark.parametrize(("north", "latitude"), [(True, 60), (False, -60)])
def test_a_ring_around_a_pole_holds_that_pole(north, latitude):
    ring = shapely.Polygon([(longitude, latitude) for longitude in (-150, -50, 50, 150)])
    cap = shapely.box(-180, latitude, 180, 90) if north else shapely.box(-180, -90, 180, latitude)
    assert differ(cap, ring, WORLD) == 0
    assert differ(shapely.box(-180, -90, 180, 90).difference(cap), ring, WORLD) > 0


def test_a_band_around_the_world_is_one():
    band = shapely.box(-180, 40, 180, 50)
    assert differ(band, band, WORLD) == 0
    assert differ(shapely.box(0, 40, 360, 50), band, WORLD_360) == 0


CODE = {"id": "code", "layer": None, "crs": None, "where": None, "dissolve": False}


def test_outlines_are_read_by_id(tmp_path):
    shapes = [shapely.box(i, 0, i + 1, 1) for i in range(3)]
    geopandas.GeoDataFrame({"code": [1.0, 2.0, np.nan]}, geometry=shapes, crs=4326).to_file(tmp_path / "a.gpkg")
    outlines = read_outlines([str(tmp_path / "a.gpkg")], CODE, {"2"})
    assert list(outlines.polygons) == ["2"] and outlines.polygons["2"].equals(shapes[1])
    with pytest.raises(VerificationError, match=r"a\.gpkg has no zone 7, although the results have one"):
        read_outlines([str(tmp_path / "a.gpkg")], CODE, {"7"})


def test_the_sample_holds_the_zones_with_which_faults_begin():
    import random

    shapes = [shapely.box(i, i % 7, i + 0.5, i % 7 + 0.5) for i in range(200)]
    shapes[50] = shapely.box(50, 0, 59, 9)  # the largest and widest
    shapes[60] = shapely.box(60, 3, 60.1, 3.1)  # the smallest
    shapes[70] = shapely.Point(70, 3).buffer(0.5)  # the one with most vertices
    inside, changed = np.ones(200), np.zeros(200, bool)
    inside[80], changed[90] = 0.2, True
    reasons = draw_zones(np.array(shapes), inside, changed, random.Random(1))
    assert {0, 50, 60, 70, 80, 90, 199} <= set(reasons) and len(reasons) == 25
    assert reasons[0] == "first, westernmost, southernmost" and reasons[50] == "largest, northernmost, widest"


def test_the_sample_of_years_holds_the_first_and_the_last():
    import random

    keys = [("ppt", year) for year in range(2000, 2021)]
    drawn = draw_years(keys, random.Random(1))
    assert drawn[0] == keys[0] and drawn[-1] == keys[-1] and len(drawn) == 6 and drawn == sorted(drawn)
    assert draw_years(keys[:1], random.Random(1)) == keys[:1]
