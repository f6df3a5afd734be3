"""Year tables and the tables of all years, read back by the readers that users have."""

import gc
import json
import shutil
import weakref

import duckdb
import geopandas
import numpy as np
import pandas
import polars
import pyarrow.parquet
import pytest
from small import GRID, boxes, place, write_tif

from zonalflow.common.columns import label, tidy_name
from zonalflow.common.errors import RasterError, ZonesError
from zonalflow.index.grids import grid_finder
from zonalflow.rasters.classes import class_names
from zonalflow.rasters.read import TimeStep, read_time_steps
from zonalflow.steps.combine_years import Inputs, Params, combine_years
from zonalflow.steps.zonal_stats import compute_year
from zonalflow.tables.tidy import plan_layout
from zonalflow.tables.year_table import YearTable, load_year, save_year, table_head
from zonalflow.vectors.columns import attribute_names, field_names, year_columns
from zonalflow.vectors.formats import write_vector
from zonalflow.vectors.shapefile import write_shapefile, write_template

ZONES = boxes((0, 3, 3, 4), (3, 3, 6, 4)).assign(NAME=["One", "Two"], inside_fraction=[1.0, 0.25])


@pytest.fixture
def study(tmp_path):
    """Two variables in 2000 and 2001, mean and max, two dates a year; zones.parquet beside them."""
    ZONES.to_parquet(tmp_path / "zones.parquet")
    keys = []
    for number, variable in enumerate(("ppt", "tmean")):
        for year in (2000, 2001):
            mean = np.array([[1.0, np.nan], [3.0, 4.0]]) + 100 * number + 10 * (year - 2000)
            columns = {
                "mean": mean, "max": mean + 1, "count": np.array([[3, 0], [3, 3]]),
                "valid_fraction": np.array([[1.0, 0.0], [1.0, 1.0]]),
            }  # fmt: skip
            path = tmp_path / f"{variable}_{year}.npz"
            save_year(path, YearTable([f"{year}-01", f"{year}-02"], columns))
            keys.append((variable, year, str(path)))
    return tmp_path, keys


def combined(study, *kinds, stats=("mean", "max"), log=lambda line: None):
    """Return the path of each table that was written."""
    folder, keys = study
    targets = {kind: str(folder / {"wide": "wide.csv"}.get(kind, f"tidy.{kind}")) for kind in kinds}
    inputs = Inputs([path for _, _, path in keys], str(folder / "zones.parquet"))
    params = Params([(variable, year) for variable, year, _ in keys], "id", list(stats))
    combine_years(inputs, targets, str(folder / "tables.sha256"), params, log)
    return targets


def test_the_tidy_table_has_a_row_for_each_variable_date_and_zone(study):
    lines = []
    targets = combined(study, "parquet", "csv", log=lines.append)
    table = pandas.read_parquet(targets["parquet"])
    assert len(table) == 2 * 4 * 2
    assert lines == ["16 rows"]
    assert list(table.columns) == [
        "id", "NAME", "variable", "date", "mean", "max", "count", "valid_fraction", "inside_fraction",
    ]  # fmt: skip
    row = table[(table["variable"] == "tmean") & (table["date"] == "2001-02") & (table["id"] == "b")].iloc[0]
    assert (row["mean"], row["max"], row["count"], row["inside_fraction"]) == (114.0, 115.0, 3, 0.25)
    assert table.groupby("variable")["mean"].apply(lambda column: column.isna().sum()).tolist() == [2, 2]
    text = pandas.read_csv(targets["csv"], dtype={"id": str, "date": str})
    pandas.testing.assert_frame_equal(text, table, check_dtype=False)


def row_groups(path):
    """Return the smallest and largest variable and date of each row group, as its statistics have them."""
    file = pyarrow.parquet.ParquetFile(path)
    names = file.schema_arrow.names
    found = []
    for i in range(file.num_row_groups):
        group = file.metadata.row_group(i)
        parts = [group.column(names.index(name)).statistics for name in ("variable", "date")]
        found.append([(part.min, part.max) for part in parts])
    return found


def test_a_row_group_holds_one_variable_and_year(study):
    path = combined(study, "parquet")["parquet"]
    assert row_groups(path) == [
        [(variable, variable), (f"{year}-01", f"{year}-02")] for variable in ("ppt", "tmean") for year in (2000, 2001)
    ]


def test_a_reader_finds_one_year_of_one_variable(study):
    path = combined(study, "parquet")["parquet"]
    expected = [111.0, 113.0, 114.0]  # of tmean in 2001; the fourth value is missing
    filters = [("variable", "==", "tmean"), ("date", ">=", "2001"), ("date", "<", "2002")]
    assert pandas.read_parquet(path, filters=filters)["mean"].dropna().tolist() == expected
    chosen = (polars.col("variable") == "tmean") & polars.col("date").str.starts_with("2001")
    assert polars.scan_parquet(path).filter(chosen).collect()["mean"].drop_nans().drop_nulls().to_list() == expected
    query = f"select mean from '{path}' where variable = 'tmean' and date like '2001%' and mean is not null"
    assert [mean for (mean,) in duckdb.sql(query).fetchall()] == expected


def test_the_wide_table_has_a_row_a_zone(study):
    wide = pandas.read_csv(combined(study, "wide")["wide"], dtype={"id": str})
    dates = ["2000-01", "2000-02", "2001-01", "2001-02"]
    names = [f"{v}_{s}_{d}" for v in ("ppt", "tmean") for d in dates for s in ("mean", "max")]
    assert list(wide.columns) == ["id", "NAME", "inside_fraction", *names]
    assert wide["id"].tolist() == ["a", "b"]
    assert wide["tmean_max_2001-02"].tolist() == [114.0, 115.0]
    assert np.isnan(wide["ppt_mean_2000-01"][1])


def test_the_columns_of_a_wide_table_of_one_number_are_dates(study):
    folder, keys = study
    for _, _, path in keys[:2]:
        table = load_year(path)
        save_year(path, YearTable(table.dates, {k: v for k, v in table.columns.items() if k != "max"}))
    targets = combined((folder, keys[:2]), "wide", stats=["mean"])
    wide = pandas.read_csv(targets["wide"])
    assert list(wide.columns) == ["id", "NAME", "inside_fraction", "2000-01", "2000-02", "2001-01", "2001-02"]
    assert wide["2001-02"].tolist() == [13.0, 14.0]


def test_memory_holds_one_year_at_a_time(study, monkeypatch):
    """A year table is read once, whatever the formats, and freed before the next one is read."""
    from zonalflow.tables import tidy, year_table

    _folder, keys = study
    original, read, alive = year_table.load_year, [], []

    def watched(path, only=None):
        table = original(path, only)
        if only is None:
            gc.collect()
            alive[:] = [reference for reference in alive if reference() is not None]
            read.append((str(path), len(alive)))
            alive.append(weakref.ref(table))
        return table

    monkeypatch.setattr(tidy, "load_year", watched)
    combined(study, "parquet", "csv")
    assert read == [(path, 0) for _, _, path in keys]


def test_a_large_year_has_several_row_groups(study, monkeypatch):
    monkeypatch.setattr("zonalflow.tables.tidy._BATCH_ROWS", 2)  # one date of two zones
    groups = row_groups(combined(study, "parquet")["parquet"])
    dates = [f"{year}-{month:02}" for year in (2000, 2001) for month in (1, 2)]
    assert groups == [[(variable, variable), (date, date)] for variable in ("ppt", "tmean") for date in dates]


def test_a_damaged_year_is_named(study):
    folder, keys = study
    shutil.copyfile(folder / "zones.parquet", keys[1][2])
    with pytest.raises(RasterError, match=r"ppt_2001.npz is damaged .*; delete it and run again"):
        combined(study, "parquet")


def test_a_row_tells_its_grid_when_there_are_several(study):
    _folder, keys = study
    table = load_year(keys[1][2])
    inside = np.array([[0.5, 0.5], [1.0, 1.0]])
    save_year(
        keys[1][2], YearTable(table.dates, {**table.columns, "inside_fraction": inside}, {}, ["abcd1234", "study"])
    )
    tidy = pandas.read_parquet(combined(study, "parquet")["parquet"])
    assert tidy["grid"].value_counts().to_dict() == {"study": 14, "abcd1234": 2}
    other = tidy[tidy["grid"] == "abcd1234"]
    assert other["date"].unique().tolist() == ["2001-01"]
    assert other["inside_fraction"].tolist() == [0.5, 0.5]
    assert tidy["inside_fraction"].iloc[:2].tolist() == [1.0, 0.25]


# -------------------------------------------------------------------------------------------------------------- classes

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


def test_names_from_categories_and_from_esris_table(tmp_path):
    path = write_tif(tmp_path / "a.tif", CLASSES, nodata=0)
    assert class_names(str(path)) == {}
    frame = pandas.DataFrame({"Value": [11, 41], "Count": [2.0, 3.0], "CLASS_NAME": ["Water", "Forest"]})
    import pyogrio

    pyogrio.write_dataframe(frame, tmp_path / "table.dbf", driver="ESRI Shapefile")
    (tmp_path / "table.dbf").rename(tmp_path / "a.tif.vat.dbf")
    assert class_names(str(path)) == {11: "Water", 41: "Forest"}
    categories = "<CategoryNames><Category>none</Category><Category>crop</Category></CategoryNames>"
    (tmp_path / "a.tif.aux.xml").write_text(f"<PAMDataset><PAMRasterBand>{categories}</PAMRasterBand></PAMDataset>")
    assert class_names(str(path)) == {0: "none", 1: "crop"}


def test_names_from_the_flags_of_a_netcdf(tmp_path):
    import xarray

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
    targets = combined((tmp_path, keys), "parquet", "wide", stats=["categorical"])
    tidy = pandas.read_parquet(targets["parquet"])
    assert tidy["class_11_Open_Water"].tolist() == [2, 0, 2, 0]
    assert tidy["class_90"].tolist() == [0, 1, 0, 0]
    assert tidy["class_95"].tolist() == [0, 0, 0, 1]
    assert tidy["class_95"].dtype == np.int64
    wide = pandas.read_csv(targets["wide"])
    assert wide["cover_class_95_2001"].tolist() == [0, 0]
    assert wide["cover_class_95_2006"].tolist() == [0, 1]


# -------------------------------------------------------------------------------------------------------------- vectors


def dated(dates, stats=("mean", "percentile_90", "majority")):
    columns = {name: np.arange(len(dates) * 2.0).reshape(-1, 2) for name in (*stats, "count", "valid_fraction")}
    return YearTable(dates, columns)


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (["2000"], {"mean": "mean", "percentile_90": "pct_90", "valid_fraction": "valid_frac"}),
        (["2000-01", "2000-12"], {"mean_12": "mean_12", "percentile_90_12": "p90_12", "majority_01": "major_01"}),
        (["2000-01-01", "2000-12-31"], {"valid_fraction_1231": "valid_1231", "percentile_90_0101": "p90_0101"}),
    ],
)
def test_shapefile_fields_tell_month_and_day(dates, expected):
    fields = field_names(dated(dates), {"GEOID", "NAME"})
    assert expected.items() <= fields.items()
    assert all(len(field) <= 10 for field in fields.values())
    assert len({field.upper() for field in fields.values()}) == len(fields)


def test_a_statistic_does_not_take_the_field_of_an_attribute():
    assert field_names(dated(["2000"]), {"MEAN"})["mean"] == "mean_1"


@pytest.mark.parametrize("kind", ["gpkg", "geojson", "geoparquet", "shp"])
def test_every_vector_format_holds_the_same(tmp_path, kind):
    table = dated(["2000-01", "2000-02"], stats=["mean"])
    columns = year_columns(table, np.array([1.0, 0.25]))
    if kind == "shp":
        fields = write_template(ZONES, tmp_path / "zones")
        assert fields == {"id": "id", "NAME": "NAME"}
        write_shapefile(tmp_path / "a", tmp_path / "zones", columns, field_names(table, set(fields.values())))
        frame = geopandas.read_file(tmp_path / "a.shp")
        frame = frame.rename(columns={short: name for name, short in field_names(table, set()).items()})
    else:
        path = tmp_path / f"a.{kind}"
        write_vector(path, kind, ZONES, columns)
        frame = geopandas.read_parquet(path) if kind == "geoparquet" else geopandas.read_file(path)
    assert frame.crs.to_epsg() == 4269
    assert frame["id"].tolist() == ["a", "b"]
    assert frame["mean_01"].tolist() == [0, 1]
    assert frame["mean_02"].tolist() == [2, 3]
    assert frame["inside_fraction"].tolist() == [1.0, 0.25]
    assert frame.geometry.geom_equals(ZONES.geometry).all()


@pytest.mark.parametrize("kind", ["gpkg", "geojson", "geoparquet"])
def test_attributes_that_have_the_name_of_a_result_are_numbered(tmp_path, kind):
    attributes = {"Mean_01": [5, 6], "mean_01_1": [7, 8], "fid": ["x", "x"], "geom": [1, 2], "inside_fraction": [9, 9]}
    zones = ZONES.assign(**attributes)
    path = tmp_path / f"a.{kind}"
    columns = year_columns(dated(["2000-01", "2000-02"], stats=["mean"]), np.array([1.0, 0.25]))
    write_vector(path, kind, zones, columns)
    frame = geopandas.read_parquet(path) if kind == "geoparquet" else geopandas.read_file(path)
    names = attribute_names(attributes, columns, kind)
    assert names["Mean_01"] == "Mean_01_1"
    assert names["mean_01_1"] == "mean_01_1_1"
    assert (names["fid"], names["geom"]) == (("fid_1", "geom_1") if kind == "gpkg" else ("fid", "geom"))
    assert frame["mean_01"].tolist() == [0, 1]
    for name in ("Mean_01", "mean_01_1", "fid", "geom"):
        assert frame[names[name]].tolist() == attributes[name]


LAMBERT = "+proj=lcc +lat_1=25 +lat_2=60 +lat_0=42.5 +lon_0=-100 +ellps=WGS84 +units=m"  # Daymet's: it has no code
ROTATED = "+proj=ob_tran +o_proj=longlat +o_lon_p=0 +o_lat_p=39.25 +lon_0=18 +datum=WGS84"  # as climate models have it


def test_geojson_of_a_crs_without_a_code_is_in_degrees(tmp_path):
    zones = ZONES.to_crs(LAMBERT)
    write_vector(tmp_path / "a.geojson", "geojson", zones, {"mean": np.array([1.0, 2.0])})
    frame = geopandas.read_file(tmp_path / "a.geojson")
    assert frame.crs.to_epsg() == 4326
    assert frame.total_bounds == pytest.approx(ZONES.total_bounds, abs=1e-4)


def test_a_crs_that_a_format_cannot_store_is_refused_for_that_format_alone(tmp_path):
    zones = ZONES.to_crs(ROTATED)
    write_template(zones, tmp_path / "zones")  # made for every study, whatever its formats
    with pytest.raises(ZonesError, match="a shapefile cannot store the rasters' CRS; leave shp out"):
        write_shapefile(tmp_path / "a", tmp_path / "zones", {}, {})
    with pytest.raises(ZonesError, match="gpkg cannot store the rasters' CRS"):
        write_vector(tmp_path / "a.gpkg", "gpkg", zones, {})
    write_vector(tmp_path / "a.parquet", "geoparquet", zones, {})
    assert geopandas.read_parquet(tmp_path / "a.parquet").crs.equals(zones.crs)


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


def test_a_table_head_holds_no_values(tmp_path):
    save_year(tmp_path / "a.npz", dated(["2000"]))
    head = table_head(tmp_path / "a.npz")
    assert head.dates == ["2000"]
    assert {name: (values.size, values.dtype) for name, values in head.columns.items()}["mean"] == (0, np.float64)
    with np.load(tmp_path / "a.npz") as archive:
        assert json.loads(str(archive["about"])) == {"classes": {}, "grids": [], "other_grids": {}}
