"""A user's mistake ends with one clear message and a non-zero exit, before any job and without a traceback."""

import geopandas
import pytest
from shapely.geometry import box


def refused(project, *arguments, profile="demo"):
    run = project.snakemake(*arguments, profile=profile)
    assert run.code != 0
    assert "Traceback" not in run.text
    assert "Job stats" not in run.text  # no plan was made, so no job began
    assert not project.path("results").exists()
    return run.message


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("yeers=2000", "yeers: unknown key; did you mean 'years'?"),
        ("years=2000-2020", "write 2000:2020"),
        ("bbox=[-79,24.5,-87.5,31]", "west -79.0 is not less than east -87.5"),
        ("bbox=[10,40,12,42]", "lies outside PRISM"),
        ("bbox=[-87.5,-79,24.5,31]", "It looks like [west, east, south, north]: write [-87.5, 24.5, -79, 31]"),
        ("stats=[meen]", "did you mean 'mean'?"),
        ("zones={path: nowhere.gpkg}", "nowhere.gpkg: no such file"),
        ("zones={id: GEOIDX}", "no column 'GEOIDX'; did you mean 'GEOID'?"),
        ("zones={id: NAME}", "NAME is not unique in"),
    ],
)
def test_in_the_configuration(project, argument, words):
    assert words in refused(project, "--config", argument)


def test_a_file_that_is_not_yaml(project):
    project.path("config/broken.yaml").write_text("run: [demo\n")
    run = project.snakemake("--configfile", "config/broken.yaml")
    assert run.code != 0
    assert "zonalflow: config/broken.yaml, line 2: is not YAML" in run.text
    assert "Traceback" not in run.text


def test_a_tab_in_the_configuration_names_file_and_line(project):
    project.path("config/config.yaml").write_text("run: x\nzones:\n\tsource: file\n")
    run = project.snakemake(profile="local")
    assert run.code != 0
    assert "config/config.yaml, line 3: begins with a tab" in run.message
    assert "Traceback" not in run.text


def test_missing_years_of_local_rasters_are_named(project):
    for year in (2000, 2003):
        project.path(f"ppt_{year}.tif").touch()
    raster = "raster={source: local, path: '{variable}_{year}.tif'}"
    message = refused(project, "--config", "years=2000:2004", raster)
    assert "no raster for 3 of 5 years: 2001–2002, 2004" in message


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (geopandas.GeoDataFrame({"id": ["a"]}, geometry=[box(-84, 28, -83, 29)]), "has no CRS"),
        (
            geopandas.GeoDataFrame({"id": ["a", "a"]}, geometry=[box(-84, 28, -83, 29)] * 2, crs=4269),
            "zones.dissolve: true",
        ),
        (geopandas.GeoDataFrame({"id": ["a", ""]}, geometry=[box(-84, 28, -83, 29)] * 2, crs=4269), "1 zone of"),
        (geopandas.GeoDataFrame({"id": ["a"]}, geometry=[box(-93e5, 31e5, -92e5, 32e5)], crs=4087), "on an ellipsoid"),
    ],
    ids=["no CRS", "repeated id", "empty id", "uncertain CRS"],
)
@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_in_the_zones(project, frame, words):
    frame.to_file(project.path("my zones.gpkg"))
    assert words in refused(project, "--config", "zones={path: my zones.gpkg, id: id}")
