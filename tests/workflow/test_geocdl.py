"""Studies of GeoCDL's other datasets through Snakemake, and its list of datasets."""

import geopandas
import pandas
import pytest
import shapely
import standin
import yaml

pytestmark = pytest.mark.slow

BOX = [-96.0, 37.0, -95.8, 37.2]


def write(project, name, server, years, **raster):
    """Write a study of two squares, and return its path."""
    squares = [shapely.box(-95.99, 37.01, -95.9, 37.1), shapely.box(-95.9, 37.1, -95.82, 37.19)]
    frame = geopandas.GeoDataFrame({"name": ["south", "north"]}, geometry=squares, crs="EPSG:4269")
    frame.to_file(project.path("squares.gpkg"), engine="pyogrio")
    config = {
        "run": name, "years": years, "bbox": BOX, "stats": ["mean", "max"],
        "zones": {"source": "file", "path": "squares.gpkg", "id": "name"},
        "raster": {"source": "geocdl", "url": server.url, **raster},
        "output": {"formats": ["shp", "gpkg", "csv", "wide"]},
    }  # fmt: skip
    project.path(f"{name}.yaml").write_text(yaml.safe_dump(config))
    return f"{name}.yaml"


def test_an_hourly_study_of_some_months_from_server_to_report(project):
    with standin.Server() as server:
        path = write(
            project, "moisture", server, 2016, dataset="SMAP_HB1km", variables=["sm"], grain="hourly", months=[2]
        )
        run = project.snakemake("--configfile", path, profile="local")
        assert run.code == 0, run.text
        assert server.count("subset_polygon") == 1
        assert server.count() == 2  # and what the server holds
        run = project.snakemake("verify", "--configfile", path, profile="local")
        assert run.code == 0, run.text
    results = project.path("results/moisture")
    table = pandas.read_parquet(results / "zonal_stats.parquet")
    dates = table["date"].unique()
    assert (len(dates), dates[1], dates[-1]) == (29 * 4, "2016-02-01T06:00", "2016-02-29T18:00")
    assert (results / "report.html").exists()
    layer = geopandas.read_file(results / "sm/stats_2016.gpkg")
    row = table[(table["date"] == "2016-02-29T06:00") & (table["name"] == "north")]
    assert layer.set_index("name").loc["north", "mean_022906"] == row["mean"].item()
    shapes = geopandas.read_file(results / "sm/stats_2016.shp").set_index("name")
    assert shapes.loc["north", "mea_022906"] == pytest.approx(row["mean"].item())
    assert "sm_mean_2016-02-29T06:00" in pandas.read_csv(results / "zonal_stats_wide.csv").columns


def test_years_that_a_dataset_lacks_end_the_preview(project):
    with standin.Server() as server:
        path = write(project, "cover", server, "2001:2004", dataset="NLCD", variables=["land_cover"])
        run = project.snakemake("-n", "--configfile", path, profile="local")
        assert run.code != 0
        assert "only the years 2001, 2004, 2006, 2008, 2011, 2013, 2016, 2019, not 2002–2003" in run.message
        run = project.snakemake("-n", "--configfile", path, "--config", "years=available", profile="local")
        assert run.code == 0, run.text
        assert run.jobs("fetch_rasters") == 8
        assert server.count() == 0


def test_the_list_of_datasets_leaves_the_study_alone(project):
    with standin.Server() as server:
        run = project.snakemake("datasets", "--config", f"raster={{url: '{server.url}'}}", profile="local")
        assert run.code == 0, run.text
        assert server.count() == server.count("ds_info") + 1
    assert "NLCD" in run.text
    assert "2001, 2004, 2006" in run.text
    assert not project.path("results").exists()
    # a name that is not in the list gets the nearest one that is
    run = project.snakemake("-n", "--config", "raster={dataset: DaymetV5}", profile="local")
    assert "did you mean 'DaymetV4'" in run.message
