"""Columns added to a shapefile's table come back as they were, by GDAL and by a reader that shares no code
with it."""

import geopandas
import numpy as np
import pyogrio
import pytest
import shapefile  # pyshp
import shapely

from zonalflow.common.errors import ZonesError
from zonalflow.vectors.shapefile import append_columns, check_size, record_bytes, short_names

NUMBERS = [
    0.0, -0.0, 1.0, -1.0, 1 / 3, -2 / 3, 0.1, 0.010000000000000002, 0.0123456789012345678, 0.09999999999999999,
    123.456, 1234.5678901234567, -9999.0, 99999.99999999999, 100000.0, 1e8 - 1e-7, -(1e8 - 1e-7), 1e8, 1e15, -1e15,
    5e-324, 2.2250738585072014e-308, -1e-300, 1e300, -1.7976931348623157e308, 1e-2, 9.999999999999999e-3, np.pi, -np.e,
]  # fmt: skip


@pytest.fixture
def template(tmp_path):
    """The table of as many zones as there are numbers, with an attribute that is not ASCII."""
    n = len(NUMBERS)
    frame = geopandas.GeoDataFrame(
        {"GEOID": [f"{i:05d}" for i in range(n)], "NAME": ["Doña Ana"] * n},
        geometry=[shapely.box(i, 0, i + 1, 1) for i in range(n)],
        crs="EPSG:4269",
    )
    frame.to_file(tmp_path / "zones.shp", encoding="UTF-8")
    return tmp_path / "zones.dbf"


def by_gdal(path):
    return pyogrio.read_dataframe(path.with_suffix(".shp"), read_geometry=False)


def by_pyshp(path):
    with shapefile.Reader(str(path)) as reader:
        names = [field[0] for field in reader.fields if field[0] != "DeletionFlag"]
        return {name: [record[i] for record in reader.records()] for i, name in enumerate(names)}


def test_every_number_comes_back_as_it_was(template):
    template.write_bytes(b"".join(append_columns(template, {"mean": np.array(NUMBERS)})))
    assert by_gdal(template)["mean"].tolist() == NUMBERS
    assert by_pyshp(template)["mean"] == NUMBERS


def test_a_thousand_random_numbers_come_back(tmp_path):
    generator = np.random.default_rng(20)
    values = generator.uniform(-1, 1, 1000) * 10.0 ** generator.integers(-12, 15, 1000)
    points = shapely.points(np.zeros((1000, 2)))
    geopandas.GeoDataFrame({"id": range(1000)}, geometry=points, crs="EPSG:4269").to_file(tmp_path / "z.shp")
    path = tmp_path / "z.dbf"
    path.write_bytes(b"".join(append_columns(path, {"v": values})))
    assert np.array_equal(by_gdal(path)["v"], values)


def test_nan_is_empty_and_not_zero(template):
    values = np.full(len(NUMBERS), np.nan)
    values[0] = 7
    template.write_bytes(b"".join(append_columns(template, {"mean": values})))
    assert by_gdal(template)["mean"].tolist()[0] == 7
    assert by_gdal(template)["mean"].isna().tolist() == [False] + [True] * (len(NUMBERS) - 1)
    assert by_pyshp(template)["mean"] == [7.0] + [None] * (len(NUMBERS) - 1)


def test_whole_numbers_stay_whole(template):
    counts = np.arange(len(NUMBERS), dtype=np.int64)
    counts[:4] = [-1, 2**31, 10**17, -(10**16)]
    template.write_bytes(b"".join(append_columns(template, {"count": counts})))
    assert by_gdal(template)["count"].tolist() == counts.tolist()
    assert by_gdal(template)["count"].dtype == np.int64
    assert by_pyshp(template)["count"] == counts.tolist()


def test_what_was_there_stays(template):
    before = by_gdal(template)
    columns = {"a": np.zeros(len(NUMBERS)), "b": np.ones(len(NUMBERS), np.int64)}
    template.write_bytes(b"".join(append_columns(template, columns)))
    after = by_gdal(template)
    assert list(after.columns) == ["GEOID", "NAME", "a", "b"]
    assert after[["GEOID", "NAME"]].equals(before)
    assert by_pyshp(template)["NAME"] == ["Doña Ana"] * len(NUMBERS)


def test_the_size_of_the_blocks_does_not_show(template, monkeypatch):
    columns = {"a": np.array(NUMBERS), "b": np.arange(len(NUMBERS))}
    whole = b"".join(append_columns(template, columns))
    monkeypatch.setattr("zonalflow.vectors.shapefile._BLOCK_BYTES", 500)  # a few records
    blocks = list(append_columns(template, columns))
    assert len(blocks) > 5
    assert b"".join(blocks) == whole


def test_a_name_of_ten_characters_is_whole(template):
    template.write_bytes(b"".join(append_columns(template, {"abcdefghij": np.array(NUMBERS)})))
    assert list(by_gdal(template).columns)[-1] == "abcdefghij"


def test_a_column_of_another_length_is_refused(template):
    with pytest.raises(ZonesError, match="has 29 records, but mean has 3 values"):
        append_columns(template, {"mean": np.zeros(3)})


def test_more_columns_than_the_format_holds_are_refused(template):
    columns = {f"c{i}": np.zeros(len(NUMBERS)) for i in range(2100)}
    with pytest.raises(ZonesError, match="more than a shapefile holds"):
        append_columns(template, columns)


@pytest.mark.parametrize(
    ("names", "taken", "short"),
    [
        (["mean", "max"], set(), ["mean", "max"]),
        (["percentile_90", "percentile_99.5"], set(), ["pct_90", "pct_99.5"]),
        (["inside_fraction", "inside_fractal"], set(), ["inside_fra", "inside_f_1"]),
        (["mean"], {"MEAN"}, ["mean_1"]),  # readers compare without case
        (["Größe"], set(), ["Gr__e"]),
        ([f"a_long_name_{i}" for i in range(12)], set(), ["a_long_nam", *(f"a_long_n_{i}" for i in range(1, 10)),
                                                          "a_long__10", "a_long__11"]),
    ],
)  # fmt: skip
def test_names_of_fields(names, taken, short):
    given = short_names(names, taken)
    assert list(given) == names
    assert list(given.values()) == short


def test_a_shapefile_beyond_2_gb_is_refused_with_its_size():
    # 2³¹ − 1 = 2,147,483,647 = 32,767 × 65,538 + 1
    check_size(32_767, 65_538)
    with pytest.raises(ZonesError, match=r"2\.1 GB \(32,768 zones × 65,538 bytes\).*geoparquet"):
        check_size(32_768, 65_538)
    with pytest.raises(ZonesError, match=r"outlines of 3\.0 GB"):
        check_size(10, 10, shp=3_000_000_000)


def test_a_year_adds_its_columns_to_each_record():
    assert record_bytes(floats=3, integers=2) == 3 * 24 + 2 * 18
