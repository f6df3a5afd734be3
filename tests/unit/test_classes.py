"""Categorical rasters: the cells of each class, and its name, in all tables."""

import numpy as np
import pandas
import pyogrio
import pytest
import rasterio
import xarray
from small import GRID, boxes, compute_year, place, read_time_steps, write_tif

from zonalflow.common.columns import label, tidy_name
from zonalflow.index.grids import grid_finder
from zonalflow.rasters.classes import class_colours, class_names
from zonalflow.rasters.read import TimeStep
from zonalflow.report.quantities import quantity_of
from zonalflow.steps.combine_years import Inputs, Params, combine_years
from zonalflow.steps.draw_maps import class_values, drawn_of, main_of
from zonalflow.tables.tidy import plan_layout
from zonalflow.tables.year_table import YearTable, save_year, table_head
from zonalflow.vectors.columns import field_names, year_columns

ZONES = boxes((0, 3, 3, 4), (3, 3, 6, 4)).assign(NAME=["One", "Two"], inside_fraction=[1.0, 0.25])
CLASSES = np.array([[11, 11, 41, 41, 41, 90], [0] * 6, [0] * 6, [0] * 6], np.uint8)
RAT = """<PAMDataset><PAMRasterBand band="1"><GDALRasterAttributeTable tableType="thematic">
<FieldDefn index="0"><Name>Value</Name><Type>0</Type><Usage>5</Usage></FieldDefn>
<FieldDefn index="1"><Name>Red</Name><Type>0</Type><Usage>6</Usage></FieldDefn>
<FieldDefn index="2"><Name>Class_Name</Name><Type>2</Type><Usage>2</Usage></FieldDefn>
<Row index="0"><F>11</F><F>70</F><F>Open Water</F></Row>
<Row index="1"><F>41</F><F>104</F><F>Deciduous Forest</F></Row>
<Row index="2"><F>90</F><F>186</F><F></F></Row>
</GDALRasterAttributeTable></PAMRasterBand></PAMDataset>"""


def categorical(path, names, date="2001"):
    time_steps = read_time_steps([TimeStep(date, str(path))], grid_finder(place(ZONES)))
    return compute_year(time_steps, ["categorical"], names)


def test_counts_and_shares_by_class(tmp_path):
    table = categorical(write_tif(tmp_path / "a.tif", CLASSES, nodata=0), {})
    assert table.columns["class_11"].tolist() == [[2, 0]]
    assert table.columns["class_41"].tolist() == [[1, 2]]
    np.testing.assert_array_equal(table.columns["share_11"], [[2 / 3, 0]])
    np.testing.assert_array_equal(table.columns["share_90"], [[0, 1 / 3]])
    assert list(table.columns) == [
        "class_11", "share_11", "class_41", "share_41", "class_90", "share_90", "count", "valid_fraction",
    ]  # fmt: skip


def test_a_row_without_a_number_names_no_class(tmp_path):
    path = write_tif(tmp_path / "a.tif", CLASSES, nodata=0)
    (tmp_path / "a.tif.aux.xml").write_text(RAT.replace('<Row index="1">', '<Row index="../../x">'))
    assert class_names(str(path)) == {11: "Open Water"}


def test_names_from_gdals_attribute_table(tmp_path):
    path = write_tif(tmp_path / "a.tif", CLASSES, nodata=0)
    (tmp_path / "a.tif.aux.xml").write_text(RAT)
    names = class_names(str(path))
    assert names == {11: "Open Water", 41: "Deciduous Forest"}
    table = categorical(path, {**names, 99: "does not occur"})
    assert table.classes == {"11": "Open Water", "41": "Deciduous Forest"}
    assert tidy_name("share_41", table.classes) == "share_41_Deciduous_Forest"
    assert tidy_name("class_90", table.classes) == "class_90"
    assert "class_11_Open_Water" in year_columns(table, np.ones(2))
    fields = field_names(table, set())
    assert fields["class_11_Open_Water"] == "class_11"  # a shapefile's ten characters hold the value


def table_of(fields, rows, attributes=""):
    """Return a side file: fields of (name, type, usage), rows of texts."""
    head = "".join(
        f"<FieldDefn><Name>{name}</Name><Type>{kind}</Type><Usage>{usage}</Usage></FieldDefn>"
        for name, kind, usage in fields
    )
    body = "".join("<Row>" + "".join(f"<F>{text}</F>" for text in row) + "</Row>" for row in rows)
    table = f"<GDALRasterAttributeTable {attributes}>{head}{body}</GDALRasterAttributeTable>"
    return f'<PAMDataset><PAMRasterBand band="1">{table}</PAMRasterBand></PAMDataset>'


RED, CLASS_TEXT = ("Red", 0, 6), ("Kind", 2, 0)


@pytest.mark.parametrize(
    ("fields", "rows", "attributes", "names"),
    [
        # 10 + 0 × 1, 10 + 1 × 1, 10 + 2 × 1, whatever the red of 71
        ([RED, CLASS_TEXT], [(71, "Open Water"), (0, ""), (9, "Forest")], "Row0Min='10' BinSize='1'",
         {10: "Open Water", 12: "Forest"}),
        # 0 + 0 × 10, 0 + 1 × 10
        ([CLASS_TEXT], [("low",), ("high",)], "Row0Min='0' BinSize='10'", {0: "low", 10: "high"}),
        # the whole numbers in -0.5 … 0.5 and 0.5 … 1.5
        ([CLASS_TEXT], [("no",), ("yes",)], "Row0Min='-0.5' BinSize='1'", {0: "no", 1: "yes"}),
        # 0.25 + 0 × 0.5 is no class
        ([CLASS_TEXT], [("no",), ("yes",)], "Row0Min='0.25' BinSize='0.5'", {}),
        # a range of several values has no value of its own
        ([("a", 0, 3), ("b", 0, 4), CLASS_TEXT], [(3, 3, "three"), (4, 9, "more")], "", {3: "three"}),
        # neither a value column nor Row0Min: red is no value
        ([RED, CLASS_TEXT], [(71, "Open Water")], "", {}),
        # numbers are no names, not even in a column of texts or one called so
        ([("Value", 0, 5), ("Name", 0, 2)], [(11, 7)], "", {}),
        ([("Value", 0, 5), ("Name", 2, 2)], [(11, "11")], "", {}),
        ([("Value", 0, 5), ("Code", 2, 0), ("Kind", 2, 0)], [(11, "011", "Water")], "", {11: "Water"}),
    ],
    ids=["rows", "wide bins", "centred bins", "no whole number", "range", "no value", "number", "text", "next text"],
)  # fmt: skip
def test_an_attribute_table_names_values_and_nothing_is_guessed(tmp_path, fields, rows, attributes, names):
    path = write_tif(tmp_path / "a.tif", CLASSES, nodata=0)
    (tmp_path / "a.tif.aux.xml").write_text(table_of(fields, rows, attributes))
    assert class_names(str(path)) == names


def test_names_that_are_only_numbers_are_none(tmp_path):
    path = write_tif(tmp_path / "a.tif", CLASSES, nodata=0)
    categories = "<CategoryNames><Category>0</Category><Category>1.5</Category></CategoryNames>"
    (tmp_path / "a.tif.aux.xml").write_text(f"<PAMDataset><PAMRasterBand>{categories}</PAMRasterBand></PAMDataset>")
    frame = pandas.DataFrame({"Value": [11, 41], "Code": ["11", "41"], "Text": ["Water", "Forest"]})
    pyogrio.write_dataframe(frame, tmp_path / "table.dbf", driver="ESRI Shapefile")
    (tmp_path / "table.dbf").rename(tmp_path / "a.tif.vat.dbf")
    assert class_names(str(path)) == {11: "Water", 41: "Forest"}


def test_names_from_categories_and_from_esris_table(tmp_path):
    path = write_tif(tmp_path / "a.tif", CLASSES, nodata=0)
    assert class_names(str(path)) == {}
    frame = pandas.DataFrame({"Value": [11, 41], "Count": [2.0, 3.0], "CLASS_NAME": ["Water", "Forest"]})
    pyogrio.write_dataframe(frame, tmp_path / "table.dbf", driver="ESRI Shapefile")
    (tmp_path / "table.dbf").rename(tmp_path / "a.tif.vat.dbf")
    assert class_names(str(path)) == {11: "Water", 41: "Forest"}
    categories = "<CategoryNames><Category>none</Category><Category>crop</Category></CategoryNames>"
    (tmp_path / "a.tif.aux.xml").write_text(f"<PAMDataset><PAMRasterBand>{categories}</PAMRasterBand></PAMDataset>")
    assert class_names(str(path)) == {0: "none", 1: "crop"}


def test_names_from_the_flags_of_a_netcdf(tmp_path):
    data = xarray.Dataset({"cover": (("lat", "lon"), CLASSES)}, {"lat": [3.5, 2.5, 1.5, 0.5], "lon": np.arange(0.5, 6)})
    data["cover"].attrs = {"flag_values": np.array([11, 41], "u1"), "flag_meanings": "water forest"}
    data.to_netcdf(tmp_path / "a.nc")
    assert class_names(str(tmp_path / "a.nc"), "cover") == {11: "water", 41: "forest"}


def test_a_class_of_one_year_is_a_column_of_all(tmp_path):
    ZONES.to_parquet(tmp_path / "zones.parquet")
    keys = []
    for year, values in ((2001, CLASSES), (2006, np.where(CLASSES == 90, 95, CLASSES).astype(np.uint8))):
        path = tmp_path / f"{year}.npz"
        save_year(
            path, categorical(write_tif(tmp_path / f"{year}.tif", values, nodata=0), {11: "Open Water"}, str(year))
        )
        keys.append(("cover", year, str(path)))
    targets = {"parquet": str(tmp_path / "a.parquet"), "wide": str(tmp_path / "wide.csv")}
    inputs = Inputs([path for _, _, path in keys], str(tmp_path / "zones.parquet"))
    params = Params([(variable, year) for variable, year, _ in keys], "id", ["categorical"], ["a"], {}, "center")
    combine_years(inputs, targets, str(tmp_path / "tables.sha256"), params, lambda line: None)
    tidy = pandas.read_parquet(targets["parquet"])
    assert tidy["class_11_Open_Water"].tolist() == [2, 0, 2, 0]
    assert tidy["class_90"].tolist() == [0, 1, 0, 0]
    assert tidy["class_95"].tolist() == [0, 0, 0, 1]
    assert tidy["class_95"].dtype == np.int64
    wide = pandas.read_csv(targets["wide"])
    assert wide["cover_class_95_2001"].tolist() == [0, 0]
    assert wide["cover_class_95_2006"].tolist() == [0, 1]


def test_classes_are_called_by_names_that_all_tables_agree_on(tmp_path):
    legends = [{"1": "Corn", "2": "Forest"}, {"1": "Clay", "2": "Forest"}, {}]
    for k, legend in enumerate(legends):
        columns = {name: np.ones((1, 2)) for name in ("class_1", "share_1", "class_2", "share_2", "count")}
        save_year(tmp_path / f"{k}.npz", YearTable(["2000"], {**columns, "valid_fraction": np.ones((1, 2))}, legend))
    layout = plan_layout([tmp_path / f"{k}.npz" for k in range(3)], {}, np.ones(2), ["categorical"])
    assert layout.names["class_1"] == "class_1"  # Corn in one, Clay in another
    assert layout.names["class_2"] == "class_2_Forest"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (41, "41"),
        (41.0, "41"),
        (1467243.0, "1467243"),
        (-3, "-3"),
        (0.5, "0.5"),
        (np.float32(0.1).item(), "0.100000001"),
    ],
)
def test_a_class_is_called_by_all_of_its_digits(value, text):
    assert label(value) == text
    assert np.float32(float(text)) == np.float32(value)


def test_classes_of_many_digits_stay_apart():
    values = np.full(GRID.shape, 1467243, np.int32)
    values[0] = 1467244
    table = compute_year([("2000", values, -1, place(boxes((0, 0, 6, 4))))], ["categorical"])
    assert table.columns["class_1467243"].tolist() == [[18]]
    assert table.columns["class_1467244"].tolist() == [[6]]


def test_colours_come_from_the_file(tmp_path):
    path = write_tif(tmp_path / "a.tif", CLASSES, nodata=0)
    assert class_colours(str(path)) == {}
    with rasterio.open(path, "r+") as raster:
        raster.write_colormap(1, {11: (70, 107, 159, 255), 41: (104, 171, 95, 255)})
    found = class_colours(str(path))
    assert found[11] == "#466b9f" and found[41] == "#68ab5f"
    flags = {"flag_values": np.array([1, 2], np.int8), "flag_meanings": "a b", "flag_colors": "#FF0000 blue"}
    data = xarray.DataArray(np.ones((2, 2), np.int8), dims=("y", "x"), attrs=flags)
    data.to_dataset(name="lc").to_netcdf(tmp_path / "a.nc")
    assert class_colours(str(tmp_path / "a.nc"), "lc") == {1: "#ff0000"}


def test_maps_show_the_most_frequent_class(tmp_path):
    # In the first year zone 0 has as much of 11 as of 41: the smaller one. Zone 1 has no data.
    shares = [{"share_11": [0.5, np.nan], "share_41": [0.5, np.nan]}, {"share_41": [0.2, 0.9], "share_90": [0.8, 0.1]}]
    for year, columns in enumerate(shares):
        arrays = {name: np.array([values]) for name, values in columns.items()}
        table = YearTable([f"{year}"], {**arrays, "count": np.ones((1, 2))}, {"11": "Water"}, colours={"90": "#123456"})
        save_year(tmp_path / f"{year}.npz", table)
    values, classes = class_values([str(tmp_path / "0.npz"), str(tmp_path / "1.npz")])
    np.testing.assert_array_equal(values, [[0, np.nan], [2, 1]])
    assert classes.names == ("Water", "41", "90") and classes.values[2] == "#123456"


def test_classes_have_names_where_only_the_majority_is_asked_for(tmp_path):
    table = compute_year(
        [("2000", CLASSES, 0, place(boxes((0, 0, 6, 4))))], ["majority"], {11: "Water", 41: "Forest", 7: "?"}
    )
    assert table.columns["majority"].tolist() == [[41]]  # 3 cells of 6
    assert table.classes == {"41": "Forest"}  # of the classes that are values of the table


def test_maps_of_the_majority_are_maps_of_classes(tmp_path):
    # Twelve dates: zone 0 has 41 on seven of them, zone 1 both equally often (the smaller one), zone 2 no data.
    codes = np.array([[41, 11, np.nan]] * 6 + [[41, 41, np.nan]] + [[11, 41, np.nan]] * 5)
    save_year(
        tmp_path / "0.npz", YearTable([f"2000-{m:02}" for m in range(1, 13)], {"majority": codes}, {"41": "Forest"})
    )
    head = table_head(tmp_path / "0.npz")
    assert main_of(["mean", "majority"], [head]) == "majority"  # a mean of codes says nothing
    drawn = drawn_of([str(tmp_path / "0.npz")], "majority", quantity_of("cover", {}), [head])
    np.testing.assert_array_equal(drawn.values, [[1, 0, np.nan]])
    assert drawn.palette.names == ("11", "Forest") and drawn.palette.codes == ("11", "41")
