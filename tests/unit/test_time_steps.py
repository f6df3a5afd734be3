"""Which file and band hold a date, in receipts and in local files."""

import json

import numpy as np
import pytest
import rasterio
from small import boxes, counting, local_time_steps, place, read_time_steps, write_tif

from zonalflow.common.errors import RasterError
from zonalflow.index.grids import grid_finder
from zonalflow.rasters.read import TimeStep
from zonalflow.timeline.time_steps import receipt_time_steps, time_steps_of_year

WEST_ROW = boxes((0, 3, 3, 4))  # cells 0, 1 and 2: the first three of the northernmost row


def test_a_band_is_a_date(tmp_path):
    write_tif(tmp_path / "2000.tif", np.stack([counting(start=100 * month) for month in range(1, 13)]), nodata=-1)
    time_steps = local_time_steps(str(tmp_path / "{year}.tif"), "ppt", 2000, "monthly")
    assert [(step.date, step.band) for step in time_steps] == [(f"2000-{month:02}", month) for month in range(1, 13)]
    values = [values[0, 0] for _, values, _, _ in read_time_steps(time_steps, grid_finder(place(WEST_ROW)))]
    assert values == [100 * month for month in range(1, 13)]


def test_bands_that_are_not_the_dates_are_refused(tmp_path):
    write_tif(tmp_path / "2000.tif", np.stack([counting()] * 11), nodata=-1)
    with pytest.raises(
        RasterError, match=r"2000.tif has 11 bands, but 2000-01 to 2000-12 are 12 dates; .*else write {month}"
    ):
        local_time_steps(str(tmp_path / "{year}.tif"), "ppt", 2000, "monthly")


def test_a_band_is_a_variable(tmp_path):
    path = write_tif(tmp_path / "2000.tif", np.stack([counting(), counting(start=100)]), nodata=-1)
    with rasterio.open(path, "r+") as dataset:
        dataset.descriptions = ("ppt", "tmean")
    for variable, first in (("ppt", 0), ("tmean", 100)):
        time_steps = local_time_steps(str(tmp_path / "{year}.tif"), variable, 2000, "annual")
        ((_, values, _, _),) = read_time_steps(time_steps, grid_finder(place(WEST_ROW)))
        assert values[0, 0] == first
    time_steps = local_time_steps(str(tmp_path / "{year}.tif"), "tmin", 2000, "annual")
    with pytest.raises(RasterError, match=r"has 2 bands \(ppt, tmean\), but exactly one must be called 'tmin'"):
        list(read_time_steps(time_steps, grid_finder(place(WEST_ROW))))


def test_a_file_a_month_and_a_file_a_day():
    months = local_time_steps("{variable}_{year}-{month}.tif", "ppt", 2000, "monthly")
    assert months[1] == TimeStep("2000-02", "ppt_2000-02.tif", band_name="ppt")
    days = local_time_steps("{variable}/{year}{month}{day}.tif", "ppt", 2000, "daily")
    assert len(days) == 366
    assert days[59] == TimeStep("2000-02-29", "ppt/20000229.tif", band_name="ppt")


def test_a_receipt_lists_files_in_the_order_of_dates(tmp_path):
    files = [{"date": f"2000-{month:02}", "name": f"{month}.tif", "sha256": f"{month}"} for month in (2, 1)]
    receipt = tmp_path / "2000.json"
    receipt.write_text(json.dumps({"files": files}))
    first, second = time_steps_of_year({"source": "prism"}, [str(receipt)], "ppt", 2000)
    assert first == TimeStep("2000-01", str(tmp_path / "1.tif"), sha256="1")
    assert second == TimeStep("2000-02", str(tmp_path / "2.tif"), sha256="2")


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "is damaged"), ("{}", "is damaged"), ('{"files": [{}]}', "is damaged"), ('{"files": []}', "lists no raster")],
)
def test_a_receipt_that_lists_nothing_is_refused(tmp_path, content, message):
    (tmp_path / "2000.json").write_text(content)
    with pytest.raises(RasterError, match=rf"2000.json {message}.*; delete it and run again"):
        receipt_time_steps(tmp_path / "2000.json")
