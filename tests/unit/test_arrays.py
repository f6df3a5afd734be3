"""NetCDF files by their coordinate variables: which way their axes run, and what is refused."""

import faulthandler
import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import netCDF4
import numpy as np
import pyproj
import pytest
import rasterio
from netcdf_files import LAT, LATITUDE, LON, LONGITUDE, PLACES, WHOLE, grid, plain, read, refused, window_of, write
from small import GRID, read_time_steps

from zonalflow.common.errors import RasterError
from zonalflow.rasters import unreadable
from zonalflow.rasters.arrays import open_array
from zonalflow.rasters.read import TimeStep, file_grid

# ------------------------------------------------------------------------------------------------- axes


@pytest.mark.parametrize("order", list(itertools.permutations(["time", "lat", "lon"])), ids="-".join)
@pytest.mark.parametrize("rows", [1, -1])
@pytest.mark.parametrize("columns", [1, -1])
def test_any_order_and_direction_of_the_dimensions_is_right(tmp_path, order, rows, columns):
    axes = {
        "time": ([0.0, 1.0], {"units": "days since 2000-01-01"}),
        "lat": (LAT[::rows], LATITUDE),
        "lon": (LON[::columns], LONGITUDE),
    }
    values = np.stack([PLACES, PLACES + 100])[:, ::rows, ::columns]
    path = write(
        tmp_path / "a.nc",
        {name: axes[name] for name in order},
        values.transpose([list(axes).index(name) for name in order]),
    )
    assert grid(path).matches(GRID)
    with open_array(path, "v") as array:
        np.testing.assert_array_equal(window_of(array, 2, WHOLE, None)[0], PLACES + 100)
        np.testing.assert_array_equal(window_of(array, 1, (1, 3, 2, 3), None)[0], [[27.5], [17.5]])


@pytest.mark.parametrize(
    ("y", "x"),
    [
        (("lat", {}), ("lon", {})),
        (("latitude", {}), ("longitude", {})),
        (("y", {}), ("x", {})),
        (("north", {"units": "degrees_north"}), ("east", {"units": "degreeE"})),
        (("r", {"standard_name": "latitude"}), ("c", {"standard_name": "longitude"})),
        (("r", {"axis": "Y"}), ("c", {"axis": "X"})),
        (("x", LATITUDE), ("y", LONGITUDE)),  # what they say of themselves counts more than their names
    ],
)
def test_axes_are_known_by_what_the_coordinates_say(tmp_path, y, x):
    path = write(tmp_path / "a.nc", {y[0]: (LAT, y[1]), x[0]: (LON, x[1])})
    assert grid(path).matches(GRID)
    np.testing.assert_array_equal(read(path), PLACES)


def test_axes_that_nothing_names_are_refused(tmp_path):
    path = write(tmp_path / "a.nc", {"r": (LAT, {}), "c": (LON, {})})
    assert "v (r, c) has no dimension that is known to be x" in refused(path)
    path = write(tmp_path / "b.nc", {"lat": (None, {}), "lon": (LON, {})})
    assert "the dimension 'lat' has no coordinate variable" in refused(path)


@pytest.mark.parametrize(
    ("units", "unit", "size"), [("km", "m", 1000), ("m", "m", 1), ("km", "km", 1), ("m", "km", 0.001), ("", "km", 1)]
)
def test_coordinates_come_in_the_unit_of_the_crs(tmp_path, units, unit, size):
    about = {"units": units} if units else {}
    crs = f"+proj=laea +lat_0=45 +lon_0=-100 +datum=WGS84 +units={unit}"
    path = write(tmp_path / "a.nc", {"y": (LAT, about), "x": (LON, about)}, crs=crs)
    assert grid(path).bounds == pytest.approx((0, 0, 6 * size, 4 * size))


def test_coordinates_count_and_not_a_stale_geotransform(tmp_path):
    path = plain(tmp_path / "a.nc", PLACES, GeoTransform="100 1 0 50 0 -1")
    assert grid(path).matches(GRID)


def test_latitudes_and_longitudes_without_a_crs_are_on_wgs84(tmp_path):
    path = plain(tmp_path / "a.nc", PLACES, crs=None)
    found, assumed = file_grid(TimeStep("2000", path, 1, "v"))
    assert (found.crs, assumed) == ("EPSG:4326", True)
    path = write(tmp_path / "b.nc", {"y": (LAT, {"units": "m"}), "x": (LON, {"units": "m"})}, crs=None)
    assert "has no CRS; set it in the configuration" in refused(path)
    assert grid(path, "EPSG:5070").crs == "EPSG:5070"


def test_a_rotated_pole_is_that_of_its_formula(tmp_path):
    mapping = {
        "grid_mapping_name": "rotated_latitude_longitude",
        "grid_north_pole_latitude": 39.25,
        "grid_north_pole_longitude": -162.0,
    }
    about = [{"units": "degrees", "standard_name": f"grid_{name}"} for name in ("latitude", "longitude")]
    path = write(tmp_path / "a.nc", {"rlat": (LAT, about[0]), "rlon": (LON, about[1])}, crs=None)
    with netCDF4.Dataset(path, "a") as file:
        file.createVariable("pole", "i4", ()).setncatts(mapping)
        file["v"].grid_mapping = "pole"
    # at 10 E, 50 N: sin φ' = sin p sin φ + cos p cos φ cos(λ − λp), with p = 39.25° and λp = −162°
    φ, λ, p = np.radians(50), np.radians(10 + 162), np.radians(39.25)
    expected = np.degrees(np.arcsin(np.sin(p) * np.sin(φ) + np.cos(p) * np.cos(φ) * np.cos(λ)))
    transformer = pyproj.Transformer.from_crs("EPSG:4326", grid(path).crs, always_xy=True)
    assert transformer.transform(10, 50)[1] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("kind", ["NETCDF4", "NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET"])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_gdal_reads_the_same_from_a_plain_file(tmp_path, kind, dtype):
    lat, lon = np.arange(25.0625, 53, 0.125).astype(dtype), np.arange(-124.9375, -67, 0.125).astype(dtype)
    values = np.random.default_rng(1).normal(size=(lat.size, lon.size)).astype("f4")
    path = write(tmp_path / "a.nc", {"lat": (lat, LATITUDE), "lon": (lon, LONGITUDE)}, values, kind=kind)
    with rasterio.open(path) as dataset, open_array(path, "v") as array:
        assert grid(path).transform == tuple(dataset.transform)[:6]
        window = (0, dataset.height, 0, dataset.width)
        np.testing.assert_array_equal(window_of(array, 1, window, None)[0], dataset.read(1))


# ------------------------------------------------------------------------------------------------ spacing


@pytest.mark.parametrize(
    ("latitudes", "text"),
    [
        (np.r_[np.arange(36, 40, 0.08), np.arange(40, 44, 0.04)], "first step is 0.08, but the step from 40 to 40.04"),
        (np.delete(np.arange(0.5, 20), 7), "first step is 1, but the step from 6.5 to 8.5 (positions 7 and 8) is 2"),
        (np.degrees(np.arcsin(np.polynomial.legendre.leggauss(64)[0])), "first step is"),  # Gaussian rows
        (np.degrees(np.arcsin(np.tanh(np.linspace(0, 1, 50)))), "first step is 1.16922, but"),  # Mercator's
        (np.arange(20) + np.eye(20)[9] * 0.01, "but the step from 8 to 9.01 (positions 9 and 10) is 1.01"),
    ],
    ids=["two-resolutions", "missing-row", "gaussian", "mercator", "shifted-row"],
)
def test_uneven_rows_are_refused_with_the_place_of_the_jump(tmp_path, latitudes, text):
    values = np.zeros((latitudes.size, 6))
    path = write(tmp_path / "a.nc", {"latitude": (latitudes, LATITUDE), "longitude": (LON, LONGITUDE)}, values)
    message = refused(path)
    assert "a.nc: latitude is not evenly spaced" in message and "cdo remapcon" in message
    assert text in message


def test_a_gap_in_longitude_is_refused_but_not_the_seam(tmp_path):
    longitudes = np.r_[np.arange(0.5, 180), np.arange(-179.5, 0)]  # 0 to 360, as −180 to 180 writes it
    whole = write(tmp_path / "a.nc", {"lat": (LAT, LATITUDE), "lon": (longitudes, LONGITUDE)}, np.zeros((4, 360)))
    assert grid(whole).bounds == (0, 0, 360, 4)
    without = np.delete(longitudes, range(200, 205))
    gap = write(tmp_path / "b.nc", {"lat": (LAT, LATITUDE), "lon": (without, LONGITUDE)}, np.zeros((4, 355)))
    message = refused(gap)
    assert "lon is not evenly spaced" in message and "from 199.5 to 205.5" in message, message


@pytest.mark.parametrize("cell", [1 / 24, 1 / 120, 1 / 240])
def test_float32_coordinates_are_even_within_their_rounding(tmp_path, cell):
    longitudes = (np.arange(round(20 / cell)) * cell + cell / 2 + 160).astype("f4")
    path = write(
        tmp_path / "a.nc", {"lat": (LAT, LATITUDE), "lon": (longitudes, LONGITUDE)}, np.zeros((4, longitudes.size))
    )
    assert grid(path).transform[0] == pytest.approx(cell, rel=1e-5)


def test_more_than_a_thousandth_of_a_cell_is_uneven(tmp_path):
    for shift, even in ((0.0009, True), (0.0011, False)):
        lat = LAT + np.array([0, 0, shift, 0])
        path = write(tmp_path / f"{even}.nc", {"lat": (lat, LATITUDE), "lon": (LON, LONGITUDE)})
        if even:
            assert grid(path).matches(GRID)
        else:
            assert "lat is not evenly spaced" in refused(path)


# --------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize("kind", ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA", "NETCDF4"])
@pytest.mark.parametrize("records", [True, False])
def test_a_file_that_is_cut_short_is_refused(tmp_path, kind, records):
    """The NetCDF library gives zeros, or what was in memory, for what lies behind the end of a classic file."""
    path = tmp_path / "a.nc"
    with netCDF4.Dataset(path, "w", format=kind) as file:
        for name, size in (("time", None if records else 5), ("lat", 4), ("lon", 6)):
            file.createDimension(name, size)
        file.history = "abc"
        for name, about in (("lat", LATITUDE), ("lon", LONGITUDE)):
            file.createVariable(name, "f8", (name,))[:] = {"lat": LAT, "lon": LON}[name]
            file[name].setncatts(about)
        file.createVariable("flag", "i1", ("time",))[:] = np.ones(5)
        file.createVariable("v", "f4", ("time", "lat", "lon"))[:] = np.ones((5, 4, 6))
    with open_array(str(path), "v") as array:
        assert window_of(array, 5, WHOLE, None)[0].sum() == 24
    raw = path.read_bytes()
    path.write_bytes(raw[:-40])
    refusal = pytest.raises(RasterError, match=r"a.nc (is cut short: it has \d+ bytes|cannot be read as NetCDF)")
    with refusal, open_array(str(path), "v"):
        pass


@pytest.mark.parametrize(
    ("head", "text"),
    [
        (b"\x0e\x03\x13\x01", "HDF4"),
        (b"\x1f\x8b\x08\x00", "is compressed with gzip; unpack it: gunzip"),
        (b"<html>", "is a web page"),
        (b"", "is empty"),
        (b"CDF but no more", "a.nc cannot be read as NetCDF"),
        (b"\x89HDF\r\n\x1a\n and no more", "is it complete"),
    ],
)
def test_a_file_that_is_not_netcdf_is_described(tmp_path, head, text):
    path = tmp_path / "a.nc"
    path.write_bytes(head)
    message = refused(str(path))
    assert str(path) in message and text in message


def test_a_job_on_geotiffs_does_without_xarray():
    library = Path(__file__).resolve().parents[2] / "workflow/scripts"
    code = (
        f"import sys; sys.path.insert(0, {str(library)!r}); import zonalflow.steps.zonal_stats; "
        "print(sorted({'xarray', 'rioxarray', 'netCDF4', 'cftime'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_a_file_is_opened_once_for_all_its_time_steps(tmp_path, monkeypatch):
    axes = {
        "time": (np.arange(3.0), {"units": "days since 2000-01-01"}),
        "lat": (LAT, LATITUDE),
        "lon": (LON, LONGITUDE),
    }
    path = write(tmp_path / "a.nc", axes, np.stack([PLACES, PLACES + 1, PLACES + 2]))
    opened = []
    monkeypatch.setattr("zonalflow.readers.opening.open_array", lambda *file: opened.append(file) or open_array(*file))

    class Window:
        raster_window = WHOLE

    steps = [TimeStep(f"2000-01-0{day}", path, day, "v") for day in (1, 2, 3)]
    values = [values[0, 0] for _, values, _, _ in read_time_steps(steps, lambda grid, step: Window())]
    assert values == [35.5, 36.5, 37.5]
    assert len(opened) == 1


def test_a_file_that_the_library_reads_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(unreadable, "_OPENING", 1)
    path = tmp_path / "a.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("x", 2)
        for name in ("x", "v"):  # v has its scale by a link
            file.createVariable(name, "f8", ("x",))[:] = [1, 2]
    content = bytearray(path.read_bytes())
    first = content.index(b"GCOL") + 16  # of HDF5's global heap: 2 bytes of number, 6 of count, 8 of size
    content[first : first + 16] = bytes(16)  # free space of no size, after which the library looks again and again
    path.write_bytes(content)
    with pytest.raises(RasterError, match=r"a\.nc is damaged: the NetCDF library does not end within 1 s"):
        grid(path)


def test_a_file_on_which_the_library_crashes_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.nc"
    netCDF4.Dataset(path, "w").close()

    def crash(path):
        faulthandler.disable()
        os.kill(os.getpid(), signal.SIGSEGV)

    monkeypatch.setattr(netCDF4, "Dataset", crash)
    with pytest.raises(RasterError, match=r"a\.nc is damaged: the NetCDF library crashes \(signal 11\)"):
        unreadable.check_opens(str(path))
