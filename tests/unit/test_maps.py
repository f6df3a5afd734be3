"""The pictures: that they show the numbers, with one scale, and say what they show."""

import warnings

import geopandas
import matplotlib.image
import numpy as np
import pytest
import shapely

from zonalflow.report import maps, outlines, palettes
from zonalflow.report.quantities import quantity

SQUARES = geopandas.GeoDataFrame(
    {"inside_fraction": [1.0, 1.0, 1.0, 0.5]},
    geometry=[shapely.box(x, y, x + 1, y + 1) for y in (41, 40) for x in (-90, -89)],  # reading order
    crs="EPSG:4269",
)
RAIN = maps.caption(quantity("ppt"), "mean", place="Squares", when="2000")


def pixel(path, x, y):
    """Return the colour ``#rrggbb`` at a place in shares of the map, from its upper left."""
    image = (matplotlib.image.imread(path)[:, :, :3] * 255).round().astype(int)
    # Between the title and the key, all that is not white is the map.
    rows, columns = np.nonzero((image[100:-190] != 255).any(axis=2))
    row = 100 + rows.min() + int(y * (rows.max() - rows.min()))
    column = columns.min() + int(x * (columns.max() - columns.min()))
    return "#{:02x}{:02x}{:02x}".format(*image[row, column])


def test_a_zone_has_the_colour_of_its_value(tmp_path):
    path = tmp_path / "maps/ppt_2000.png"
    maps.draw_year(path, SQUARES, [0, 1, np.nan, 0.5], RAIN, palette="water", scale=(0, 1))
    colours = palettes.sequential("water")
    assert pixel(path, 0.25, 0.25) == colours[0]
    assert pixel(path, 0.75, 0.25) == colours[-1]
    assert pixel(path, 0.25, 0.75) == palettes.MISSING


def test_the_scale_is_the_same_in_every_year(tmp_path):
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    maps.draw_years(paths, SQUARES, [[1, 2, 3, 4], [1, 200, 300, 400]], [RAIN, RAIN], palette="heat")
    assert pixel(paths[0], 0.25, 0.25) == pixel(paths[1], 0.25, 0.25)
    assert pixel(paths[0], 0.75, 0.25) != pixel(paths[1], 0.75, 0.25)


def test_cut_zones_are_hatched(tmp_path):
    plain, cut = tmp_path / "plain.png", tmp_path / "cut.png"
    maps.draw_year(plain, SQUARES.assign(inside_fraction=1.0), [1, 1, 1, 1], RAIN)
    maps.draw_year(cut, SQUARES, [1, 1, 1, 1], RAIN)
    a, b = (matplotlib.image.imread(path) for path in (plain, cut))
    differs = (a != b).any(axis=2)[100:-190]  # of the map, not of its key
    rows, columns = np.nonzero(differs)
    assert differs.sum() > 500
    assert columns.min() > 0.45 * a.shape[1] and rows.min() > 0.4 * differs.shape[0]  # the lower right square only


def test_the_same_numbers_give_the_same_bytes(tmp_path):
    for name in ("a.png", "b.png"):
        maps.draw_year(tmp_path / name, SQUARES, [1, 2, 3, 4], RAIN)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", "b.png"}


@pytest.mark.parametrize("years", [1, 2, 21, 126])
def test_the_overview_holds_any_number_of_years(tmp_path, years):
    table = np.linspace(0, 1, years)[:, None] + np.zeros(4)
    path = tmp_path / "overview.png"
    maps.draw_overview(path, SQUARES, table, [str(y) for y in range(years)], RAIN, palette="water", scale=(0, 1))
    image = matplotlib.image.imread(path)
    assert image.shape[1] == 1500 and 600 < image.shape[0] < 2200
    first = np.array([int(palettes.sequential("water")[0][i : i + 2], 16) for i in (1, 3, 5)]) / 255
    assert (np.abs(image[:, :, :3] - first) < 0.01).all(axis=2).sum() > 200


@pytest.mark.parametrize(("count", "aspect"), [(1, 1), (2, 0.3), (7, 1.6), (21, 1.2), (126, 1.6), (365, 3)])
def test_panels_fit_without_an_empty_row_or_column(count, aspect):
    columns, rows = maps._arrangement(count, aspect)
    assert columns * rows >= count > columns * (rows - 1)
    assert count >= columns


def test_odd_zones_and_values_are_drawn_too(tmp_path):
    zones = geopandas.GeoDataFrame(
        geometry=[
            None,
            shapely.Polygon(),
            shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(2, 0, 3, 1)]),
            shapely.box(4, 0, 8, 4).difference(shapely.box(5, 1, 7, 3)),
            shapely.box(4.5, 0.5, 6, 2),  # overlaps its neighbour
        ],
        crs="EPSG:32617",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        maps.draw_year(tmp_path / "a.png", zones, [1, 2, 3, 3, np.inf], RAIN)
        maps.draw_year(tmp_path / "b.png", zones, [np.nan] * 5, RAIN)
        maps.draw_overview(tmp_path / "c.png", zones, [[7] * 5], ["2000"], RAIN)


def test_a_hole_is_not_filled(tmp_path):
    ring = shapely.box(0, 0, 9, 9).difference(shapely.box(3, 3, 6, 6))
    zones = geopandas.GeoDataFrame(geometry=[ring], crs="EPSG:32617")
    maps.draw_year(tmp_path / "ring.png", zones, [1], RAIN)
    assert pixel(tmp_path / "ring.png", 0.5, 0.5) == "#ffffff"
    assert pixel(tmp_path / "ring.png", 0.15, 0.5) != "#ffffff"


def test_the_words_say_what_where_when_in_which_unit_and_whether_it_is_true():
    assert maps.Caption("Annual precipitation, Squares, 2000", "mean in each zone (mm)") == RAIN
    made_up = maps.caption(quantity("tmin"), "max", place="", when="2000–2020", synthetic=True, note="Thanks.")
    assert made_up.title == "Maximum of minimum temperature, 2000–2020 (synthetic data)"
    assert made_up.scale == "maximum in each zone (°C)"
    assert made_up.note.startswith("Synthetic data") and made_up.note.endswith("Thanks.")
    assert (
        maps.caption(quantity("ndvi"), "unique", place="x", when="y").scale == "number of different values in each zone"
    )


def test_the_scale_ignores_what_is_missing_and_one_wild_zone():
    assert maps.limits([np.nan, np.inf]) == (0, 1)
    assert maps.limits([10, np.nan, 10]) == (9.5, 10.5)
    low, high = maps.limits([*range(1001), 1e9])
    # The 0.5 and 99.5 % quantiles of 0 … 1000 and one more: positions 5.005 and 995.995.
    assert (low, high) == pytest.approx((5.005, 995.995))


def test_a_plane_in_which_areas_compare():
    # A square degree at 25° and at 49° N: on the sphere, as sin 26° − sin 25° to sin 50° − sin 49°.
    zones = geopandas.GeoSeries([shapely.box(-100, 25, -99, 26), shapely.box(-80, 49, -79, 50)], crs="EPSG:4269")
    zones = geopandas.GeoDataFrame(geometry=zones.segmentize(0.01))
    south, north = shapely.area(outlines.to_plane(zones))
    expected = np.diff(np.sin(np.radians([49, 50])))[0] / np.diff(np.sin(np.radians([25, 26])))[0]
    assert north / south == pytest.approx(expected, rel=0.01)  # the ellipsoid differs from the sphere that much
    projected = zones.to_crs("EPSG:5070")
    assert outlines.to_plane(projected)[0] == projected.geometry[0]
    world = geopandas.GeoDataFrame(geometry=[shapely.box(-179, -60, 179, 80)], crs="EPSG:4326")
    assert np.isfinite(shapely.bounds(outlines.to_plane(world))).all()


def test_simplifying_keeps_common_borders_and_every_zone():
    wiggle = [(1 + 0.01 * (i % 2), i / 50) for i in range(51)]
    left = shapely.Polygon([(0, 0), *wiggle, (0, 1)])
    right = shapely.Polygon([*wiggle, (2, 1), (2, 0)])
    shapes = np.array([left, right, None, shapely.box(3, 0, 3.001, 0.001)], dtype=object)
    simple = outlines.simplified(shapes, 0.1)
    assert shapely.get_num_coordinates(simple[0]) < 20
    assert shapely.coverage_is_valid(simple[:2]) and shapely.area(simple[:2]).sum() == pytest.approx(2, rel=0.02)
    assert simple[2] is None and not simple[3].is_empty
    assert (outlines.simplified(shapes, 0)[:2] == shapes[:2]).all()


@pytest.mark.parametrize("name", ["water", "heat", "dryness", "neutral"])
def test_scales_are_uniform_to_the_eye_and_to_the_colour_blind(name):
    sequential = np.array([palettes.to_oklab(colour) for colour in palettes.sequential(name)])
    assert (np.diff(sequential[:, 0]) < 0.004).all()  # ever darker, also without any sense of colour
    diverging = np.array([palettes.to_oklab(colour) for colour in palettes.diverging(name)])
    for half in (diverging[:128:5], diverging[128::5]):
        steps = np.linalg.norm(np.diff(half, axis=0), axis=1)
        assert steps.max() < 1.3 * steps.min()
    lightness = diverging[:, 0]
    np.testing.assert_allclose(lightness, lightness[::-1], atol=0.02)  # both signs weigh the same
    # The ends differ along Oklab's blue-yellow axis, which red-green blindness leaves intact.
    assert abs(diverging[0, 2] - diverging[-1, 2]) > 0.1
