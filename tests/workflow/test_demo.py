"""The demo's results: what files there are, and that their numbers are those of a plain rasterstats script."""

import json

import geopandas
import numpy as np
import pandas
import pytest
import rasterio
import rasterstats
from shapely.geometry import box

pytestmark = pytest.mark.slow

YEARS = (2000, 2001)
GRID_BOUNDS = (-87.520833, 24.479167, -78.979167, 31.020833)  # the tutorial's box, grown to whole PRISM cells


@pytest.fixture(scope="module")
def table(demo):
    return pandas.read_parquet(demo.path("results/demo/zonal_stats.parquet"))


def raster(demo, year):
    return next(demo.folder.glob(f"resources/demo/PRISM/ppt/annual/*/PRISM_ppt_{year}.tif"))


def tutorial(demo, year):
    """What the tutorial's script computes: counties clipped to the raster's bounds, then rasterstats."""
    with rasterio.open(raster(demo, year)) as dataset:
        bounds, crs = dataset.bounds, dataset.crs
    counties = geopandas.read_file(demo.path("config/demo/zones.zip")).to_crs(crs)
    counties = counties.clip(geopandas.GeoDataFrame(geometry=[box(*bounds)], crs=crs))
    stats = rasterstats.zonal_stats(counties, raster(demo, year), stats="mean count", geojson_out=True)
    return geopandas.GeoDataFrame.from_features(stats).set_index("GEOID")


@pytest.mark.parametrize("year", YEARS)
def test_the_numbers_are_those_of_the_tutorials_script(demo, table, year):
    theirs = tutorial(demo, year)
    ours = table[table["date"] == str(year)].set_index("GEOID").loc[theirs.index]
    assert len(ours) == len(theirs) == 86
    np.testing.assert_array_equal(ours["count"], theirs["count"])
    np.testing.assert_allclose(ours["mean"], theirs["mean"].astype(float), rtol=1e-6)


def test_the_grid_is_prisms_cut_to_the_touched_cells(demo):
    with rasterio.open(raster(demo, 2000)) as dataset:
        assert (dataset.width, dataset.height) == (205, 157)
        assert tuple(dataset.bounds) == pytest.approx(GRID_BOUNDS, abs=1e-6)
        assert dataset.crs.to_epsg() == 4269
        assert dataset.tags()["SYNTHETIC"] == "YES"


def test_nineteen_counties_are_cut_by_the_box(table):
    inside = table[table["date"] == "2000"].set_index("GEOID")["inside_fraction"]
    assert (inside < 1).sum() == 19
    assert inside.between(0, 1).all()
    assert (inside > 0).all()


def test_a_county_without_a_cell_is_kept_with_count_0(table):
    # Brantley County, Georgia: the box leaves a strip of it that holds no cell's centre
    brantley = table[table["GEOID"] == "13025"]
    assert brantley["count"].tolist() == [0, 0]
    assert brantley["mean"].isna().all()
    assert brantley["valid_fraction"].isna().all()


def test_the_tidy_table_has_one_row_a_zone_and_year(table):
    assert list(table.columns) == [
        "GEOID", "NAME", "STUSPS", "STATE_NAME", "variable", "date", "mean", "count", "valid_fraction",
        "inside_fraction",
    ]  # fmt: skip
    assert len(table) == 86 * len(YEARS)
    assert not table.duplicated(["GEOID", "variable", "date"]).any()
    assert set(table["date"]) == {str(year) for year in YEARS}


def test_csv_and_parquet_say_the_same(demo, table):
    csv = pandas.read_csv(demo.path("results/demo/zonal_stats.csv"), dtype={"GEOID": str, "date": str})
    # a column without any value has no type in a CSV
    columns = [column for column in table.columns if table[column].notna().any()]
    pandas.testing.assert_frame_equal(csv[columns], table[columns], check_dtype=False, rtol=0, atol=0)


@pytest.mark.parametrize("year", YEARS)
def test_the_shapefile_has_its_crs_every_attribute_and_the_statistics(demo, table, year):
    shapes = geopandas.read_file(demo.path(f"results/demo/ppt/stats_{year}.shp"))
    counties = geopandas.read_file(demo.path("config/demo/zones.zip"))
    ours = table[table["date"] == str(year)].set_index("GEOID").loc[shapes["GEOID"]]
    assert shapes.crs.to_epsg() == 4269
    assert set(counties.columns) <= set(shapes.columns)
    for field, column in {"mean": "mean", "count": "count", "valid_frac": "valid_fraction"}.items():
        np.testing.assert_array_equal(shapes[field], ours[column])
    # clipped to the grid, as the tutorial does; the cut leaves a rounding of the last digit
    west, south, east, north = shapes.total_bounds
    assert (west, south, east, north) == pytest.approx(
        (max(west, -87.520833), max(south, 24.479167), min(east, -78.979167), min(north, 31.020833)), abs=1e-6
    )


def test_maps_are_there(demo):
    names = {path.name for path in demo.folder.glob("results/demo/maps/*.png")}
    assert {"ppt_2000.png", "ppt_2001.png", "ppt_overview.png"} <= names


def test_the_manifest_tells_where_the_numbers_come_from(demo):
    manifest = json.loads(demo.path("results/demo/manifest.json").read_text())
    assert manifest["synthetic"] is True
    assert manifest["config"]["years"] == list(YEARS)
    assert manifest["zones"]["kept"] == 86
    assert manifest["zones"]["cut_by_the_grid"] == 19
    files = [file for source in manifest["sources"] for file in source.get("files", [])]
    assert {file["name"] for file in files} == {"PRISM_ppt_2000.tif", "PRISM_ppt_2001.tif"}
    assert manifest["shapefile_fields"]["valid_fraction"] == "valid_frac"
    assert manifest["software"]["numpy"] == np.__version__


def test_each_job_has_a_log(demo):
    log = demo.path("logs/demo/zonal_stats/ppt_2001.log").read_text()
    assert "ppt 2001: 1 raster, 86 zones; 2 pairs of zone and date without data" in log


def test_tables_alone_can_be_asked_for(project):
    run = project.snakemake("tables", "--config", "years=2000", "output={formats: [csv]}")
    assert run.code == 0, run.text
    assert project.path("results/demo/zonal_stats.csv").exists()
    assert not list(project.folder.glob("results/demo/ppt/*"))
