"""GRIB files: values as they are stored, and messages by their own times."""

import gzip
from dataclasses import replace

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from small import GRID, boxes, counting, local_time_steps, place, read_time_steps, write_tif

from zonalflow.common.errors import RasterError, VerificationError
from zonalflow.rasters.nodata import nodata_of
from zonalflow.rasters.read import TimeStep, file_grid
from zonalflow.timeline.time_steps import local_steps
from zonalflow.verify.values import open_values

WEST_ROW = boxes((0, 3, 3, 4))  # cells 0, 1 and 2: the first three of the northernmost row
TEMPERATURE = "0 0 2 0 0 0 0 1 0 1 0 0 255 0 0"  # category 0, parameter 0 (in kelvin), at the surface
HUMIDITY = "1 1 2 0 0 0 0 1 0 1 0 0 255 0 0"  # category 1, parameter 1: relative humidity
FEBRUARY, JANUARY = "2000-02-01T00:00:00Z", "2000-01-31T00:00:00Z"


def write_grib(path, starts, times, parameters=(TEMPERATURE,)):
    """Write a message for each start (cells count from there) and time, of the parameters in turn."""
    bands = np.stack([counting(start=start).astype(np.float64) for start in starts])
    source = write_tif(path.with_suffix(".tif"), bands, crs="EPSG:4326")
    options = {"DATA_ENCODING": "IEEE_FLOATING_POINT", "DISCIPLINE": "0", "PDS_PDTN": "0", "INPUT_UNIT": "K"}
    for i, time in enumerate(times):
        options[f"BAND_{i + 1}_IDS"] = f"REF_TIME={time}"
        options[f"BAND_{i + 1}_PDS_TEMPLATE_ASSEMBLED_VALUES"] = parameters[i % len(parameters)]
    with rasterio.open(source) as dataset:
        rasterio.shutil.copy(dataset, path, driver="GRIB", **options)
    return path


def first_cells(steps):
    """Return the first value of each time step."""
    where = place(WEST_ROW, GRID.__class__("EPSG:4326", *list(GRID.to_dict().values())[1:]))
    return {
        date: round(float(values[0, 0]), 3)
        for date, values, _, _ in read_time_steps(steps, lambda grid, step: where, nodata="none")
    }


def test_kelvin_stays_kelvin(tmp_path):
    path = write_grib(tmp_path / "a.grb2", [300], [JANUARY])
    assert first_cells([TimeStep("2000", str(path))]) == {"2000": 300.0}
    with rasterio.Env(CPL_DEBUG=False):  # within an environment of somebody else as well
        assert first_cells([TimeStep("2000", str(path))]) == {"2000": 300.0}


def test_messages_are_dated_by_their_own_times(tmp_path):
    times = [f"2000-{month:02}-15T00:00:00Z" for month in range(12, 0, -1)]  # December comes first
    write_grib(tmp_path / "2000.grb2", [300 + month for month in range(12, 0, -1)], times)
    steps = local_time_steps(str(tmp_path / "{year}.grb2"), "t2m", 2000, "monthly")
    assert [step.band for step in steps] == list(range(12, 0, -1))
    assert first_cells(steps) == {f"2000-{month:02}": 300.0 + month for month in range(1, 13)}


def test_a_message_of_one_date_is_found_among_others(tmp_path):
    write_grib(tmp_path / "2000-01.grb2", [300, 400], [FEBRUARY, JANUARY])
    (first, *_) = local_time_steps(str(tmp_path / "{year}-{month}.grb2"), "t2m", 2000, "monthly")
    assert first_cells([first]) == {"2000-01": 400.0}


def test_elements_are_told_apart_by_their_names(tmp_path):
    path = write_grib(tmp_path / "2000.grb2", [300, 40], [JANUARY] * 2, (TEMPERATURE, HUMIDITY))
    for variable, value in (("TMP", 300.0), ("RH", 40.0)):
        assert first_cells([TimeStep("2000", str(path), band_name=variable)]) == {"2000": value}
    with pytest.raises(RasterError, match=r"holds 2 messages of RH, TMP, none of which is 't2m'"):
        first_cells([TimeStep("2000", str(path), band_name="t2m")])


def test_elements_and_levels_of_one_file_are_variables(tmp_path):
    two_metres = TEMPERATURE.replace("0 1 0 1 0 0 255", "0 1 0 103 0 2 255")
    times = [JANUARY, JANUARY, JANUARY, FEBRUARY, FEBRUARY, FEBRUARY]
    write_grib(tmp_path / "a_2000.grb2", [1, 2, 3, 4, 5, 6], times, (TEMPERATURE, two_metres, HUMIDITY))
    names = {"t2m": "TMP:2-HTGL", "skin": "TMP:0-SFC", "rh": "RH"}
    raster = {"path": f"{tmp_path}/a_{{year}}.grb2", "grain": "monthly", "missing_dates": "skip", "names": names}
    for name, (january, february) in {"t2m": (2, 5), "skin": (1, 4), "rh": (3, 6)}.items():
        steps = local_steps({**raster, "shared": True}, name, 2000).steps
        assert first_cells(steps) == {"2000-01": january, "2000-02": february}
    with pytest.raises(RasterError, match=r"several messages of TMP at 2000-01 \(0-SFC and 2-HTGL\).*\{tmp: 'TMP:"):
        local_steps({**raster, "names": {"t": "TMP"}}, "t", 2000)


def test_verify_knows_a_message_of_another_date_or_element(tmp_path):
    path = str(write_grib(tmp_path / "2000.grb2", [300, 40], [JANUARY, FEBRUARY], (TEMPERATURE, HUMIDITY)))
    raster = {"source": "local", "path": f"{tmp_path}/{{year}}.grb2", "nodata": None}
    for step in (TimeStep("2000-01", path), TimeStep("2000-02-01", path, 2)):
        with open_values(step, raster):
            pass
    wrong = TimeStep("2000-01", path, 2)
    with pytest.raises(VerificationError, match=r"taken for 2000-01, is of 2000-02-01"), open_values(wrong, raster):
        pass


def test_an_only_element_is_not_taken_for_two_variables(tmp_path):
    write_grib(tmp_path / "2000.grb2", [300], [JANUARY])
    step = TimeStep("2000", str(tmp_path / "2000.grb2"), band_name="RH")
    assert first_cells([step]) == {"2000": 300.0}
    with pytest.raises(RasterError, match=r"none of which is 'RH'"):
        first_cells([replace(step, shared=True)])


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([JANUARY, "2000-01-02T00:00:00Z"], r"holds 2 messages \(0-SFC, 0-SFC\) of t2m at 2000-01"),
        ([FEBRUARY, "2000-03-01T00:00:00Z"], r"holds 0 messages of t2m at 2000-01, .* are of 2000-02 to 2000-03"),
    ],
)
def test_a_date_needs_exactly_one_message(tmp_path, times, message):
    path = write_grib(tmp_path / "a.grb2", [300, 400], times)
    with pytest.raises(RasterError, match=message):
        first_cells([TimeStep("2000-01", str(path), band_name="t2m")])


def test_messages_without_a_bitmap_hold_data_everywhere(tmp_path):
    path = write_grib(tmp_path / "a.grb2", [9997], [JANUARY])  # with a bitmap, 9999 would be missing
    with rasterio.open(path) as dataset:
        assert dataset.nodata is None and nodata_of(dataset, 1, "a", None) is None


def first_grid(path):
    """Return a GRIB file's bytes, and where its grid's definition (section 3) begins."""
    data, at = bytearray(path.read_bytes()), 16
    while data[at + 4] < 3:
        at += int.from_bytes(data[at : at + 4], "big")
    return data, at


def test_gaussian_rows_are_refused_as_uneven(tmp_path):
    data, at = first_grid(write_grib(tmp_path / "a.grb2", [300], [JANUARY]))
    data[at + 12 : at + 14] = (40).to_bytes(2, "big")  # template 3.40: the same, but for the last increment
    (tmp_path / "b.grb2").write_bytes(data)
    with pytest.raises(
        RasterError, match=r"b\.grb2: the rows of its grid are Gaussian latitudes, which are not evenly"
    ):
        file_grid(TimeStep("2000", str(tmp_path / "b.grb2")))


def test_increments_that_miss_the_last_point_are_refused(tmp_path):
    data, at = first_grid(write_grib(tmp_path / "a.grb2", [300], [JANUARY]))
    assert int.from_bytes(data[at + 63 : at + 67], "big") == 1_000_000  # one degree
    data[at + 63 : at + 67] = (2_000_000).to_bytes(4, "big")
    (tmp_path / "b.grb2").write_bytes(data)
    with rasterio.open(tmp_path / "b.grb2") as dataset:
        believed = dataset.transform.a
    if believed == 1:  # a GDAL that goes by the points
        assert file_grid(TimeStep("2000", str(tmp_path / "b.grb2")))[0].transform[0] == 1
    else:
        with pytest.raises(
            RasterError, match=r"contradicts itself: by its increments a cell has 2 × 1 degrees, .* 1 × 1"
        ):
            file_grid(TimeStep("2000", str(tmp_path / "b.grb2")))


@pytest.mark.parametrize("gzipped", [False, True])
def test_messages_on_several_grids_are_refused(tmp_path, gzipped):
    one = write_grib(tmp_path / "a.grb2", [300], [JANUARY]).read_bytes()
    data, at = first_grid(tmp_path / "a.grb2")
    data[at + 46 : at + 50] = (2_500_000).to_bytes(4, "big")  # the first latitude
    path = tmp_path / ("b.grb2.gz" if gzipped else "b.grb2")
    path.write_bytes(gzip.compress(one + data) if gzipped else one + data)
    with pytest.raises(RasterError, match=r"has messages on 2 grids, and needs one"):
        file_grid(TimeStep("2000", str(path)))


def test_a_sum_over_a_day_is_dated_by_its_middle(tmp_path):
    # 24 hours from 31 January 00:00 on: valid at 1 February 00:00
    a_day = "1 8 2 0 0 0 0 1 0 1 0 0 255 0 0 2000 2 1 0 0 0 1 0 1 2 1 24 255 0"
    source = write_tif(tmp_path / "a.tif", np.stack([counting().astype(float)] * 2), crs="EPSG:4326")
    options = {"PDS_PDTN": "8", "BAND_1_IDS": f"REF_TIME={JANUARY}", "BAND_2_IDS": "REF_TIME=2000-01-01T00:00:00Z"}
    with rasterio.open(source) as dataset:
        rasterio.shutil.copy(
            dataset, tmp_path / "a.grb2", driver="GRIB", PDS_TEMPLATE_ASSEMBLED_VALUES=a_day, **options
        )
    assert first_cells([TimeStep("2000-01-31", str(tmp_path / "a.grb2"), band_name="ppt")]) == {"2000-01-31": 0.0}
