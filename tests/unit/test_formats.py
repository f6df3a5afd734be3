"""A year's vector files in every format, read back: names of columns, numbers, CRS."""

import sqlite3
from contextlib import closing

import geopandas
import numpy as np
import pytest
from small import boxes

from zonalflow.common.errors import ZonesError
from zonalflow.report.explain import year_meanings
from zonalflow.tables.year_table import YearTable
from zonalflow.vectors.columns import attribute_names, field_names, sources_of_columns, year_columns
from zonalflow.vectors.formats import write_vector
from zonalflow.vectors.shapefile import write_shapefile, write_template

ZONES = boxes((0, 3, 3, 4), (3, 3, 6, 4)).assign(NAME=["One", "Two"], inside_fraction=[1.0, 0.25])


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


def test_only_formats_that_cannot_store_a_crs_refuse_it(tmp_path):
    zones = ZONES.to_crs(ROTATED)
    write_template(zones, tmp_path / "zones")  # made for every study, whatever its formats
    with pytest.raises(ZonesError, match="a shapefile cannot store the rasters' CRS; leave shp out"):
        write_shapefile(tmp_path / "a", tmp_path / "zones", {}, {})
    with pytest.raises(ZonesError, match="gpkg cannot store the rasters' CRS"):
        write_vector(tmp_path / "a.gpkg", "gpkg", zones, {})
    write_vector(tmp_path / "a.parquet", "geoparquet", zones, {})
    assert geopandas.read_parquet(tmp_path / "a.parquet").crs.equals(zones.crs)


def test_a_geopackage_says_what_its_columns_mean(tmp_path):
    """GDAL itself reads the titles as fields' other names, and the descriptions as their comments."""
    table = dated(["2000-01", "2000-02"], stats=["mean"])
    config = {
        "zones": {"id": "id"},
        "raster": {"variables": ["ppt"], "units": {}},
        "method": "center",
        "stats": ["mean"],
    }
    path = tmp_path / "stats_2000.gpkg"
    columns = year_columns(table, np.array([1.0, 0.25]))
    write_vector(path, "gpkg", ZONES, columns, year_meanings(sources_of_columns(table), config))
    with closing(sqlite3.connect(path)) as database:
        found = database.execute("SELECT column_name, title, description FROM gpkg_data_columns").fetchall()
        extensions = database.execute("SELECT table_name FROM gpkg_extensions WHERE extension_name = 'gpkg_schema'")
        assert {name for (name,) in extensions} == {"gpkg_data_columns", "gpkg_data_column_constraints"}
    meanings = {name: (title, text) for name, title, text in found}
    assert meanings["mean_02"] == ("mean, 2000-02 (mm)", "over the cells whose centre lies in the zone")
    assert meanings["id"] == ("id of the zone", "always text: leading zeros count")
    assert meanings["inside_fraction"][0] == "share inside the grid"
    assert set(meanings) == {"id", *columns}
    assert geopandas.read_file(path)["mean_02"].tolist() == [2, 3]


def test_geopackages_are_the_same_bytes_when_written_again(tmp_path):
    meanings = {"mean": {"long_name": "mean", "description": "…"}}
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write_vector(tmp_path / folder / "s.gpkg", "gpkg", ZONES, {"mean": np.array([1.0, 2.0])}, meanings)
    assert (tmp_path / "a/s.gpkg").read_bytes() == (tmp_path / "b/s.gpkg").read_bytes()
