"""What the stored numbers of NetCDF files mean: which are missing, and how they are unpacked."""

import itertools

import netCDF4
import numpy as np
import pytest
from netcdf_files import LATLON, PLACES, WHOLE, plain, read, window_of, write
from small import GRID

from zonalflow.common.errors import RasterError
from zonalflow.rasters.arrays import open_array
from zonalflow.rasters.packing import MISSING
from zonalflow.verify.labels import read_by_label, undecoded

ROW = np.arange(24).reshape(4, 6)  # the stored numbers of most files below


def cells(found):
    """Return which stored numbers hold data, of a file that holds 0 … 23."""
    return np.flatnonzero(~np.isnan(found.ravel())).tolist()


@pytest.mark.parametrize(
    ("attributes", "data"),
    [
        # of the type of the unpacked data: 0.5 × stored + 1 from 3 to 6 is stored 4 to 10
        ({"valid_min": 3.0, "valid_max": 6.0}, range(4, 11)),
        ({"valid_range": np.array([3.0, 6.0])}, range(4, 11)),
        ({"valid_range": np.array([3.0, 6.0], "f4")}, range(4, 11)),
        # of the type of the stored numbers
        ({"valid_min": np.int16(3), "valid_max": np.int16(6)}, range(3, 7)),
        ({"valid_range": np.array([3, 6], "i2")}, range(3, 7)),
        ({"valid_range": np.array([3, 6], "i4")}, range(3, 7)),
        ({"missing_value": np.int16(5)}, [*range(5), *range(6, 24)]),
        ({"missing_value": 5.0}, [*range(5), *range(6, 24)]),  # a stored number can be it
        ({"missing_value": np.array([0, 1], "i2")}, range(2, 24)),
        ({"missing_value": 1e20}, range(24)),
        ({"missing_value": 1.5}, [0, *range(2, 24)]),  # no stored number can, but 0.5 × 1 + 1 is it
    ],
)
def test_missing_in_a_packed_file(tmp_path, attributes, data):
    attributes = {"scale_factor": 0.5, "add_offset": 1.0, **attributes}
    found = read(plain(tmp_path / "a.nc", ROW.astype("i2"), attributes))
    assert cells(found) == list(data)
    np.testing.assert_array_equal(found.ravel()[list(data)], 0.5 * np.array(data) + 1)


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "u1", "u2", "f4", "f8"])
def test_missing_value_without_a_fill_value(tmp_path, dtype):
    path = plain(tmp_path / "a.nc", ROW.astype(dtype), {"missing_value": np.dtype(dtype).type(7)})
    assert cells(read(path)) == [*range(7), *range(8, 24)]


def test_a_limit_of_more_digits_leaves_its_own_value_in(tmp_path):
    values = np.full((4, 6), np.float32(0.1))
    assert cells(read(plain(tmp_path / "a.nc", values, {"valid_max": 0.1}))) == list(range(24))  # float32's is larger


@pytest.mark.parametrize(
    ("attributes", "largest", "missing"),
    [
        ({"_Unsigned": "true", "_FillValue": np.int8(-1)}, 254, 1),
        ({"_Unsigned": "true", "missing_value": np.int8(-1)}, 254, 1),
        ({"_Unsigned": "true", "valid_range": np.array([0, -6], "i1")}, 250, 5),  # −6 is 250
        ({"valid_range": np.array([0, 255], "i2")}, 255, 0),  # how NetCDF-3 says it
        ({"valid_min": np.int16(0), "valid_max": np.int16(255), "missing_value": np.int16(255)}, 254, 1),
    ],
)
def test_bytes_without_a_sign(tmp_path, attributes, largest, missing):
    stored = np.arange(232, 256).reshape(4, 6).astype("u1").view("i1")
    fill = attributes.get("_FillValue")
    path = plain(tmp_path / "a.nc", stored, {k: v for k, v in attributes.items() if k != "_FillValue"}, fill)
    found = read(path)
    assert (np.nanmin(found), np.nanmax(found), np.isnan(found).sum()) == (232, largest, missing)


def test_shorts_without_a_sign(tmp_path):
    stored = (ROW + 65512).astype("u2").view("i2")
    path = plain(tmp_path / "a.nc", stored, {"_Unsigned": "true", "scale_factor": 0.1}, np.int16(-1))
    np.testing.assert_allclose(read(path).ravel()[:23], (np.arange(23) + 65512) * 0.1)
    assert np.isnan(read(path).ravel()[23])


def test_values_never_written_are_missing(tmp_path):
    path = write(tmp_path / "a.nc", LATLON, PLACES, fill=None)
    with netCDF4.Dataset(path, "a") as file:
        file.createVariable("w", "f4", ("lat", "lon"))[:2] = 1
    with open_array(path, "w") as array:
        values, nodata = window_of(array, 1, WHOLE, None)
    assert (values == np.float32(nodata)).sum() == 12


def test_bytes_that_declare_nothing_need_the_configuration(tmp_path):
    path = plain(tmp_path / "a.nc", ROW.astype("u1"))
    with pytest.raises(RasterError, match=r"a.nc \(2000\) does not declare its nodata value"):
        read(path)
    assert cells(read(path, "none")) == list(range(24))
    assert cells(read(path, 3)) == [*range(3), *range(4, 24)]


@pytest.mark.parametrize("nodata", [7, 7.0])
def test_the_configured_nodata_value_is_a_stored_one(tmp_path, nodata):
    path = plain(tmp_path / "a.nc", ROW.astype("i2"), {"scale_factor": 0.5, "missing_value": np.int16(9)}, np.int16(8))
    assert cells(read(path, nodata)) == [*range(7), *range(8, 24)]  # and the file's own no longer
    assert cells(read(path, "none")) == list(range(24))


def test_nan_is_no_measurement_and_no_declared_gap_either(tmp_path):
    values = np.where(ROW == 2, np.nan, ROW).astype("f4")
    with open_array(plain(tmp_path / "a.nc", values, {"missing_value": np.float32(1)}), "v") as array:
        found, nodata = window_of(array, 1, WHOLE, None)
    assert nodata == MISSING
    assert found[0, 1] == MISSING and np.isnan(found[0, 2])


def test_texts_hold_no_numbers(tmp_path):
    path = plain(tmp_path / "a.nc", np.full((4, 6), b"x", "S1"))
    with pytest.raises(RasterError, match="v holds no numbers but the type"):
        read(path, "none")


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8"])
def test_verify_masks_and_unpacks_the_same_by_other_rules(tmp_path, dtype):
    """Every combination of these attributes: 3 × 3 × 4 files of each type."""
    kind = np.dtype(dtype).type
    packings = [{}, {"scale_factor": 0.5, "add_offset": 273.15}, {"scale_factor": np.float32(-2.0)}]
    gaps = [(None, {}), (kind(4), {"missing_value": kind(6)}), (None, {"missing_value": np.array([6, 7], dtype)})]
    compared = 0
    for packing, (fill, missing) in itertools.product(packings, gaps):
        scale, offset = float(packing.get("scale_factor", 1)), float(packing.get("add_offset", 0))
        low, high = sorted((scale * 2 + offset, scale * 20 + offset))  # a double is meant in the unit of the values
        limits = (low, high) if packing and np.dtype(dtype).kind in "iu" else (kind(2), kind(20))
        ranges = [{}, {"valid_min": limits[0]}, {"valid_max": limits[1]}, {"valid_range": np.array(limits)}]
        for valid in ranges:
            path = plain(tmp_path / "a.nc", ROW.astype(dtype), packing | missing | valid, fill)
            if fill is None and not missing and not valid and np.dtype(dtype).itemsize == 1:
                continue  # it declares nothing
            with undecoded(path, "v") as array:
                values, masked = read_by_label(array, 1, GRID, None)
            np.testing.assert_allclose(read(path), np.where(masked, np.nan, values), rtol=1e-14)
            compared += 1
    assert compared >= 33
