"""Year tables and the tables of all years, read back by the readers that users have."""

import gc
import json
import shutil
import weakref

import duckdb
import numpy as np
import openpyxl
import pandas
import polars
import pyarrow.parquet
import pytest
from small import boxes

from zonalflow.common.errors import RasterError
from zonalflow.steps.combine_years import Inputs, Params, combine_years
from zonalflow.tables.year_table import YearTable, load_year, save_year, table_head, units_of

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
    params = Params([key[:2] for key in keys], "id", list(stats), ["ppt", "tmean"], {}, "center")
    combine_years(inputs, targets, str(folder / "tables.sha256"), params, log)
    return targets


def test_the_tidy_table_has_rows_of_variable_date_and_zone(study):
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


def test_a_wide_table_of_one_statistic_has_date_columns(study):
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
    combined(study, "parquet", "csv", "wide", "xlsx")
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


def test_a_table_head_holds_no_values(tmp_path):
    save_year(tmp_path / "a.npz", YearTable(["2000"], {"mean": np.ones((1, 2))}))
    head = table_head(tmp_path / "a.npz")
    assert head.dates == ["2000"]
    assert {name: (values.size, values.dtype) for name, values in head.columns.items()} == {"mean": (0, np.float64)}
    with np.load(tmp_path / "a.npz") as archive:
        about = json.loads(str(archive["about"]))
    assert about == {"classes": {}, "colours": {}, "grids": [], "other_grids": {}, "missing": [], "unit": ""}


def test_a_configured_unit_overrides_that_of_the_files():
    def tables(*units):
        return [("v", 2000 + i, YearTable(["2000"], {}, unit=unit)) for i, unit in enumerate(units)]

    assert units_of(tables("K", "K"), {}) == {"v": "K"}
    assert units_of(tables("", ""), {}) == {}
    assert units_of(tables("degK", "K"), {"v": "K"}) == {"v": "K"}
    with pytest.raises(RasterError, match=r"v is in K in the files of 2000, and in °C in those of 2001; convert"):
        units_of(tables("K", "°C"), {})


def test_parquet_fields_say_what_they_are(study):
    path = combined(study, "parquet")["parquet"]
    about = {field.name: field.metadata for field in pyarrow.parquet.read_schema(path)}
    assert about["mean"][b"long_name"] == b"mean" and about["mean"][b"unit"] == "ppt: mm; tmean: °C".encode()
    assert b"centre" in about["max"][b"description"] and about["count"][b"unit"] == b"cells"
    assert b"leading zeros" in about["id"][b"description"]


def test_a_workbook_has_text_ids_and_explains_its_columns(study):
    folder, _ = study
    ZONES.assign(id=["01003", "1e5"]).to_parquet(folder / "zones.parquet")
    path = combined(study, "parquet", "xlsx")["xlsx"]
    book = openpyxl.load_workbook(path)
    head, first, second = book["zonal_stats"].iter_rows(values_only=True)
    assert head[:5] == ("id", "NAME", "inside_fraction", "ppt_mean_2000-01", "ppt_max_2000-01") and len(head) == 3 + 16
    assert first[:5] == ("01003", "One", 1, 1, 2) and second[:5] == ("1e5", "Two", 0.25, None, None)
    about = {row[0]: row[1:] for row in book["columns"].iter_rows(values_only=True)}
    assert about["<variable>_mean_<date>"][:2] == ("mean", "ppt: mm; tmean: °C") and "id" in about
    before = (folder / "tidy.xlsx").read_bytes()
    combined(study, "parquet", "xlsx")
    assert (folder / "tidy.xlsx").read_bytes() == before


def test_an_attribute_without_any_text_is_left_out(study):
    folder, _ = study
    ZONES.assign(NAMELSAD=[None, None], STUSPS=["FL", None]).to_parquet(folder / "zones.parquet")
    names = pyarrow.parquet.read_schema(combined(study, "parquet")["parquet"]).names
    assert "NAMELSAD" not in names and "STUSPS" in names and "NAME" in names
