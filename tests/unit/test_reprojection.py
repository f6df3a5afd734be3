"""Zones in another CRS than the rasters: their edges are straight in the file, and follow its curves on the grid."""

import itertools
import math
import os

import geopandas
import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from zonalflow.common.errors import ZonesError
from zonalflow.geometry.antimeridian import unwrap
from zonalflow.geometry.curves import TOLERANCE, Reprojection
from zonalflow.geometry.grid import Grid
from zonalflow.geometry.reprojection import reproject
from zonalflow.geometry.surroundings import surroundings_of
from zonalflow.verify.outlines import points_that_differ
from zonalflow.zones.on_grid import bring_to_grid, prepare

LONLAT = pyproj.CRS(4326)
ALBERS = Grid("EPSG:5070", (4000.0, 0.0, -2400000.0, 0.0, -4000.0, 3200000.0), 1200, 750)
PUERTO_RICO = Grid("EPSG:32619", (1000.0, 0.0, 600000.0, 0.0, -1000.0, 2050000.0), 300, 100)
NORTH = Grid("EPSG:3413", (25000.0, 0.0, -3850000.0, 0.0, -25000.0, 5850000.0), 304, 448)
SOUTH = Grid("EPSG:3031", (25000.0, 0.0, -3950000.0, 0.0, -25000.0, 4350000.0), 316, 332)
WORLD = Grid("EPSG:4326", (0.25, 0.0, -180.0, 0.0, -0.25, 90.0), 1440, 720)
WORLD_360 = Grid("EPSG:4326", (0.25, 0.0, 0.0, 0.0, -0.25, 90.0), 1440, 720)
GRIDS = {
    "albers": (ALBERS, (-96, 38, 40, 20)),
    "utm at 30 m": (Grid("EPSG:32617", (30.0, 0.0, 300000.0, 0.0, -30.0, 3300000.0), 2000, 2000), (-81, 29.5, 3, 3)),
    "north pole": (NORTH, (0, 80, 180, 35)),
    "south pole": (SOUTH, (0, -80, 180, 35)),
    "equal area": (Grid("EPSG:3035", (5000.0, 0.0, 2500000.0, 0.0, -5000.0, 5500000.0), 1000, 800), (10, 50, 30, 20)),
    "sinusoidal": (
        Grid("+proj=sinu +R=6371007.181 +units=m", (50000.0, 0.0, -20015000.0, 0.0, -50000.0, 10007500.0), 800, 400),
        (0, 0, 180, 85),
    ),
    "mollweide": (Grid("ESRI:54009", (50000.0, 0.0, -18e6, 0.0, -50000.0, 9e6), 720, 360), (0, 0, 180, 85)),
    "mercator": (Grid("EPSG:3857", (20000.0, 0.0, -20e6, 0.0, -20000.0, 10e6), 2000, 1000), (0, 0, 180, 75)),
    "fiji": (Grid("EPSG:3460", (1000.0, 0.0, 1500000.0, 0.0, -1000.0, 4600000.0), 1200, 1200), (180, -17, 8, 8)),
    "world": (WORLD, (0, 0, 180, 85)),
    "0 to 360": (WORLD_360, (0, 0, 180, 85)),
}


def zones(*shapes, crs=4326):
    return geopandas.GeoDataFrame({"id": [f"z{i}" for i in range(len(shapes))]}, geometry=list(shapes), crs=crs)


def projected(outline, grid, crs=LONLAT):
    """Return an outline in a grid's CRS, by its vertices alone."""
    way = pyproj.Transformer.from_crs(crs, grid.crs, always_xy=True)
    return shapely.transform(outline, lambda xy: np.column_stack(way.transform(*xy.T)))


def cell_area(grid):
    return grid.transform[0] * abs(grid.transform[4])


# ------------------------------------------------------------------------------------------------ edges


@pytest.mark.parametrize(
    ("box", "grid"),
    [
        ((-110, 35, -100, 45), ALBERS),  # by its corners alone 0.2 % too small
        ((-120, 48.9, -100, 49), ALBERS),  # a strip: by its corners alone it lies 20 cells beside itself
        ((-90, 60, 90, 80), NORTH),  # half a ring around the pole: by its corners a trapezium
    ],
)
def test_edges_follow_those_of_the_file(box, grid):
    """Beside the outline with vertices every 0.01°, whose edges are off by less than a thousandth of a cell."""
    dense = projected(shapely.segmentize(shapely.box(*box), 0.01), grid)
    found = bring_to_grid(zones(shapely.box(*box)), grid).whole[0]
    off = TOLERANCE * grid.transform[0]
    assert shapely.within(found, shapely.buffer(dense, 1.02 * off)) and shapely.within(
        dense, shapely.buffer(found, 1.02 * off)
    )
    assert abs(found.area - dense.area) < 0.7 * off * dense.length  # a parabola's area is 2/3 of its height
    assert shapely.get_num_coordinates(found) < 2000
    assert not shapely.within(projected(shapely.box(*box), grid), shapely.buffer(dense, 10 * off))  # vertices alone


def test_neighbours_keep_sharing_their_edges():
    """The edge between two zones runs north in one and south in the other; no cell lies between or in both."""
    west = shapely.Polygon([(-110, 35), (-105, 35), (-100, 45), (-110, 45)])
    east = shapely.Polygon([(-105, 35), (-95, 35), (-95, 45), (-100, 45)])
    left, right = bring_to_grid(zones(west, east.reverse()), ALBERS).whole
    both = shapely.union_all([left, right])
    assert both.geom_type == "Polygon" and len(both.interiors) == 0
    assert both.area == pytest.approx(left.area + right.area, rel=1e-12)
    shared = shapely.intersection(left, right)
    assert shared.area == 0 and len(shapely.get_coordinates(shapely.line_merge(shared))) > 5


def test_vertices_are_added_only_where_cells_need_them():
    box = np.array([shapely.box(-110, 35, -100, 45)])
    way = [Reprojection(LONLAT, pyproj.CRS(5070), (size, size)) for size in (1000.0, 4000.0, 1000000.0)]
    fine, coarse, none = (shapely.get_num_coordinates(reproject(box, one)[0])[0] for one in way)
    # an edge's distance to its curve is a quarter of it for each halving: twice the vertices for 4 times the precision
    assert fine == pytest.approx(2 * coarse, rel=0.25) and none == 5


def test_an_edge_that_needs_too_many_vertices_is_refused(monkeypatch):
    monkeypatch.setattr("zonalflow.geometry.curves.MOST_VERTICES", 10)
    with pytest.raises(ZonesError, match="need more than 10 vertices to follow their edges on cells so small"):
        bring_to_grid(zones(shapely.box(-110, 35, -100, 45)), ALBERS)


@pytest.mark.parametrize("name", GRIDS)
def test_random_outlines_lie_where_the_file_has_them(name):
    """Checked as `verify` does: 2,000 points for each, brought to degrees, inside or outside there and here."""
    grid, (x, y, dx, dy) = GRIDS[name]
    random = np.random.default_rng([3, *name.encode()])
    shapes = []
    for _ in range(12):
        size = 10 ** random.uniform(-1, math.log10(min(dx, 60)))
        angle = np.sort(random.uniform(0, 2 * np.pi, random.integers(3, 40)))
        reach = size * random.uniform(0.4, 1, len(angle))
        longitude = x + random.uniform(-dx, dx) + reach * np.cos(angle)
        latitude = np.clip(y + random.uniform(-dy, dy), -88, 88) + reach * np.sin(angle)
        if random.random() < 0.7:
            longitude = (longitude + 180) % 360 - 180
        shapes.append(shapely.Polygon(np.column_stack([longitude, np.clip(latitude, -89.9, 89.9)])))
    placed, compared = bring_to_grid(zones(*shapes), grid), 0
    assert shapely.is_valid(placed.inside).all()
    for outline, inside in zip(shapes, placed.inside, strict=True):
        points, wrong = points_that_differ(inside, outline, LONLAT, grid, random)
        assert len(wrong) == 0, (outline.wkt, wrong[0])
        compared += points
    assert compared > 5000


def star(draw, x, y, size):
    """Return the vertices of a polygon around a point, each seen from it in a direction of its own."""
    n = draw(st.integers(3, 12))
    shares = np.array(draw(st.lists(st.floats(0.3, 1), min_size=n, max_size=n)))
    angle = np.cumsum(shares) / shares.sum() * 2 * np.pi
    reach = size * np.array(draw(st.lists(st.floats(0.3, 1), min_size=n, max_size=n)))
    return np.column_stack([x + reach * np.cos(angle), y + reach * np.sin(angle)])


@settings(max_examples=int(os.environ.get("ZONALFLOW_EXAMPLES", "25")), deadline=None, derandomize=True)
@given(st.data())
def test_random_outlines_have_the_area_of_dense_ones(data):
    """Each edge may be off by a twentieth of a cell, and a parabola's area is 2/3 of its height times its length."""
    name = data.draw(st.sampled_from(["albers", "utm at 30 m", "equal area", "fiji"]))
    grid, (_, _, dx, _) = GRIDS[name]
    west, south, east, north = grid.bounds
    way = pyproj.Transformer.from_crs(grid.crs, LONLAT, always_xy=True)
    x, y = way.transform((west + east) / 2, (south + north) / 2)
    size = data.draw(st.floats(0.2, 0.2 * dx))
    outline = shapely.Polygon(star(data.draw, x, y, size))
    dense = projected(shapely.segmentize(outline, size / 2000), grid)
    seam = shapely.transform(outline, lambda xy: np.column_stack([(xy[:, 0] + 180) % 360 - 180, xy[:, 1]]))
    (found,) = bring_to_grid(zones(seam), grid).whole
    assert abs(found.area - dense.area) <= 0.7 * TOLERANCE * grid.transform[0] * dense.length


@settings(max_examples=int(os.environ.get("ZONALFLOW_EXAMPLES", "25")), deadline=None, derandomize=True)
@given(st.data())
def test_random_rings_across_the_antimeridian_keep_their_area(data):
    """Cut by hand: the same ring counted on beyond 180. Begun at any vertex, either way, on the seam or across it."""
    xy = star(
        data.draw, 180 + data.draw(st.floats(-9, 9)), data.draw(st.floats(-60, 60)), data.draw(st.floats(0.1, 10))
    )
    if data.draw(st.booleans()):  # what lies beyond the antimeridian is drawn to it, as files cut there have it
        xy[:, 0] = np.minimum(xy[:, 0], 180)
    by_hand = shapely.Polygon(xy)
    assume(by_hand.is_valid and by_hand.area > 1e-3)
    minus = np.array(data.draw(st.lists(st.booleans(), min_size=len(xy), max_size=len(xy))))  # 180 written as −180
    longitude = np.where((xy[:, 0] > 180) | ((xy[:, 0] == 180) & minus), xy[:, 0] - 360, xy[:, 0])
    ring = np.roll(np.column_stack([longitude, xy[:, 1]]), data.draw(st.integers(0, len(xy) - 1)), axis=0)
    placed = bring_to_grid(zones(shapely.Polygon(ring[:: data.draw(st.sampled_from([1, -1]))])), WORLD)
    assert placed.inside[0].area == pytest.approx(by_hand.area, rel=1e-6)


# ---------------------------------------------------------------------------------------- far and broken


def test_a_zone_far_from_the_grid_is_dropped():
    """In UTM 19N, Antarctica lies on Puerto Rico if it is projected by its vertices."""
    antarctica, near = shapely.box(-180, -90, 180, -60), shapely.box(-67, 17.9, -66, 18.4)
    prepared, report = prepare(zones(antarctica, near), PUERTO_RICO, id_column="id")
    assert prepared["id"].tolist() == ["z1"] and report.dropped_outside == ["z0"]


def test_a_world_layer_on_a_local_grid():
    """Boxes of 20° that tile the world: those at 80–60 and 60–40° W, 0–20° N share the grid between them."""
    world = [shapely.box(w, s, w + 20, s + 20) for w in range(-180, 180, 20) for s in range(-90, 90, 20)]
    placed = bring_to_grid(zones(*world), PUERTO_RICO)
    assert placed.fraction.astype(bool).sum() == 1
    area = shapely.area(placed.inside).sum() / cell_area(PUERTO_RICO)
    assert area == pytest.approx(300 * 100, rel=1e-9)


def test_a_zone_beyond_the_surroundings_is_cut_to_them():
    """Half the northern hemisphere holds the whole grid.

    It has π R² on a sphere, the grid 3e10 m²: 3e10 / (π 6371000²) = 2.35e-4. UTM's scale near its centre adds less than
    1 %.
    """
    placed = bring_to_grid(zones(shapely.box(-180, 0, 0, 90)), PUERTO_RICO)
    assert shapely.area(placed.inside)[0] / cell_area(PUERTO_RICO) == pytest.approx(300 * 100, rel=1e-9)
    assert placed.fraction[0] == pytest.approx(3e10 / (math.pi * 6371000**2), rel=0.01)


def test_a_zone_of_which_nothing_lies_in_the_surroundings():
    """A frame around the grid: its bounds hold the grid, and UTM cannot show it; nothing of it is left."""
    around = shapely.box(-180, -60, 0, 60).difference(shapely.box(-80, -59, 0, 59))
    assert bring_to_grid(zones(around), PUERTO_RICO).fraction[0] == 0


@pytest.mark.parametrize("crs", ["EPSG:3857", "ESRI:54009", "EPSG:6933"], ids=["mercator", "mollweide", "equal area"])
def test_a_world_layer_in_another_projection_on_a_local_grid(crs):
    """Antarctica lies far away; the north-western quarter of the world, which UTM cannot show, holds the whole grid."""
    shapes = [shapely.box(-180, -84, 180, -60), shapely.box(-179, 0, 0, 80), shapely.box(-67, 17.9, -66, 18.4)]
    world = geopandas.GeoSeries(shapely.segmentize(shapes, 1), crs=4326).to_crs(crs)
    placed = bring_to_grid(zones(*world, crs=crs), PUERTO_RICO)
    found = shapely.area(placed.inside) / cell_area(PUERTO_RICO)
    assert placed.fraction[0] == found[0] == 0
    assert found[1] == pytest.approx(300 * 100, rel=1e-9) and 0 < placed.fraction[1] < 1e-3
    # 1° × 0.5° at 18.15° N: 105,820 m × 55,340 m = 5.856e9 m², and UTM enlarges areas there by some 0.1 %
    assert found[2] == pytest.approx(5861.5, rel=1e-4) and placed.fraction[2] == 1


def test_a_zone_drawn_beyond_mercators_map_is_not_dropped():
    """188–189° E are 172–171° W: the island is the same whichever way its longitudes count."""
    samoa = Grid("EPSG:32702", (1000.0, 0.0, 300000.0, 0.0, -1000.0, 8600000.0), 300, 200)
    turn = 2 * math.pi * 6378137
    there = geopandas.GeoSeries([shapely.box(-172, -14, -171.5, -13.5)], crs=4326).to_crs(3857)[0]
    beyond = shapely.transform(there, lambda xy: xy + np.array([turn, 0]))
    placed = bring_to_grid(zones(there, beyond, crs=3857), samoa)
    usual, moved = shapely.area(placed.inside)
    assert usual > 2000 * 1e6 and moved == pytest.approx(usual, rel=1e-9)


def test_degrees_around_a_grid_hold_all_of_it():
    for name, (grid, _) in GRIDS.items():
        around = surroundings_of(grid, LONLAT)
        way = pyproj.Transformer.from_crs(grid.crs, LONLAT, always_xy=True)
        west, south, east, north = grid.bounds
        random = np.random.default_rng(1)
        longitude, latitude = way.transform(random.uniform(west, east, 5000), random.uniform(south, north, 5000))
        known = np.isfinite(longitude)
        assert (latitude[known] >= around.south).all() and (latitude[known] <= around.north).all(), name
        assert ((longitude[known] - around.west) % 360 <= around.east - around.west).all(), name


def test_the_pole_is_in_the_degrees_of_a_polar_grid():
    around = surroundings_of(SOUTH, LONLAT)
    assert around.south == -90 and around.all_longitudes and -60 < around.north < -30


# ------------------------------------------------------------------------------------------- antimeridian

RING = [(179.9, -16.5), (179.9, -16.4), (-180, -16.4), (-180, -16.5), (180, -16.5)]


@pytest.mark.parametrize(("start", "way"), list(itertools.product(range(5), (1, -1))))
def test_a_step_along_the_antimeridian_is_no_band(start, way):
    """0.1 × 0.1 degrees just west of 180, from each vertex on, both ways."""
    ring = shapely.Polygon([*RING[start:], *RING[:start]][::way])
    (found,), *_ = unwrap(np.array([ring]))
    assert found.area == pytest.approx(0.01, rel=1e-9)
    for grid in (WORLD, WORLD_360):
        assert bring_to_grid(zones(ring), grid).inside[0].area == pytest.approx(0.01, rel=1e-6)
    fiji = GRIDS["fiji"][0]
    expected = projected(shapely.segmentize(shapely.box(179.9, -16.5, 180, -16.4), 0.001), fiji).area
    assert bring_to_grid(zones(ring), fiji).inside[0].area == pytest.approx(expected, rel=1e-6)


def test_an_island_that_steps_to_and_fro_across_the_antimeridian():
    """As world-atlas has Fiji. Moved to 0 … 360 by hand: area by the shoelace formula 0.409."""
    island = [(179.4, -16.8), (178.7, -17), (180, -16.07), (-180, -16.07), (-179.8, -16.02), (-179.9, -16.5)]
    island += [(-180, -16.55), (180, -16.55)]
    moved = shapely.Polygon([(x % 360 if x < 0 else x, y) for x, y in island])
    assert moved.area == pytest.approx(0.409)
    for grid in (WORLD, WORLD_360):
        assert bring_to_grid(zones(shapely.Polygon(island)), grid).inside[0].area == pytest.approx(0.409, rel=1e-9)


@pytest.mark.parametrize("edge", [-90, -89.999])
def test_antarctica_closed_along_the_edge_of_the_map(edge):
    """A coast at 70° S; the cap's area in the plane of degrees is 360 · 20, in polar coordinates a disc."""
    coast = [(float(x), -70.0) for x in range(-180, 181)]
    continent = shapely.Polygon([*coast, (180, edge), (-180, edge)])
    for grid in (WORLD, WORLD_360):
        assert bring_to_grid(zones(continent), grid).inside[0].area == pytest.approx(360 * (-70 - edge), rel=1e-9)
    radius = projected(shapely.Point(0, -70), SOUTH).y
    # the disc, up to the slit that a map's edge leaves at 89.999° S, and to straight edges between whole degrees
    assert bring_to_grid(zones(continent), SOUTH).inside[0].area == pytest.approx(math.pi * radius**2, rel=1e-4)


def test_a_box_around_a_pole_on_longitudes_to_360():
    """1,000 km around the south pole in polar coordinates: each row of the grid holds all longitudes within the box."""
    side = 1_000_000.0
    placed = bring_to_grid(zones(shapely.box(-side, -side, side, side), crs=3031), WORLD_360)
    way = pyproj.Transformer.from_crs(LONLAT, 3031, always_xy=True)
    longitude, latitude = np.meshgrid(np.arange(0.125, 360, 0.25), np.arange(-89.875, -70, 0.25))
    x, y = way.transform(longitude, latitude)
    inside = (np.abs(x) < side) & (np.abs(y) < side)
    assert placed.inside[0].area == pytest.approx(inside.sum() / 16, rel=0.005)
    assert shapely.contains_xy(placed.inside[0], longitude, latitude)[inside].mean() > 0.995


def test_a_continent_around_the_pole_keeps_its_hole():
    """A ring from 60° to 70° N, in degrees around the world, on a polar grid: the areas of two discs."""
    ring = shapely.Polygon([(x, 60.0) for x in range(-170, 181, 5)], [[(x, 70.0) for x in range(-170, 181, 5)]])
    found = bring_to_grid(zones(ring), NORTH).inside[0]
    outer, inner = (abs(projected(shapely.Point(-45, latitude), NORTH).y) for latitude in (60, 70))
    assert found.area == pytest.approx(math.pi * (outer**2 - inner**2), rel=1e-3)
