"""The pattern of local rasters' paths: what it means, and what it cannot tell apart."""

import pytest

from zonalflow.common.errors import ConfigError, RasterError
from zonalflow.rasters.patterns import check_local_files, check_pattern, is_netcdf, local_path, local_paths


@pytest.mark.parametrize(
    ("pattern", "date", "path"),
    [
        ("r/{variable}_{year}.tif", "2000", "r/ppt_2000.tif"),
        ("{year}/{month}/{variable}.tif", "2000-01", "2000/01/ppt.tif"),
        ("{variable}_{year}{month}{day}.tif", "2000-01-31", "ppt_20000131.tif"),
        ("{year}/{variable}_{year}.tif", "2000", "2000/ppt_2000.tif"),
        ("a b/$(touch x)'{year}.tif", "2000", "a b/$(touch x)'2000.tif"),
        ("all.nc", "2000-01-31", "all.nc"),
    ],
)
def test_paths(pattern, date, path):
    assert local_path(pattern, "ppt", date) == path


def test_a_year_of_files_in_order_each_once():
    assert local_paths("{year}-{month}.tif", "ppt", 2000, "monthly") == [f"2000-{m:02d}.tif" for m in range(1, 13)]
    assert local_paths("{year}.tif", "ppt", 2000, "daily") == ["2000.tif"]
    assert len(local_paths("{year}{month}{day}.tif", "ppt", 2000, "daily")) == 366


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("{variable}_{yaer}.tif", "{yaer} in '{variable}_{yaer}.tif' is unknown; a pattern may hold {variable}"),
        ("{}_{year}.tif", "{} in"),
        ("{year.tif", "{year.tif} in"),
        ("{year!r}.tif", "{year!r} in"),
        ("{year}.tif", "needs {variable}, since raster.variables names several"),
        ("{variable}.tif", "needs {year}, since the study has 2 years"),
    ],
)
def test_patterns_that_mean_nothing_or_not_enough(pattern, message):
    with pytest.raises(ConfigError) as caught:
        check_pattern(pattern, ["ppt", "tmean"], [2000, 2001])
    assert str(caught.value).startswith("raster.path: ")
    assert message in str(caught.value)


@pytest.mark.parametrize("pattern", ["{variable}_{year}.tif", "{variable}/{year}/{month}.tif", "all.nc"])
def test_patterns_that_suffice(pattern):
    check_pattern(pattern, ["ppt", "tmean"], [2000, 2001])


def test_one_variable_and_one_year_need_no_pattern():
    check_pattern("grid.tif", ["ppt"], [2000])


def test_missing_years_are_named_with_the_first_path(tmp_path):
    pattern = f"{tmp_path}/{{variable}}_{{year}}.tif"
    for year in (2000, 2003):
        (tmp_path / f"ppt_{year}.tif").touch()
    check_local_files(pattern, ["ppt"], [2000, 2003], "annual")
    with pytest.raises(RasterError) as caught:
        check_local_files(pattern, ["ppt"], [2000, 2001, 2002, 2003, 2005], "annual")
    assert "ppt: no raster for 3 of 5 years: 2001–2002, 2005" in str(caught.value)
    assert f"Looked for {tmp_path}/ppt_2001.tif" in str(caught.value)


def test_a_folder_is_no_raster(tmp_path):
    (tmp_path / "2000.tif").mkdir()
    with pytest.raises(RasterError, match="no raster for 1 of 1 year:"):
        check_local_files(f"{tmp_path}/{{year}}.tif", ["ppt"], [2000], "annual")


@pytest.mark.parametrize(("path", "is_it"), [("a.nc", True), ("A.NC4", True), ("a.nc.tif", False), ("nc", False)])
def test_netcdf_by_name(path, is_it):
    assert is_netcdf(path) is is_it
