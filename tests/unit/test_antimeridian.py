"""Outlines around the earth: those that cross the antimeridian take the short way, wide ones stay as they are."""

import geopandas
import numpy as np
import pytest
import shapely
from shapely import Polygon, box

from zonalflow.common.errors import ZonesError
from zonalflow.geometry.antimeridian import unwrap, wrap
from zonalflow.geometry.grid import Grid
from zonalflow.zones.on_grid import bring_to_grid, prepare

WORLD = Grid("EPSG:4326", (1.0, 0.0, -180.0, 0.0, -1.0, 90.0), 360, 180)
FROM_0 = Grid("EPSG:4326", (1.0, 0.0, 0.0, 0.0, -1.0, 90.0), 360, 180)


def wrapped(polygon):
    """Return a polygon as files have it: each longitude within ±180, whatever that does to its edges."""
    return shapely.transform(polygon, lambda xy: np.column_stack([(xy[:, 0] + 180) % 360 - 180, xy[:, 1]]))


def placed(polygon, grid, crs=4326):
    return bring_to_grid(geopandas.GeoDataFrame({"id": ["a"]}, geometry=[polygon], crs=crs), grid)


@pytest.mark.parametrize("grid", [WORLD, FROM_0], ids=["±180", "0…360"])
@pytest.mark.parametrize(
    "bounds",
    [(-180, -23, 180, 23), (-180, 50, 180, 60), (-180, 0, 90, 10), (-20, -35, 180, 70), (-100, 20, 100, 50)],
)
def test_a_wide_zone_is_what_it_says(bounds, grid):
    west, south, east, north = bounds
    zone = placed(box(*bounds), grid)
    assert zone.whole[0].area == pytest.approx((east - west) * (north - south))
    assert zone.fraction[0] == 1
    assert not zone.unwrapped[0]


@pytest.mark.parametrize("grid", [WORLD, FROM_0], ids=["±180", "0…360"])
@pytest.mark.parametrize("bounds", [(170, 0, 190, 10), (179, -1, 180.5, 1), (150, 40, 210, 60), (180, 0, 185, 3)])
def test_a_zone_across_the_antimeridian_is_taken_the_short_way(bounds, grid):
    west, south, east, north = bounds
    zone = placed(wrapped(box(*bounds)), grid)
    assert zone.whole[0].area == pytest.approx((east - west) * (north - south))
    assert zone.unwrapped[0] == (west < 180)  # 180 … 185 is -180 … -175, and does not cross it


@pytest.mark.parametrize("grid", [WORLD, FROM_0], ids=["±180", "0…360"])
def test_an_irregular_border_across_the_antimeridian_survives(grid):
    """In the plane such an outline crosses itself; repaired there, it would lose most of its area."""
    polygon = Polygon([(178, 0), (182, 1), (178, 2), (182, 3), (186, 3), (186, -1), (178, -1)])
    # shoelace by hand: the box 178…186 × -1…3 is 32; the zigzag cuts off two triangles to its left, 178…182 × 0…2
    # with base 2 and height 4, and 178…182 × 2…3, 2 and half of 4: 4 + 2 = 6
    assert polygon.area == 26
    zone = placed(wrapped(polygon), grid)
    assert zone.whole[0].area == pytest.approx(26)
    assert zone.unwrapped[0]
    assert not zone.repaired[0]


def test_random_outlines_across_the_antimeridian_keep_their_area():
    rng = np.random.default_rng(0)
    for _ in range(300):
        angle = np.sort(rng.uniform(0, 2 * np.pi, 12))
        radius = rng.uniform(1, 8, 12)
        polygon = Polygon(np.column_stack([180 + radius * np.cos(angle), radius * np.sin(angle)]))
        if not polygon.is_valid:
            continue
        for grid in (WORLD, FROM_0):
            assert placed(wrapped(polygon), grid).whole[0].area == pytest.approx(polygon.area)


def test_a_zone_around_a_pole_holds_the_pole():
    # in EPSG:3413 the latitude of a circle around the pole is constant: about 72 degrees at 2,000 km
    zone = placed(shapely.Point(0, 0).buffer(2_000_000, quad_segs=90), WORLD, crs=3413)
    south = zone.whole[0].bounds[1]
    assert 71 < south < 73
    assert zone.whole[0].area == pytest.approx(360 * (90 - south), rel=0.01)


def test_a_hole_is_turned_with_its_shell():
    shell, hole = box(170, -10, 190, 10), box(179, -1, 181, 1)
    zone = wrapped(shell.difference(hole))
    (found,), (unwrapped,), (unclear,) = unwrap(np.array([zone]))
    assert not unclear
    assert unwrapped
    assert found.area == pytest.approx(400 - 4)
    assert wrap(np.array([found]), -180, 180)[0].area == pytest.approx(400 - 4)


def ring(*vertices):
    return shapely.Polygon(vertices)


def test_an_outline_with_two_readings_is_refused():
    """Once around the earth, on both sides of the equator: around which pole?"""
    outline = ring((-150, -10), (-50, 20), (50, -20), (150, 10))
    zones = geopandas.GeoDataFrame({"id": ["a"]}, geometry=[outline], crs=4326)
    with pytest.raises(
        ZonesError, match="1 zone runs around the earth or across the antimeridian in a way that can be"
    ):
        prepare(zones, WORLD, id_column="id")


def test_a_box_of_all_longitudes_is_a_band():
    band = ring((-180, 40), (180, 40), (180, 50), (-180, 50))
    assert placed(band, WORLD).whole[0].area == pytest.approx(360 * 10)
