"""The maps: they show the numbers on one colour scale, and their texts say what they show."""

import warnings

import geopandas
import matplotlib.image
import numpy as np
import pytest
import shapely

from zonalflow.report import captions, colours, maps, outlines
from zonalflow.report.quantities import quantity_of
from zonalflow.steps.draw_maps import part_of
from zonalflow.tables.year_table import YearTable

SQUARES = geopandas.GeoDataFrame(
    {"inside_fraction": [1.0, 1.0, 1.0, 0.5]},
    geometry=[shapely.box(x, y, x + 1, y + 1) for y in (41, 40) for x in (-90, -89)],  # reading order
    crs="EPSG:4269",
)
RAIN = captions.caption(quantity_of("ppt", {}), "mean", region="Squares", when="2000")


def draw(path, zones, values, **options):
    """Draw one map."""
    maps.draw_years([path], zones, [values], [RAIN], **options)


def pixel(path, x, y):
    """Return the colour ``#rrggbb`` at a position in shares of the map, from its upper left."""
    image = (matplotlib.image.imread(path)[:, :, :3] * 255).round().astype(int)
    # Between the title and the key, all that is not white is the map.
    rows, columns = np.nonzero((image[100:-190] != 255).any(axis=2))
    row = 100 + rows.min() + int(y * (rows.max() - rows.min()))
    column = columns.min() + int(x * (columns.max() - columns.min()))
    return "#{:02x}{:02x}{:02x}".format(*image[row, column])


@pytest.mark.parametrize(
    ("dates", "missing", "months", "part", "title"),
    [
        (["2000"], [], None, "", "Annual precipitation, Squares, 2000"),
        (["2000-06", "2000-07"], [], [6, 7], "Jun, Jul", "Precipitation of Jun, Jul, Squares, 2000"),
        (["2000-06", "2000-08"], ["2000-07"], None, "Jun, Aug", "Precipitation of Jun, Aug, Squares, 2000"),
        (
            [f"2000-{m:02}" for m in range(5, 13)],
            ["2000-01"],
            None,
            "May–Dec",
            "Precipitation of May–Dec, Squares, 2000",
        ),
        (["2000-01-01"] * 3, ["2000-01-04"], None, "3 of 4 dates", "Precipitation of 3 of 4 dates, Squares, 2000"),
    ],
)
def test_the_map_of_an_incomplete_year_names_its_dates(dates, missing, months, part, title):
    assert part_of(YearTable(dates, {}, missing=missing), months) == part
    assert captions.caption(quantity_of("ppt", {}), "mean", region="Squares", when="2000", part=part).title == title


def test_a_zone_has_the_colour_of_its_value(tmp_path):
    path = tmp_path / "maps/ppt_2000.png"
    draw(path, SQUARES, [0, 1, np.nan, 0.5], palette=colours.WATER, scale=(0, 1))
    assert pixel(path, 0.25, 0.25) == colours.WATER.values[0]
    assert pixel(path, 0.75, 0.25) == colours.WATER.values[-1]
    assert pixel(path, 0.25, 0.75) == colours.MISSING


def test_the_scale_is_the_same_in_every_year(tmp_path):
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    maps.draw_years(paths, SQUARES, [[1, 2, 3, 4], [1, 200, 300, 400]], [RAIN, RAIN], palette=colours.HEAT)
    assert pixel(paths[0], 0.25, 0.25) == pixel(paths[1], 0.25, 0.25)
    assert pixel(paths[0], 0.75, 0.25) != pixel(paths[1], 0.75, 0.25)


def test_cut_zones_are_hatched(tmp_path):
    plain, cut = tmp_path / "plain.png", tmp_path / "cut.png"
    draw(plain, SQUARES.assign(inside_fraction=1.0), [1, 1, 1, 1])
    draw(cut, SQUARES, [1, 1, 1, 1])
    a, b = (matplotlib.image.imread(path) for path in (plain, cut))
    differs = (a != b).any(axis=2)[100:-190]  # of the map, not of its key
    rows, columns = np.nonzero(differs)
    assert differs.sum() > 500
    assert columns.min() > 0.45 * a.shape[1] and rows.min() > 0.4 * differs.shape[0]  # the lower right square only


def test_the_same_numbers_give_the_same_bytes(tmp_path):
    for name in ("a.png", "b.png"):
        draw(tmp_path / name, SQUARES, [1, 2, 3, 4])
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", "b.png"}


@pytest.mark.parametrize("years", [1, 2, 21, 126])
def test_the_overview_holds_any_number_of_years(tmp_path, years):
    table = np.linspace(0, 1, years)[:, None] + np.zeros(4)
    path = tmp_path / "overview.png"
    maps.draw_overview(path, SQUARES, table, [str(y) for y in range(years)], RAIN, palette=colours.WATER, scale=(0, 1))
    image = matplotlib.image.imread(path)
    assert image.shape[1] == 1500 and 600 < image.shape[0] < 2200
    first = np.array([int(colours.WATER.values[0][i : i + 2], 16) for i in (1, 3, 5)]) / 255
    assert (np.abs(image[:, :, :3] - first) < 0.01).all(axis=2).sum() > 200


@pytest.mark.parametrize(("count", "aspect"), [(1, 1), (2, 0.3), (7, 1.6), (21, 1.2), (126, 1.6), (365, 3)])
def test_panels_fit_without_an_empty_row_or_column(count, aspect):
    columns, rows = maps._columns_and_rows(count, aspect)
    assert columns * rows >= count > columns * (rows - 1)
    assert count >= columns


def test_small_maps_lie_farther_apart_than_their_zones():
    # Of two columns each has 5 of the 10 inches, and 8 % of these, 0.4, lie between the maps.
    (left, _, width, _), (right, *_) = maps._arrange_panels(2, 1.0).boxes
    assert right - left - width == pytest.approx(0.4)


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
        draw(tmp_path / "a.png", zones, [1, 2, 3, 3, np.inf])
        draw(tmp_path / "b.png", zones, [np.nan] * 5)
        maps.draw_overview(tmp_path / "c.png", zones, [[7] * 5], ["2000"], RAIN)


def test_a_hole_is_not_filled(tmp_path):
    ring = shapely.box(0, 0, 9, 9).difference(shapely.box(3, 3, 6, 6))
    zones = geopandas.GeoDataFrame(geometry=[ring], crs="EPSG:32617")
    draw(tmp_path / "ring.png", zones, [1])
    assert pixel(tmp_path / "ring.png", 0.5, 0.5) == "#ffffff"
    assert pixel(tmp_path / "ring.png", 0.15, 0.5) != "#ffffff"


def test_a_caption_names_quantity_region_years_and_unit():
    assert captions.Caption("Annual precipitation, Squares, 2000", "mean in each zone (mm)") == RAIN
    unitless = captions.caption(quantity_of("ndvi", {}), "unique", region="x", when="y")
    assert unitless.scale == "number of different values in each zone"


def test_a_caption_marks_synthetic_data():
    cold = quantity_of("tmin", {})
    synthetic = captions.caption(cold, "max", region="", when="2000–2020", synthetic=True, note="Thanks.")
    assert synthetic.title == "Maximum of minimum temperature, 2000–2020 (synthetic data)"
    assert synthetic.scale == "maximum in each zone (°C)"
    assert synthetic.note.startswith("Synthetic data") and synthetic.note.endswith("Thanks.")


def test_the_scale_ignores_missing_values_and_an_outlier():
    assert colours.limits([np.nan, np.inf]) == (0, 1)
    assert colours.limits([10, np.nan, 10]) == (9.5, 10.5)
    low, high = colours.limits([*range(1001), 1e9])
    # The 0.5 and 99.5 % quantiles of 0 … 1000 and one more: positions 5.005 and 995.995.
    assert (low, high) == pytest.approx((5.005, 995.995))


def test_projected_areas_are_proportional_to_true_areas():
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


PALETTES = [colours.WATER, colours.HEAT, colours.DRYNESS, colours.NEUTRAL]


def luminance(hex_colours):
    """Return the relative luminance of colours ``#rrggbb`` (IEC 61966-2-1): what is left of them without hue."""
    srgb = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in hex_colours]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)


@pytest.mark.parametrize("palette", PALETTES, ids=lambda palette: palette.sequential)
def test_greater_values_are_darker(palette):
    light = luminance(palette.values)
    assert (np.diff(light) < 0.001).all() and light[0] - light[-1] > 0.5
    assert light[0] < 0.95  # the lightest zone still shows on a white page


@pytest.mark.parametrize("palette", PALETTES, ids=lambda palette: palette.diverging)
def test_differences_are_darker_farther_from_zero(palette):
    light = luminance(palette.differences)
    middle = len(light) // 2
    # Two neighbours of zero are the lightest; each half only darkens away from them.
    assert (np.diff(light[:middle]) > -0.001).all() and (np.diff(light[middle:]) < 0.001).all()
    assert light[middle] > 0.8 and max(light[0], light[-1]) < 0.1


def test_grey_of_missing_data_is_in_no_palette():
    for palette in PALETTES:
        for colour in (*palette.values, *palette.differences):
            steps = [abs(int(colour[i : i + 2], 16) - 0xD4) for i in (1, 3, 5)]
            assert max(steps) >= 8, colour


@pytest.mark.parametrize("unit", ["$", "$x^2", "$\\frac$", "100 $ per \\ ha"])
def test_a_unit_is_no_formula(unit, tmp_path):
    text = captions.caption(quantity_of("price", {"price": unit}), "mean", region="$a_$", when="2000")
    maps.draw_years([tmp_path / "a.png"], SQUARES, [[1, 2, 3, 4]], [text])
    assert (tmp_path / "a.png").stat().st_size > 1000
