"""NetCDF files written by xarray: their dates, their variables, their values."""

import cftime
import numpy as np
import pandas
import pyproj
import pytest
import xarray
from small import GRID, boxes, compute_year, local_time_steps, place, read_time_steps

from zonalflow.common.errors import RasterError
from zonalflow.index.grids import grid_finder
from zonalflow.rasters.arrays import open_array
from zonalflow.rasters.read import TimeStep, file_grid
from zonalflow.steps.prepare_zones import overridden_crs
from zonalflow.timeline.check import check_years


def dataset(times, *, crs="EPSG:4269", north_up=False, dimension="time", **more) -> xarray.Dataset:
    """A variable ppt on GRID whose time step k holds 100 k + 0 … 23, counted row by row from the north."""
    lat, lon = np.arange(3.5, 0, -1.0), np.arange(0.5, 6)
    values = np.arange(24, dtype="f4").reshape(4, 6) + 100 * np.arange(len(times), dtype="f4")[:, None, None]
    data = xarray.Dataset(
        {"ppt": ((dimension, "lat", "lon"), values), **more}, {dimension: times, "lat": lat, "lon": lon}
    )
    data["lat"].attrs["units"], data["lon"].attrs["units"] = "degrees_north", "degrees_east"
    if crs:
        data["crs"] = ((), 0, pyproj.CRS(crs).to_cf())
        data["ppt"].attrs["grid_mapping"] = "crs"
    return data if north_up else data.isel(lat=slice(None, None, -1))


def months(first="2000-01-01", last="2001-12-31"):
    return pandas.date_range(first, last, freq="MS")


def dates(time_steps):
    return [(step.date, step.band) for step in time_steps]


def test_a_year_is_found_along_the_time_dimension(tmp_path):
    dataset(months()).to_netcdf(tmp_path / "a.nc")
    time_steps = local_time_steps(str(tmp_path / "a.nc"), "ppt", 2001, "monthly")
    assert dates(time_steps)[0] == ("2001-01", 13)
    assert dates(time_steps)[-1] == ("2001-12", 24)
    assert {step.layer for step in time_steps} == {"ppt"}


@pytest.mark.parametrize("north_up", [True, False])
def test_values_are_read_the_same_whichever_way_the_rows_run(tmp_path, north_up):
    dataset(pandas.to_datetime(["2000-07-01", "2001-07-01"]), north_up=north_up).to_netcdf(tmp_path / "a.nc")
    zones = boxes((0, 3, 2, 4), (5, 0, 6, 1))
    time_steps = local_time_steps(str(tmp_path / "a.nc"), "ppt", 2001, "annual")
    table = compute_year(read_time_steps(time_steps, grid_finder(place(zones))), ["mean", "sum"])
    # cells 0 and 1 in the north-west, cell 23 in the south-east, 100 added in the second year
    assert table.columns["mean"].tolist() == [[100.5, 123.0]]
    assert table.columns["sum"].tolist() == [[201.0, 123.0]]
    assert table.dates == ["2001"]


def test_scale_offset_and_fill_value_are_honoured(tmp_path):
    data = dataset(pandas.to_datetime(["2000-01-01"]))
    data["ppt"] = data["ppt"].where(data["ppt"] != 1)  # the second cell holds nothing
    encoding = {"dtype": "i2", "scale_factor": 0.5, "add_offset": 10.0, "_FillValue": -999}
    data.to_netcdf(tmp_path / "a.nc", encoding={"ppt": encoding})
    time_steps = local_time_steps(str(tmp_path / "a.nc"), "ppt", 2000, "annual")
    table = compute_year(read_time_steps(time_steps, grid_finder(place(boxes((0, 3, 3, 4))))), ["mean", "count"])
    assert table.columns["mean"].tolist() == [[1.0]]  # (0 + 2) / 2
    assert table.columns["count"].tolist() == [[2]]


@pytest.mark.parametrize(
    ("attributes", "cells"),
    [
        ({}, 6),
        ({"missing_value": np.float32(1)}, 5),
        ({"missing_value": np.array([1, 2], "f4")}, 4),
        ({"valid_min": np.float32(2)}, 4),
        ({"valid_max": np.float32(3)}, 4),
        ({"valid_range": np.array([1, 3], "f4")}, 3),
        ({"missing_value": np.float32(2), "valid_range": np.array([1, 3], "f4")}, 2),
        ({"missing_value": "none"}, 6),  # what is no number says nothing
    ],
)
def test_every_way_in_which_cf_says_missing(tmp_path, attributes, cells):
    data = dataset(pandas.to_datetime(["2000-01-01"]))  # the northern row holds 0 … 5
    data["ppt"].attrs.update(attributes)
    data.to_netcdf(tmp_path / "a.nc", encoding={"ppt": {"_FillValue": np.float32(1e20)}})
    time_steps = local_time_steps(str(tmp_path / "a.nc"), "ppt", 2000, "annual")
    table = compute_year(read_time_steps(time_steps, grid_finder(place(boxes((0, 3, 6, 4))))), ["count", "nodata"])
    assert table.columns["count"].tolist() == [[cells]]
    assert table.columns["nodata"].tolist() == [[6 - cells]]


@pytest.mark.parametrize(
    ("calendar", "days", "first", "last"),
    [
        ("noleap", 365, "2000-01-01", "2000-12-31"),
        ("standard", 366, "2000-01-01", "2000-12-31"),
        ("360_day", 360, "2000-01-01", "2000-12-30"),
        ("julian", 366, "2000-01-01", "2000-12-31"),
    ],
)
def test_a_calendar_of_its_own_has_years_of_its_own(tmp_path, calendar, days, first, last):
    start = cftime.datetime(1999, 12, 1, calendar=calendar)
    times = cftime.num2date(np.arange(450), f"days since {start.isoformat()}", calendar)
    dataset(times).to_netcdf(tmp_path / "a.nc")
    time_steps = local_time_steps(str(tmp_path / "a.nc"), "ppt", 2000, "daily")
    assert len(time_steps) == days
    assert (time_steps[0].date, time_steps[-1].date) == (first, last)
    assert ("2000-02-29" in [step.date for step in time_steps]) == (calendar != "noleap")


def test_a_time_step_with_bounds_is_their_middle(tmp_path):
    # January's mean dated by the month's end, as some climate models write it
    ends = months("2000-02-01", "2001-01-01")
    data = dataset(ends)
    data["time"].attrs["bounds"], data["time"].encoding["units"] = "time_bnds", "days since 2000-01-01"
    data["time_bnds"] = (("time", "nv"), np.stack([ends - pandas.offsets.MonthBegin(1), ends], axis=1))
    data.to_netcdf(tmp_path / "a.nc")
    time_steps = local_time_steps(str(tmp_path / "a.nc"), "ppt", 2000, "monthly")
    assert dates(time_steps) == [(f"2000-{month:02}", month) for month in range(1, 13)]


def test_a_dimension_of_years_needs_no_units(tmp_path):
    dataset([1999, 2000, 2001], dimension="year").to_netcdf(tmp_path / "a.nc")
    assert dates(local_time_steps(str(tmp_path / "a.nc"), "ppt", 2001, "annual")) == [("2001", 3)]


def test_one_file_a_year_and_a_variable_without_time(tmp_path):
    for year in (2000, 2001):
        data = dataset(pandas.to_datetime(["2000-01-01"])).isel(time=0, drop=True)
        data.to_netcdf(tmp_path / f"{year}.nc")
    time_steps = local_time_steps(str(tmp_path / "{year}.nc"), "ppt", 2001, "annual")
    assert [(step.date, step.path) for step in time_steps] == [("2001", str(tmp_path / "2001.nc"))]
    with pytest.raises(RasterError, match=r"no time dimension, so the file's name must give its date; write \{year\}"):
        local_time_steps(str(tmp_path / "2001.nc"), "ppt", 2001, "annual")


def test_the_years_that_one_file_lacks_are_named_at_once(tmp_path):
    path = tmp_path / "a.nc"
    dataset(months()).to_netcdf(path)
    check_years({"path": str(path), "grain": "monthly"}, ["ppt"], [2000, 2001])
    with pytest.raises(RasterError, match="lacks 2 of 4 years: 1999, 2002; it holds 2000-01-01 to 2001-12-01, 24 time"):
        check_years({"path": str(path), "grain": "monthly"}, ["ppt"], [1999, 2000, 2001, 2002])


def test_a_missing_month_is_named(tmp_path):
    dataset(months().delete(4)).to_netcdf(tmp_path / "a.nc")
    with pytest.raises(RasterError, match="ppt lacks 1 of 12 dates: 2000-05"):
        local_time_steps(str(tmp_path / "a.nc"), "ppt", 2000, "monthly")


def test_a_finer_grain_than_configured_is_refused(tmp_path):
    dataset(months()).to_netcdf(tmp_path / "a.nc")
    with pytest.raises(RasterError, match=r"more than one time step on 2000; raster.grain: annual needs one"):
        local_time_steps(str(tmp_path / "a.nc"), "ppt", 2000, "annual")


def test_an_unknown_variable_is_told_the_known_ones(tmp_path):
    data = dataset(months())
    data.assign(tmean=data["ppt"]).to_netcdf(tmp_path / "a.nc")
    with pytest.raises(RasterError, match=r"no variable 'tmeen'; did you mean 'tmean'\? Its variables: ppt, tmean"):
        local_time_steps(str(tmp_path / "a.nc"), "tmeen", 2000, "monthly")
    dataset(months()).drop_vars("crs").to_netcdf(tmp_path / "b.nc")
    with pytest.raises(RasterError, match="Its variables: ppt"):
        local_time_steps(str(tmp_path / "b.nc"), "rain", 2000, "monthly")


def test_a_level_is_refused_unless_it_is_the_only_one(tmp_path):
    data = dataset(months(), crs=None)
    data.expand_dims(level=[1, 2], axis=1).to_netcdf(tmp_path / "level.nc")
    data.expand_dims(level=[1], axis=1).to_netcdf(tmp_path / "single.nc")
    with pytest.raises(RasterError, match="has the dimension 'level' beside its rows and columns"):
        local_time_steps(str(tmp_path / "level.nc"), "ppt", 2000, "monthly")
    assert len(local_time_steps(str(tmp_path / "single.nc"), "ppt", 2000, "monthly")) == 12


def grid_of(path, crs=None):
    return file_grid(TimeStep("2000", str(path), layer="ppt"), crs)


def test_the_crs_comes_from_the_file_or_the_configuration(tmp_path):
    dataset(months()).to_netcdf(tmp_path / "with.nc")
    dataset(months(), crs=None).to_netcdf(tmp_path / "without.nc")
    grid, assumed = grid_of(tmp_path / "with.nc")
    assert grid.matches(GRID) and not assumed
    grid, assumed = grid_of(tmp_path / "without.nc", "EPSG:4269")
    assert grid.matches(GRID) and not assumed


def test_a_path_may_hold_spaces_and_colons(tmp_path):
    folder = tmp_path / "my data"
    folder.mkdir()
    dataset(months()).to_netcdf(folder / "a:b.nc")
    time_steps = local_time_steps(str(folder / "a:b.nc"), "ppt", 2000, "monthly")
    with open_array(time_steps[0].path, time_steps[0].layer) as array:
        assert array.variable.sizes["time"] == 24


def test_the_configured_crs_wins_and_is_reported(tmp_path):
    dataset(months(), crs="EPSG:4269").to_netcdf(tmp_path / "a.nc")
    step = TimeStep("2000", str(tmp_path / "a.nc"), layer="ppt")
    assert grid_of(tmp_path / "a.nc", "EPSG:4326")[0].crs == "EPSG:4326"
    assert "NAD83" in overridden_crs(step, "EPSG:4326") and overridden_crs(step, "EPSG:4269") is None


def test_the_time_of_a_file_that_cannot_be_decoded(tmp_path):
    data = dataset([1, 2, 3])
    data["time"].attrs["units"] = "fortnights since 2000-01-01"
    data.to_netcdf(tmp_path / "a.nc")
    with pytest.raises(RasterError, match="'fortnights since 2000-01-01' in the calendar 'standard', cannot be"):
        local_time_steps(str(tmp_path / "a.nc"), "ppt", 2000, "monthly")
