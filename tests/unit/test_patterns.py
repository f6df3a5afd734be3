"""The pattern of local rasters' paths: what it means, and what it cannot tell apart."""

from pathlib import Path

import pytest

from zonalflow.common.errors import ConfigError, RasterError
from zonalflow.rasters.containers import is_array
from zonalflow.timeline.check import check_years
from zonalflow.timeline.patterns import check_pattern, files_of_year, inputs_of_year, local_path


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


def paths_of(pattern, grain, year=2000, **keys):
    return inputs_of_year({"path": pattern, "grain": grain, **keys}, "ppt", year)


def test_a_year_of_files_in_order_each_once():
    assert paths_of("{year}-{month}.tif", "monthly") == [f"2000-{m:02d}.tif" for m in range(1, 13)]
    assert paths_of("{year}-{month}.tif", "monthly", months=[2, 7]) == ["2000-02.tif", "2000-07.tif"]
    assert paths_of("{year}.tif", "daily") == ["2000.tif"]
    assert len(paths_of("{year}{month}{day}.tif", "daily")) == 366
    assert paths_of("{year}{doy}.tif", "daily")[59:61] == ["2000060.tif", "2000061.tif"]
    assert paths_of("{year}{month}{day}{hour}.tif", "hourly")[25] == "2000010201.tif"


@pytest.mark.parametrize(
    ("pattern", "names", "found"),
    [
        ("v_{year}{doy}.tif", ["v_2000009", "v_2001001"], {"v_2000009": "2000-01-09"}),
        ("v_{year}{doy}.tif", ["v_2000009", "v_2000001"], {"v_2000001": "2000-01-01", "v_2000009": "2000-01-09"}),
        ("{variable}_*_{year}.tif", ["ppt_a_2000", "tmin_a_2000", "ppt_a_2001"], {"ppt_a_2000": "2000"}),
        ("{year}{month}{day}T{hour}*.tif", ["20000131T06Z", "20010131T06Z"], {"20000131T06Z": "2000-01-31T06:00"}),
    ],
)  # fmt: skip
def test_names_tell_dates(tmp_path, pattern, names, found):
    for name in names:
        (tmp_path / f"{name}.tif").touch()
    files = files_of_year({"path": f"{tmp_path}/{pattern}", "grain": "native"}, "ppt", 2000)
    assert {Path(path).stem: date for path, date in files.items()} == found
    assert list(files.values()) == sorted(files.values())


@pytest.mark.parametrize(
    ("pattern", "names", "of"),
    [
        # spans in the names
        ("v_*.nc", ["v_199001-199912", "v_200001-200912"], {1999: ["v_199001-199912"], 2003: ["v_200001-200912"]}),
        # the years in which files begin
        ("v_{year}*.nc", ["v_1990", "v_2000"], {1990: ["v_1990"], 1995: ["v_1990"], 2003: ["v_2000"], 1989: []}),
        # names that tell nothing: every file may hold the year
        ("*.nc", ["a", "b"], {2000: ["a", "b"]}),
    ],
)
def test_files_of_several_years(tmp_path, pattern, names, of):
    for name in names:
        (tmp_path / f"{name}.nc").touch()
    for year, stems in of.items():
        files = files_of_year({"path": f"{tmp_path}/{pattern}", "grain": "monthly"}, "v", year)
        assert sorted(Path(path).stem for path in files) == stems


@pytest.mark.parametrize("name", ["2000366", "2001366"])
def test_a_day_of_the_year_that_there_is_not(tmp_path, name):
    (tmp_path / f"{name}.tif").touch()
    raster = {"path": f"{tmp_path}/{{year}}{{doy}}.tif", "grain": "native"}
    if name.startswith("2000"):
        assert list(files_of_year(raster, "v", 2000).values()) == ["2000-12-31"]
    else:
        with pytest.raises(RasterError, match=r"2001366\.tif: its name, .* is that of no date \(day 366 of 2001\)"):
            files_of_year(raster, "v", 2001)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("{variable}_{yaer}.tif", "{yaer} in '{variable}_{yaer}.tif' is unknown; a pattern may hold {variable}"),
        ("{}_{year}.tif", "{} in"),
        ("{year.tif", "{year.tif} in"),
        ("{year!r}.tif", "{year!r} in"),
        ("{variable}_{month}.tif", "has {month} and so needs {year}"),
        (
            "{variable}_{year}{doy}.tif",
            "{doy} in '{variable}_{year}{doy}.tif' names dates finer than raster.grain: monthly",
        ),
        ("{variable}_{year}_{hour}.tif", "names dates finer"),
    ],
)
def test_patterns_that_mean_nothing_or_not_enough(pattern, message):
    with pytest.raises(ConfigError) as caught:
        check_pattern(pattern, [2000, 2001], "monthly")
    assert str(caught.value).startswith("raster.path: ")
    assert message in str(caught.value)


@pytest.mark.parametrize("pattern", ["{variable}_{year}.tif", "{variable}/{year}/{month}.tif", "all.nc"])
def test_patterns_that_suffice(pattern):
    check_pattern(pattern, [2000, 2001], "monthly")


def test_one_variable_and_one_year_need_no_pattern():
    check_pattern("grid.tif", [2000])


def check(pattern, years, grain="annual", **keys):
    check_years({"path": pattern, "grain": grain, **keys}, ["ppt"], years)


def test_missing_years_are_named_with_the_first_path(tmp_path):
    pattern = f"{tmp_path}/{{variable}}_{{year}}.tif"
    for year in (2000, 2003):
        (tmp_path / f"ppt_{year}.tif").touch()
    check(pattern, [2000, 2003])
    with pytest.raises(RasterError) as caught:
        check(pattern, [2000, 2001, 2002, 2003, 2005])
    assert "ppt: no raster for 3 of 5 years: 2001–2002, 2005" in str(caught.value)
    assert f"Looked for {tmp_path}/ppt_2001.tif" in str(caught.value)


def test_missing_dates_may_be_skipped_but_not_years(tmp_path):
    pattern = f"{tmp_path}/{{year}}{{month}}.tif"
    (tmp_path / "200003.tif").touch()
    check(pattern, [2000], "monthly", missing_dates="skip")
    with pytest.raises(RasterError, match=r"200001\.tif, .*write raster\.missing_dates: skip, or raster\.months"):
        check(pattern, [2000], "monthly")
    with pytest.raises(RasterError, match=r"no raster for 1 of 2 years: 2001.*Leave these years out"):
        check(pattern, [2000, 2001], "monthly", missing_dates="skip")


def test_a_folder_is_no_raster(tmp_path):
    (tmp_path / "2000.tif").mkdir()
    with pytest.raises(RasterError, match="no raster for 1 of 1 year:"):
        check(f"{tmp_path}/{{year}}.tif", [2000])


@pytest.mark.parametrize(("path", "is_it"), [("a.nc", True), ("A.NC4", True), ("a.h5", True), ("a.zarr/", True),
                                             ("a.nc.tif", False), ("nc", False), ("a.hdf", False)])  # fmt: skip
def test_arrays_by_name(path, is_it):
    assert is_array(path) is is_it
