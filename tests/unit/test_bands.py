"""Which band of a raster file holds which date, and rasters in zips and gzipped."""

import gzip
import warnings
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
import xarray
from small import counting, local_time_steps, read_time_steps, write_tif

from zonalflow.common.errors import RasterError, VerificationError
from zonalflow.rasters.arrays import open_array
from zonalflow.rasters.containers import exists, is_array, on_disk
from zonalflow.rasters.read import TimeStep, open_raster, with_band
from zonalflow.timeline.patterns import inputs_of_year
from zonalflow.timeline.time_steps import local_steps
from zonalflow.verify.labels import undecoded
from zonalflow.verify.values import open_values


def bands(path, n, descriptions=()):
    """Write n bands whose cells hold 100, 200, …"""
    write_tif(path, np.stack([counting() * 0 + 100 * (band + 1) for band in range(n)]), nodata=-1)
    if descriptions:
        with rasterio.open(path, "r+") as dataset:
            dataset.descriptions = descriptions
    return str(path)


def values(steps):
    """Return date to the value of the cells."""
    found = {}
    for step in steps:
        with open_raster(step.path) as dataset:
            found[step.date] = float(dataset.read(with_band(dataset, step).band)[0, 0])
    return found


@pytest.mark.parametrize(("band", "value"), [(2, 200), ("rain", 300)])
def test_a_band_is_chosen_by_number_or_description(tmp_path, band, value):
    bands(tmp_path / "2000.tif", 3, ("heat", "wind", "rain"))
    steps = local_time_steps(str(tmp_path / "{year}.tif"), "ppt", 2000, "annual", band=band)
    assert values(steps) == {"2000": value}


def test_an_unknown_band_names_the_known_ones(tmp_path):
    bands(tmp_path / "2000.tif", 2, ("heat", "rain"))
    for band, message in ((3, "has 2 bands; 2000 should be band 3"), ("snow", r"\(heat, rain\), .* called 'snow'")):
        with pytest.raises(RasterError, match=message):
            values(local_time_steps(str(tmp_path / "{year}.tif"), "ppt", 2000, "annual", band=band))


def test_one_file_holds_several_variables(tmp_path):
    bands(tmp_path / "2000.tif", 3, ("B1", "B2", "B3"))
    bands(tmp_path / "2001.tif", 1, ("B1",))
    raster = {
        "path": f"{tmp_path}/{{year}}.tif",
        "grain": "annual",
        "names": {"red": "B1", "nir": "B3"},
        "shared": True,
    }
    assert [values(local_steps(raster, name, 2000).steps)["2000"] for name in ("red", "nir")] == [100, 300]
    assert values(local_steps(raster, "red", 2001).steps) == {"2001": 100}
    with pytest.raises(RasterError, match=r"2001.tif has 1 band \(B1\), but exactly one must be called 'B3'"):
        values(local_steps(raster, "nir", 2001).steps)  # not the only band, which is another variable
    with pytest.raises(RasterError, match=r"raster\.band: 2 of .* would be all variables"):
        local_steps({**raster, "band": 2}, "red", 2000)
    months = bands(tmp_path / "months.tif", 12)
    with pytest.raises(RasterError, match=r"has 12 bands for its dates, so it holds one variable"):
        local_steps({**raster, "path": months, "grain": "monthly", "of_years": [2000]}, "red", 2000)


def test_verify_knows_a_band_of_another_name(tmp_path, monkeypatch):
    path = bands(tmp_path / "2000.tif", 2, ("heat", "rain"))
    raster, step = {"source": "local", "path": path, "nodata": None}, TimeStep("2000", path, band_name="rain")
    with open_values(step, raster):
        pass
    monkeypatch.setattr("zonalflow.verify.values.with_band", lambda dataset, step: TimeStep("2000", path, 1))
    with pytest.raises(VerificationError, match=r"band 1, taken for rain, is heat"), open_values(step, raster):
        pass


def test_months_in_names_are_those_of_an_only_year(tmp_path):
    for month in range(1, 13):
        write_tif(tmp_path / f"v_{month:02}.tif", counting() * 0 + month, nodata=-1)
    for name in ("v_{month}.tif", "*_{month}.tif"):
        steps = local_time_steps(f"{tmp_path}/{name}", "v", 2000, "monthly", of_years=[2000])
        assert values(steps) == {f"2000-{month:02}": month for month in range(1, 13)}


def test_one_file_has_a_band_for_each_year(tmp_path):
    path = bands(tmp_path / "all.tif", 3)
    for year, value in ((2001, 100), (2003, 300)):
        steps = local_time_steps(path, "ppt", year, "annual", of_years=[2001, 2002, 2003])
        assert values(steps) == {str(year): value}
    with pytest.raises(RasterError, match=r"has 3 bands, but 2001 to 2002 are 2 dates; .*else write \{year\}"):
        local_time_steps(path, "ppt", 2001, "annual", of_years=[2001, 2002])


def test_one_file_has_a_band_for_each_month(tmp_path):
    path = bands(tmp_path / "all.tif", 24)
    steps = local_time_steps(path, "ppt", 2001, "monthly", of_years=[2000, 2001], months=[2, 12])
    assert values(steps) == {"2001-02": 1400, "2001-12": 2400}


def test_bands_described_by_dates_need_no_order(tmp_path):
    path = bands(tmp_path / "all.tif", 3, ("ppt_2002", "ppt_2000", "ppt_1999"))
    assert values(local_time_steps(path, "ppt", 2000, "annual", of_years=[2000, 2002])) == {"2000": 200}
    months = bands(tmp_path / "2000.tif", 3, ("2000-05", "2000-06", "2000-08"))
    found = local_steps({"path": months, "grain": "monthly", "missing_dates": "skip", "of_years": [2000]}, "ppt", 2000)
    assert values(found.steps) == {"2000-05": 100, "2000-06": 200, "2000-08": 300} and len(found.missing) == 9


def test_some_months_are_read_from_complete_and_partial_stacks(tmp_path):
    bands(tmp_path / "2000.tif", 12)
    bands(tmp_path / "2001.tif", 2)
    for year, right in ((2000, [600, 700]), (2001, [100, 200])):
        steps = local_time_steps(str(tmp_path / "{year}.tif"), "ppt", year, "monthly", months=[6, 7])
        assert list(values(steps).values()) == right


def test_a_static_file_is_that_of_an_only_year(tmp_path):
    path = bands(tmp_path / "elevation.tif", 1)
    assert values(local_time_steps(path, "elevation", 2020, "annual", of_years=[2020])) == {"2020": 100}
    with pytest.raises(RasterError, match="has 1 band, but 2020 to 2021 are 2 dates"):
        local_time_steps(path, "elevation", 2020, "annual", of_years=[2020, 2021])


# ----------------------------------------------------------------------------------------------------------- containers


def test_a_gzipped_raster_is_read_in_place(tmp_path):
    plain = write_tif(tmp_path / "2000.tif", counting(start=7), nodata=-1)
    (tmp_path / "2000.tif.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    assert values(local_time_steps(str(tmp_path / "{year}.tif.gz"), "v", 2000, "annual")) == {"2000": 7}
    assert [path.name for path in tmp_path.iterdir()] == ["2000.tif.gz"]  # GDAL leaves no note beside it


def test_a_pattern_goes_on_within_a_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "2000.zip", "w") as archive:
        archive.writestr("a/note.txt", "…")
        for month in (1, 2, 12):
            plain = write_tif(tmp_path / "m.tif", counting(start=month), nodata=-1)
            archive.write(plain, f"a/v_{month:02}.tif")
    raster = {"path": f"{tmp_path}/{{year}}.zip/a/v_{{month}}.tif", "grain": "monthly", "missing_dates": "skip"}
    assert values(local_steps(raster, "v", 2000).steps) == {"2000-01": 1, "2000-02": 2, "2000-12": 12}
    assert inputs_of_year(raster, "v", 2000) == [f"{tmp_path}/2000.zip"]
    with pytest.raises(RasterError, match=r"holds 3 rasters .* go on within the zip: .*2000\.zip/a/v_01\.tif"):
        values(local_time_steps(f"{tmp_path}/{{year}}.zip", "v", 2000, "annual"))
    assert not exists(f"{tmp_path}/2000.zip/a/v_03.tif")
    starred = {"path": f"{tmp_path}/{{year}}*.zip/*/v_{{month}}.tif", "grain": "native"}
    assert values(local_steps(starred, "v", 2000).steps) == {"2000-01": 1, "2000-02": 2, "2000-12": 12}


def arrays(path, value):
    """Write a NetCDF file or a Zarr store, of which all cells have one value."""
    lat, lon = np.arange(3.5, 0, -1.0), np.arange(0.5, 6)
    data = xarray.Dataset({"v": (("lat", "lon"), np.full((4, 6), value, "f4"))}, {"lat": lat, "lon": lon})
    data.to_netcdf(path)
    return path


def test_a_netcdf_file_in_a_zip_is_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "2000.zip", "w") as archive:
        archive.write(arrays(tmp_path / "a.nc", 5), "deep/a.nc")
    path = str(tmp_path / "2000.zip")
    assert is_array(path) and on_disk(f"{path}/deep/a.nc") == path
    for name in (path, f"{path}/deep/a.nc"):
        with open_array(name, "v") as array:
            assert array.stored(slice(0, 1), (0, 4, 0, 6)).tolist() == [[[5] * 6] * 4]


def test_hdf4_is_refused_with_what_converts_it(tmp_path):
    (tmp_path / "2000.hdf").write_bytes(b"\x0e\x03\x13\x01" + bytes(600))
    with pytest.raises(RasterError, match=r"is an HDF4 file.*gdal_translate"):
        values(local_time_steps(str(tmp_path / "{year}.hdf"), "v", 2000, "annual"))


# ---------------------------------------------------------------------------------------------------------------- Zarr


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("zipped", [None, "", "v.zarr/"])
def test_zarr_stores_are_read_from_folders_and_zips(tmp_path, version, zipped):
    lat, lon = np.arange(3.5, 0, -1.0), np.arange(0.5, 6)
    times = np.array(["1999-07-01", "2000-07-01"], "datetime64[ns]")
    values = np.stack([np.full((4, 6), value, "f4") for value in (1, 2)])
    values[1, 0, 1] = np.nan
    data = xarray.Dataset({"v": (("time", "lat", "lon"), values)}, {"time": times, "lat": lat, "lon": lon})
    data["v"].encoding["_FillValue"] = np.float32(-9)
    store = tmp_path / "v.zarr"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zarr's own, on what version 3 has not settled
        data.to_zarr(store, zarr_format=version, consolidated=version == 2)
    path = str(store)
    if zipped is not None:
        path = str(tmp_path / "v.zip")
        with zipfile.ZipFile(path, "w") as archive:
            for part in store.rglob("*"):
                if part.is_file():
                    archive.write(part, f"{zipped}{part.relative_to(store)}")
    (step,) = local_time_steps(path, "v", 2000, "annual")
    ((_, read, nodata, _),) = read_time_steps([step], lambda grid, step: SimpleNamespace(raster_window=(0, 1, 0, 3)))
    assert read[0, [0, 2]].tolist() == [2, 2] and read[0, 1] == nodata
    with undecoded(path, "v") as theirs:
        assert theirs.sizes["time"] == 2


def test_a_store_of_another_kind_is_refused(tmp_path):
    (tmp_path / "v.zarr").mkdir()
    with pytest.raises(RasterError, match=r"v\.zarr cannot be read"):
        local_time_steps(str(tmp_path / "v.zarr"), "v", 2000, "annual")
