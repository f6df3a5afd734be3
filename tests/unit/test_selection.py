"""The variable and the values of further dimensions that are meant: labels, groups, select; native time steps."""

from dataclasses import replace

import netCDF4
import numpy as np
import pandas
import pytest
import rasterio
import xarray
from small import GRID, boxes, counting, local_time_steps, place, read_time_steps, write_nc, write_tif

from zonalflow.common.errors import RasterError
from zonalflow.index.grids import grid_finder
from zonalflow.rasters.arrays import open_array
from zonalflow.rasters.selection import select_of
from zonalflow.tables.year_table import YearTable, units_of
from zonalflow.timeline.time_steps import local_steps
from zonalflow.timeline.units import check_one_unit, unit_of_steps
from zonalflow.verify.labels import undecoded

LAT, LON = np.arange(3.5, 0, -1.0), np.arange(0.5, 6)
WEST_ROW = boxes((0, 3, 3, 4))


def first_cell(path, variable="ppt", year=2000, grain="annual", **keys):
    """Return the first value, as jobs read it and as `verify` does."""
    (step, *_) = local_time_steps(path, variable, year, grain, **keys)
    with open_array(step.path, step.layer, step.select) as array:
        value = float(array.stored(slice(step.band - 1, step.band), (0, 1, 0, 1))[0, 0, 0])
    with undecoded(step.path, step.layer, dict(step.select)) as theirs:
        assert float(theirs.transpose(..., "lat", "lon").to_numpy().reshape(-1, 4, 6)[step.band - 1, 0, 0]) == value
    return value


@pytest.mark.parametrize(
    ("coordinates", "value", "right"),
    [
        (None, 1, 100.0),  # a position
        ([100000.0, 85000.0, 50000.0], 85000, 100.0),
        (np.array([0.1, 0.2, 0.3], "f4"), 0.3, 200.0),  # as float32 it is 0.30000001
        ([3, 2, 1], 1, 200.0),  # a coordinate comes before the position
        (["low", "middle", "high"], "middle", 100.0),
        (["low", "middle", "high"], 2, 200.0),  # no number is a text: the position
        ([100000.0, 85000.0, 50000.0], 2, 200.0),  # no pressure is near 2
        (["1990", "2000", "2010"], 2000, 100.0),
        (pandas.to_datetime(["2020-01-01", "2020-02-01", "2020-03-01"]), "2020-02-01", 100.0),
        (pandas.to_datetime(["2020-01-01T00:00", "2020-01-01T06:00", "2020-02-01T00:00"]), "2020-01-01T06:00", 100.0),
    ],
)
def test_one_value_of_a_dimension_is_chosen(tmp_path, coordinates, value, right):
    path = write_nc(tmp_path / "a.nc", coordinates=coordinates, level=3)
    assert first_cell(path, select={"level": value}) == right


@pytest.mark.parametrize(
    ("coordinates", "select", "message"),
    [
        ([10.0, 20.0], {"level": 15}, r"select\.level: 15 is not among the values of this dimension: 10\.0, 20\.0"),
        ([1, 2], {"level": 0}, r"select\.level: 0 is not among the values of this dimension: 1, 2"),  # nor a position
        (["low", "high"], {"level": "lo"}, r"'lo' is not among the values of this dimension: low, high"),
        (None, {"level": 2}, r"raster\.select\.level: 2 is no position from 0 to 1"),
        (None, {"levl": 1}, r"no dimension 'levl' .*; did you mean 'level'\? Its dimensions: time, level"),
        ([10.0, 20.0], {}, r"has the dimension 'level' .* its values: 10\.0, 20\.0; choose one, .*\{level: 10\.0\}"),
        (None, {}, r"it has no coordinates; choose a position from 0 to 1, for example raster\.select: \{level: 0\}"),
    ],
)  # fmt: skip
def test_a_choice_that_cannot_be_made_names_the_values(tmp_path, coordinates, select, message):
    path = write_nc(tmp_path / "a.nc", coordinates=coordinates, level=2)
    with pytest.raises(RasterError, match=message):
        local_time_steps(path, "ppt", 2000, "annual", select=select)


def test_a_file_may_call_a_variable_anything(tmp_path):
    path = write_nc(tmp_path / "a.nc", name="rain + snow (mm)", member=1)
    assert first_cell(path, "ppt", names={"ppt": "rain + snow (mm)"}) == 0.0
    with pytest.raises(RasterError, match=r"no variable 'ppt'.*raster\.variables: \{ppt: rain \+ snow \(mm\)\}"):
        local_time_steps(path, "ppt", 2000, "annual")


@pytest.mark.parametrize("coordinates_in_root", [True, False])
def test_a_group_inherits_the_coordinates_above_it(tmp_path, coordinates_in_root):
    path = str(tmp_path / "2000.h5")
    with netCDF4.Dataset(path, "w") as file:
        group = file.createGroup("Grid").createGroup("daily")
        holder = file if coordinates_in_root else group
        for name, values, units in (("lat", LAT, "degrees_north"), ("lon", LON, "degrees_east")):
            holder.createDimension(name, len(values))
            holder.createVariable(name, "f8", (name,))[:] = values
            holder[name].units = units
        group.createVariable("rain", "f4", ("lat", "lon"), fill_value=-1)[:] = 7
    assert first_cell(f"{tmp_path}/{{year}}.h5", "ppt", names={"ppt": "Grid/daily/rain"}) == 7
    with pytest.raises(RasterError, match="has no group 'Gird'"):
        local_time_steps(f"{tmp_path}/{{year}}.h5", "ppt", 2000, "annual", names={"ppt": "Gird/rain"})


def native(tmp_path, times, **attributes):
    values = np.arange(len(times), dtype="f4")[:, None, None] * np.ones((4, 6), "f4")
    data = xarray.Dataset({"ppt": (("time", "lat", "lon"), values)}, {"time": ("time", times), "lat": LAT, "lon": LON})
    data["time"].attrs.update({"units": "days since 2000-01-01", **attributes})
    data.to_netcdf(tmp_path / "a.nc")
    return [step.date for step in local_time_steps(str(tmp_path / "a.nc"), "ppt", 2000, "native")]


def test_native_takes_the_steps_that_there_are(tmp_path):
    assert native(tmp_path, [0, 8, 16, 366]) == ["2000-01-01", "2000-01-09", "2000-01-17"]
    assert native(tmp_path, [0.5, 8.5]) == ["2000-01-01", "2000-01-09"]
    assert native(tmp_path, [0, 0.25, 0.5]) == ["2000-01-01T00:00", "2000-01-01T06:00", "2000-01-01T12:00"]


def test_hours_are_those_in_which_steps_lie(tmp_path):
    native(tmp_path, np.arange(48) / 24)
    found = local_steps({"path": str(tmp_path / "a.nc"), "grain": "hourly", "missing_dates": "skip"}, "ppt", 2000)
    assert [step.date for step in found.steps][5:7] == ["2000-01-01T05:00", "2000-01-01T06:00"]
    assert (len(found.steps), len(found.missing)) == (48, 366 * 24 - 48)


def test_what_is_missing_is_left_out_only_if_asked_for(tmp_path):
    native(tmp_path, [130, 160, 190])  # in May, June and July
    raster = {"path": str(tmp_path / "a.nc"), "grain": "monthly"}
    with pytest.raises(RasterError, match=r"lacks 9 of 12 dates: 2000-01, .*missing_dates: skip; .*raster\.months"):
        local_steps(raster, "ppt", 2000)
    found = local_steps({**raster, "missing_dates": "skip"}, "ppt", 2000)
    assert [step.date for step in found.steps] == ["2000-05", "2000-06", "2000-07"]
    assert found.missing == [f"2000-{month:02}" for month in (1, 2, 3, 4, 8, 9, 10, 11, 12)]
    assert local_steps({**raster, "months": [6, 7]}, "ppt", 2000).missing == []
    with pytest.raises(RasterError, match="lacks the year"):
        local_steps({**raster, "grain": "annual", "missing_dates": "skip"}, "ppt", 2001)
    with pytest.raises(RasterError, match="lacks 12 of 12 dates"):
        local_steps({**raster, "missing_dates": "skip"}, "ppt", 2001)


def test_a_date_in_two_files_is_refused(tmp_path):
    for name in ("a", "b"):
        write_nc(tmp_path / f"v_{name}.nc", member=1)
    with pytest.raises(RasterError, match=r"2000 of ppt is in two files, .*v_a\.nc and .*v_b\.nc"):
        local_time_steps(f"{tmp_path}/v_*.nc", "ppt", 2000, "annual")


def test_select_and_band_are_each_for_their_own_files(tmp_path):
    path = write_nc(tmp_path / "a.nc", member=1)
    with pytest.raises(RasterError, match=r"has dimensions and no bands; choose by raster\.select"):
        local_time_steps(path, "ppt", 2000, "annual", band=2)
    with pytest.raises(RasterError, match=r"has bands and no dimensions; choose one by raster\.band"):
        local_time_steps(str(tmp_path / "{year}.tif"), "ppt", 2000, "annual", select={"level": 1})


def test_one_file_serves_two_selections(tmp_path):
    path = write_nc(tmp_path / "a.nc", level=3)
    steps = [local_time_steps(path, "ppt", 2000, "annual", select={"level": n})[0] for n in (0, 2)]
    assert steps[0].select == select_of({"level": 0}) and steps[0] != steps[1]
    where = grid_finder(place(WEST_ROW, replace(GRID, crs="EPSG:4326")))
    assert [float(values[0, 0]) for step in steps for _, values, _, _ in read_time_steps([step], where)] == [0, 200]


@pytest.mark.parametrize(("text", "unit"), [("degC", "°C"), ("kg m-2  s-1", "kg m-2 s-1"), ("Kelvin", "K"), ("", "")])
def test_units_are_those_of_the_files(tmp_path, text, unit):
    path = write_nc(tmp_path / "a.nc", member=1)
    with netCDF4.Dataset(path, "a") as file:
        file["ppt"].units = text
    tif = write_tif(tmp_path / "2000.tif", counting(), nodata=-1)
    with rasterio.open(tif, "r+") as dataset:
        dataset.units = (text,)
    for pattern in (path, str(tmp_path / "{year}.tif")):
        assert unit_of_steps(local_time_steps(pattern, "ppt", 2000, "annual")) == unit


def test_two_units_in_one_year_are_refused(tmp_path):
    for month, unit in (("01", "K"), ("12", "degC")):
        with netCDF4.Dataset(write_nc(tmp_path / f"v_2000{month}.nc", [f"2000-{month}-15"], member=1), "a") as file:
            file["ppt"].units = unit
    raster = {"path": f"{tmp_path}/v_{{year}}{{month}}.nc", "grain": "monthly", "missing_dates": "skip"}
    steps = local_steps(raster, "ppt", 2000).steps
    with pytest.raises(RasterError, match=r"\(2000-01\) is in K, and .* \(2000-12\) in °C; convert one .* \{ppt: K\}"):
        check_one_unit("ppt", steps[0], steps[-1])
    table = YearTable(["2000-01", "2000-12"], {}, unit=unit_of_steps(steps))
    with pytest.raises(RasterError, match=r"ppt is in K and in °C in the files of 2000; convert some of them"):
        units_of([("ppt", 2000, table)], {})
    assert units_of([("ppt", 2000, table)], {"ppt": "K"}) == {"ppt": "K"}


def test_one_time_beside_a_variable_is_its_date(tmp_path):
    for month in (1, 7):
        data = xarray.open_dataset(write_nc(tmp_path / "all.nc", [f"2000-{month:02}-16"], member=1), decode_cf=False)
        data.isel(time=0).load().to_netcdf(tmp_path / f"v_{month}.nc")
        data.close()
    raster = {"path": f"{tmp_path}/v_*.nc", "grain": "monthly", "missing_dates": "skip"}
    assert [step.date for step in local_steps(raster, "ppt", 2000).steps] == ["2000-01", "2000-07"]
    assert [step.date for step in local_steps({**raster, "grain": "native"}, "ppt", 2000).steps][1] == "2000-07-16"
    with pytest.raises(RasterError, match=r"lacks the year 2001; it holds 2000-07-16"):
        local_steps({"path": f"{tmp_path}/v_7.nc", "grain": "annual", "of_years": [2001]}, "ppt", 2001)
    (tmp_path / "v_7.nc").rename(tmp_path / "n_2003.nc")  # a name goes before
    named = local_steps({"path": f"{tmp_path}/n_{{year}}.nc", "grain": "annual"}, "ppt", 2003).steps
    assert [step.date for step in named] == ["2003"]
