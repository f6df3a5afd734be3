"""Peculiarities of GeoCDL's server: files that it keeps, its two minutes, requests that outlast their client."""

import dataclasses
import threading

import numpy as np
import pytest
import rasterio
from standin import Fault, grids
from standin.clock import TurnedClock

from zonalflow.common.errors import FetchError
from zonalflow.sources.catalogue.datasets import DATASETS
from zonalflow.sources.catalogue.geocdl import box_in_crs, cells_of, dates_in, subset_url
from zonalflow.sources.fetch import Part
from zonalflow.sources.geocdl import tiles
from zonalflow.sources.geocdl.request import Requester, another_date
from zonalflow.sources.geocdl.year import fetch_year
from zonalflow.sources.http import RetryPolicy

SMALL, WIDER = (-96.0, 37.0, -95.95, 37.05), (-96.0, 37.0, -95.94, 37.05)


@pytest.fixture
def fetch(server, tmp_path, turned, brief):
    """Fetch a year of a dataset from the stand-in into tmp_path."""

    def fetch(dataset, variable, year=2000, grain="annual", box=SMALL, **options):
        options = {"policy": brief, "clock": turned.clock(), **options}
        return fetch_year(server.url, dataset, variable, year, grain, box, tmp_path / f"{year}.json", **options)

    return fetch


def years_asked(server):
    return [request.partition("years=")[2][:4] for request in server.requests]


@pytest.mark.parametrize(
    ("dataset", "variable", "grain"),
    [("RAPV3", "cover_tree", "annual"), ("DaymetV4", "prcp", "annual"), ("DaymetV4", "prcp", "monthly")],
)
def test_another_box_of_a_kept_file_comes_after_another_date(server, fetch, dataset, variable, grain):
    fetch(dataset, variable, grain=grain, box=(-96.0, 37.0, -95.5, 37.5))
    receipt = fetch(dataset, variable, grain=grain, box=(-96.0, 37.0, -95.4, 37.5))
    # the year; with another box it is answered with 500; three cells of 2001; the year
    assert years_asked(server) == ["2000", "2000", "2001", "2000"]
    assert receipt["requests"][0]["retries"] == 1


def test_another_box_of_a_kept_month_comes_after_another_month(server, fetch):
    fetch("SMAP-HB1km", "sm", 2016, "hourly", months=[12])
    fetch("SMAP-HB1km", "sm", 2016, "hourly", months=[12], box=WIDER)
    months = [request.partition("years=")[2][:14] for request in server.requests]
    assert months == ["2016&months=12", "2016&months=12", "2017&months=1&", "2016&months=12"]


@pytest.mark.parametrize(
    ("date", "period", "other"),
    [
        ("2000", "year", "2001"),
        ("2020", "year", "2019"),
        ("2020-03", "year", "2019-03"),
        ("2016-02-29T06:00", "month", "2016-03-01T06:00"),
        ("2016-12-31T06:00", "month", "2017-01-01T06:00"),
        ("2020-12-31T06:00", "month", "2019-01-01T06:00"),
    ],
)
def test_another_date_is_in_another_file_that_is_held(date, period, other):
    assert another_date(date, period, ("1980-01-01", "2020-12-31")) == other


def test_the_advice_after_a_500_is_true_for_the_dataset(server, fetch):
    server.faults.append(Fault("status", times=None))
    with pytest.raises(FetchError, match="loaded last is asked for with another box"):
        fetch("RAPV3", "cover_tree")
    assert server.count() == 3 + 2  # three tries, and between them a request for another year
    with pytest.raises(FetchError) as caught:
        fetch("NASS_CDL", "cdl", 2010)
    assert "loaded last" not in str(caught.value)
    assert server.count() == 5 + 3


def test_a_retry_waits_as_long_as_the_request_had_taken(server, fetch, turned):
    turned.look = 45.0  # the clock is read when a request is sent and when it fails, so each takes 45 s
    server.faults.append(Fault("hang_up", times=None))
    with pytest.raises(FetchError, match="take a smaller box"):
        fetch("PRISM", "ppt", policy=RetryPolicy(connect=60, read=60, attempts=4))
    assert turned.pauses == [45.0, 45.0, 45.0]


def test_a_silent_server_names_the_key_of_the_timeout(server, fetch, turned):
    enough = threading.Event()
    server.faults.append(Fault("stall", times=None, options={"event": enough}))
    try:
        with pytest.raises(
            FetchError, match=r"nothing for 0\.2 s, which is fetch\.read_timeout(.|\n)*set a longer fetch"
        ):
            fetch("PRISM", "ppt", policy=RetryPolicy(read=0.2, attempts=1))
    finally:
        enough.set()


# --------------------------------------------------------------------------------------------------- tiles


def requester(server, dataset, variable, box, most, brief):
    clock = TurnedClock().clock()
    return Requester(
        server.url, dataset, DATASETS[dataset], variable, box_in_crs(dataset, box), brief, clock, most_cells=most
    )


def fetch_part(server, dataset, variable, year, box, most, brief, folder, grain="annual", months=None):
    """Fetch a part in requests of at most `most` cells; return its record."""
    asking = requester(server, dataset, variable, box, most, brief)
    dates = dates_in(dataset, year, grain, months)
    part = Part("part", subset_url("", dataset, variable, asking.box, dates), "title", dates)
    return asking.fetch(part, folder / ".parts/part.json")


@pytest.mark.parametrize(
    ("dataset", "variable", "year", "box", "grain", "requests"),
    [
        ("NASS_CDL", "cdl", 2010, SMALL, "annual", 6),
        ("NLCD", "land_cover", 2016, SMALL, "annual", 6),
        ("SRTM", "elev", 2000, SMALL, "annual", 6),
        ("RAPV3", "cover_tree", 2000, SMALL, "annual", 6 + 5),
        ("MODIS_NDVI", "NDVI", 2001, (-96.0, 37.0, -95.6, 37.4), "daily", 6),
    ],
)
def test_tiles_are_joined_bit_for_bit(server, brief, tmp_path, dataset, variable, year, box, grain, requests):
    months = [3] if grain == "daily" else None
    n_dates = 31 if grain == "daily" else 1
    columns, rows = cells_of(DATASETS[dataset], box_in_crs(dataset, box))
    whole = fetch_part(server, dataset, variable, year, box, 10**9, brief, tmp_path / "one", grain, months)
    server.requests.clear()
    server.geocdl.loaded = None
    most = columns * rows * n_dates // 5
    joined = fetch_part(server, dataset, variable, year, box, most, brief, tmp_path / "tiles", grain, months)
    assert len(joined["more_requests"]) == 5
    assert server.count() == requests
    assert [file["date"] for file in joined["files"]] == [file["date"] for file in whole["files"]]
    for file in whole["files"]:
        one, other = (rasterio.open(tmp_path / folder / file["name"]) for folder in ("one", "tiles"))
        with one, other:
            assert one.read(1).tobytes() == other.read(1).tobytes()
            assert (one.transform, one.crs, one.dtypes) == (other.transform, other.crs, other.dtypes)
            assert (one.descriptions, one.shape) == (other.descriptions, other.shape)
            assert one.nodata == other.nodata or np.isnan([one.nodata, other.nodata]).all()
    assert [file["sha256"] for file in joined["sidecars"]] == [file["sha256"] for file in whole["sidecars"]]
    assert not list((tmp_path / "tiles").rglob("*.zip"))


def test_tiles_that_came_are_not_asked_for_again(server, brief, tmp_path):
    arguments = (server, "NASS_CDL", "cdl", 2010, SMALL, 10_000, brief, tmp_path)
    number = len(tiles.tile_boxes(box_in_crs("NASS_CDL", SMALL), *cells_of(DATASETS["NASS_CDL"],
                                  box_in_crs("NASS_CDL", SMALL)), 1, 10_000))  # fmt: skip
    server.faults.append(Fault("status", skip=2, times=3))
    with pytest.raises(FetchError, match="answers 500"):
        fetch_part(*arguments)
    assert server.count() == 2 + 3
    record = fetch_part(*arguments)
    assert server.count() == 5 + number - 2
    assert len(record["more_requests"]) == number - 1


def test_a_box_of_one_request_is_one_tile():
    assert tiles.tile_boxes((0, 0, 1, 9), 10, 90, 1) == [(0, 0, 1, 9)]
    # 400 cells in tiles of 100: two rows of two, from the north-west
    boxes = tiles.tile_boxes((0, 0, 20, 20), 20, 20, 1, most=100)
    assert boxes == [(0, 10, 10, 20), (10, 10, 20, 20), (0, 0, 10, 10), (10, 0, 20, 10)]


@pytest.fixture
def pair(tmp_path):
    """Write two tiles that overlap by a column of cells, and return their paths and the arrays."""

    def pair(shift=0.0, change=0):
        data = dataclasses.replace(grids.DATASETS["NASS_CDL"])
        left, right = data.picture("cdl", "2010", (0, 0, 4, 6)), data.picture("cdl", "2010", (0, 5, 4, 6))
        right[2, 0] += change
        paths = []
        for name, values, column in (("left", left, 0), ("right", right, 5 + shift)):
            path = tmp_path / f"{name}.tif"
            path.write_bytes(data.geotiff(values, (0, column, 4, 6), "cdl"))
            paths.append(path)
        return paths

    return pair


def test_tiles_that_overlap_and_agree_are_joined(pair, tmp_path):
    tiles.join(pair(), tmp_path / "whole.tif")
    with rasterio.open(tmp_path / "whole.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(1), grids.DATASETS["NASS_CDL"].picture("cdl", "2010", (0, 0, 4, 11)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shift": 0.4}, "do not lie side by side on one grid"),
        ({"shift": 3}, "do not lie side by side on one grid"),
        ({"change": 1}, "different values for the same cells"),
    ],
)
def test_tiles_that_do_not_fit_are_refused(pair, tmp_path, options, message):
    with pytest.raises(FetchError, match=message):
        tiles.join(pair(**options), tmp_path / "whole.tif")
    assert not (tmp_path / "whole.tif").exists()
