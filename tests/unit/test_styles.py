"""Styles for QGIS: the colours and steps of the maps, and expressions of the columns that the files have."""

import re
import xml.etree.ElementTree as ET

import numpy as np

from zonalflow.report.colours import WATER, Classes
from zonalflow.report.quantities import MOST_FREQUENT, quantity_of
from zonalflow.tables.year_table import YearTable
from zonalflow.vectors.style import field, most_frequent, steps_of, style_of_year, value_of

RAIN = quantity_of("ppt", {})


def table(*columns, dates=("2000",), classes=None):
    return YearTable(list(dates), dict.fromkeys((*columns, "count", "valid_fraction"), np.empty(0)), classes or {})


def style(
    of, stat="mean", palette=WATER, scale=(0.0, 90.0), values=(-5.0, 100.0), attributes=("NAME",), kinds=("shp", "gpkg")
):
    text = style_of_year(of, list(attributes), stat, RAIN, palette, scale, np.array(values), kinds)
    assert text.startswith("<!DOCTYPE qgis")
    return ET.fromstring(text.partition("\n")[2]).find("renderer-v2")


def test_nine_equal_steps_take_all_values():
    steps = steps_of((0.0, 90.0), WATER.values, -5.0, 100.0)
    assert [low for low, *_ in steps] == [-5, 10, 20, 30, 40, 50, 60, 70, 80]
    assert [high for _, high, _ in steps] == [10, 20, 30, 40, 50, 60, 70, 80, 100]
    # the middle of the third of 9 steps, 2.5/9 of 128 colours, is colour 35
    assert steps[2][2] == WATER.values[35]


def test_a_style_has_the_colours_and_unit_of_its_map():
    renderer = style(table("mean"))
    assert renderer.get("type") == "graduatedSymbol" and renderer.get("attr") == '"mean"'
    ranges = renderer.findall("ranges/range")
    assert len(ranges) == len(renderer.findall("symbols/symbol")) == 9
    assert ranges[0].get("label") == "-5 – 10 mm"
    rgb = [int(WATER.values[7][k : k + 2], 16) for k in (1, 3, 5)]  # 0.5/9 of 128 is 7.1
    colour = renderer.find("symbols/symbol/layer/Option/Option[@name='color']").get("value")
    assert colour == ",".join(map(str, rgb)) + ",255"


def test_months_are_added_up_as_on_the_map():
    assert style(table("mean", dates=("2000-01", "2000-02"))).get("attr") == '("mean_01" + "mean_02")'
    assert style(table("max", dates=("2000-01", "2000-02")), "max").get("attr") == 'max("max_01", "max_02")'
    assert value_of([("a", "a"), ("b", "b")], "mean") == '("a" + "b") / 2'


def test_a_shapefiles_shorter_name_is_found():
    assert "'pct_90'" in style(table("percentile_90"), "percentile_90").get("attr")
    own = style(table("mean"), attributes=["mean"]).get("attr")  # the zones' own attribute has the name in a shapefile
    assert re.search(r"= 'ESRI Shapefile', attribute\(\$currentfeature, 'mean_1'\)", own)
    assert field("a", "a") == '"a"'
    # files of one kind have one name
    assert style(table("percentile_90"), "percentile_90", kinds=("shp",)).get("attr") == '"pct_90"'
    assert style(table("percentile_90"), "percentile_90", kinds=("gpkg",)).get("attr") == '"percentile_90"'


def test_classes_have_their_names_and_colours():
    classes = Classes(("#112233", "#445566"), ("Water", "Forest"), ("11", "41"))
    of = table("share_11", "share_41", classes={"11": "Water", "41": "Forest"})
    renderer = style(of, MOST_FREQUENT, classes, classes.scale, (0, 1))
    assert renderer.get("type") == "categorizedSymbol"
    labels = [(c.get("value"), c.get("label")) for c in renderer.findall("categories/category")]
    assert labels == [("11", "Water"), ("41", "Forest")]
    assert "THEN 41" in renderer.get("attr")
    shares = {"11": [("s11", "s11")], "41": [("s41", "s41")]}
    cases = 'CASE WHEN "s11" = @largest THEN 11 WHEN "s41" = @largest THEN 41 END'
    assert most_frequent(shares) == f'with_variable(\'largest\', max("s11", "s41"), {cases})'


def test_a_majority_is_its_own_column():
    classes = Classes(("#112233",), ("Water",), ("11",))
    assert style(table("majority"), "majority", classes, classes.scale, (0,)).get("attr") == '"majority"'
