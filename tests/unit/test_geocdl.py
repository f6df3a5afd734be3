"""The requests to GeoCDL, and what is made of the answers of a stand-in."""

import json

import pytest
import rasterio.warp
from standin import Fault, grids

from zonalflow.common.errors import ConfigError
from zonalflow.common.files import sha256
from zonalflow.sources.catalogue.datasets import DATASETS, UNSERVED, dataset_id, describe_dataset
from zonalflow.sources.catalogue.geocdl import (
    BASE_URL,
    available_years,
    box_in_crs,
    check_request,
    check_years,
    dates_in,
    subset_url,
)
from zonalflow.sources.geocdl.listing import Held, catalogue_range
from zonalflow.sources.geocdl.request import dated
from zonalflow.sources.geocdl.year import fetch_year
from zonalflow.sources.http import RetryPolicy

FLORIDA = (-87.5, 24.5, -79.0, 31.0)
SMALL = (-84.0, 29.0, -83.5, 29.5)


def test_the_address_is_written_as_the_server_documents_it():
    url = subset_url(f"{BASE_URL}/", "PRISM", "ppt", FLORIDA, ["2000"])
    assert url == ("http://10.1.1.80:8000/subset_polygon?datasets=PRISM%3Appt&years=2000&clip=(-87.5,31),(-79,24.5)")


def test_months_and_days_are_requested_as_ranges():
    def asked(dataset, grain, months):
        return subset_url("", dataset, "x", FLORIDA, dates_in(dataset, 2000, grain, months)).partition("2000&")[2]

    assert asked("PRISM", "monthly", None).startswith("months=1:12&clip")
    assert asked("PRISM", "monthly", [6, 7, 8]).startswith("months=6:8&clip")
    assert asked("PRISM", "monthly", [1, 7]).startswith("months=1,7&clip")
    assert asked("PRISM", "daily", [2]).startswith("months=2&days=1:N&clip")
    assert asked("SMAP-HB1km", "hourly", [2]).startswith("months=2&days=1:N&hours=0,6,12,18&clip")
    assert "&years=2000&months=2&days=28&clip" in subset_url("", "PRISM", "ppt", FLORIDA, ["2000-02-28"])


def test_the_address_arrives_as_it_was_written(server, tmp_path, turned):
    fetch_year(server.url, "PRISM", "ppt", 2000, "annual", FLORIDA, tmp_path / "2000.json", clock=turned.clock())
    assert server.requests == ["/subset_polygon?datasets=PRISM%3Appt&years=2000&clip=(-87.5,31),(-79,24.5)"]


def test_a_box_is_given_in_the_datasets_own_crs():
    url = subset_url("", "NASS_CDL", "cdl", box_in_crs("NASS_CDL", (-96.0, 37.0, -95.9, 37.1)), ["2010"])
    corners = url.split("clip=")[1].strip("()").replace("),(", ",").split(",")
    west, north, east, south = map(float, corners)
    # EPSG:5070 has its origin at 23°N 96°W: x of 96°W is 0; 37°N lies 1,555 km north of it along the meridian
    # (14 · 111.0 km, stretched by at most 0.3 % between the standard parallels 29.5°N and 45.5°N).
    assert west == pytest.approx(0, abs=1e-3)
    assert 8_800 < east < 9_000  # 0.1° of longitude at 37°N is 0.1 · 111.3 km · cos 37° = 8.9 km
    assert south == pytest.approx(14 * 111_000, rel=0.005)
    assert 11_000 < north - south < 11_300


def test_spaces_are_quoted_and_undated_datasets_get_no_date():
    assert "datasets=VIP%3AVI%20Quality&" in subset_url("", "VIP", "VI Quality", SMALL, ["2000-01"])
    assert subset_url("", "GTOPO", "elev", SMALL, ["2000"]).startswith("/subset_polygon?datasets=GTOPO30%3Aelev&clip=")


def test_the_whole_grid_of_prism_has_a_box():
    assert "clip=(-125.0208333,49.9375),(-66.4791667,24.0625)" in subset_url(
        "", "PRISM", "ppt", box_in_crs("PRISM", None), ["2000"]
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("PRSIM", ["ppt"], "annual", FLORIDA), "did you mean 'PRISM'"),
        (("PRISM", ["ppt", "tmaks"], "annual", FLORIDA), "no variable 'tmaks'.*did you mean 'tmax'"),
        (("NASS_CDL", ["cdl"], "monthly", FLORIDA), "NASS_CDL is annual only"),
        (("NASS_CDL", ["cdl"], "annual", None), "write .west, south, east, north."),
    ],
)
def test_requests_outside_the_catalogue_are_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        check_request(*arguments)


def test_the_catalogue_holds_every_dataset_by_the_names_in_use():
    names = "PRISM DaymetV4 GTOPO SRTM MODIS_NDVI NASS_CDL NLCD VIP Soilgrids250mV2 SMAP_HB1km RAPV3"
    for name in names.split():
        assert describe_dataset(name).variables
    assert len(DATASETS["Soilgrids250mV2"].variables) == 11 * 6 * 5  # properties × depths × quantiles


def test_years_within_the_servers_range_pass():
    check_years("PRISM", "annual", [1895, 2020], ("1895", "2020"))
    check_years("PRISM", "monthly", [2020], ("1895-01", "2021-01"))
    check_years("PRISM", "daily", [2020], ("1981-01-01", "2021-01-31"))


@pytest.mark.parametrize(
    ("grain", "span"),
    [
        ("annual", ("1895", "2020")),
        ("monthly", ("1895-01", "2021-01")),
        ("daily", ("1981-01-01", "2021-01-31")),
    ],
)
def test_a_year_outside_the_servers_range_is_named_with_it(grain, span):
    with pytest.raises(ConfigError, match=f"^years: GeoCDL.* {span[0]} to {span[1]}, lacks all or part of 2021$"):
        check_years("PRISM", grain, [2020, 2021], span)


def test_without_the_server_only_years_before_the_beginning_are_refused():
    check_years("PRISM", "annual", [2000, 2030])
    with pytest.raises(ConfigError, match=r"which holds 1981-01-01 on, lacks all or part of 1980$"):
        check_years("PRISM", "daily", [1980])


@pytest.mark.parametrize(
    ("grain", "span"),
    [
        ("annual", ("1895", "2020")),
        ("monthly", ("1895-01", "2021-01")),
        ("daily", ("1981-01-01", "2021-01-31")),
    ],
)
def test_the_servers_range(server, grain, span):
    assert catalogue_range(server.url, "PRISM", grain) == Held(span)


@pytest.mark.parametrize("kind", ["html", "hang_up", "status", "empty", "redirect"])
def test_no_range_from_a_server_in_trouble(server, kind):
    server.faults.append(Fault(kind))
    assert catalogue_range(server.url, "PRISM", "annual", policy=RetryPolicy(connect=60, read=60)) is None


def test_a_dataset_unknown_to_the_server_has_no_range(server, monkeypatch):
    monkeypatch.delitem(grids.DATASETS, "RAPV3")
    assert catalogue_range(server.url, "RAPV3", "annual") is None


def test_an_annual_year_is_one_request_for_whole_cells(server, tmp_path, turned):
    receipt = fetch_year(
        server.url, "PRISM", "ppt", 2000, "annual", FLORIDA, tmp_path / "2000.json", clock=turned.clock()
    )
    assert json.loads((tmp_path / "2000.json").read_text()) == receipt
    assert [(file["name"], file["date"]) for file in receipt["files"]] == [("PRISM_ppt_2000.tif", "2000")]
    assert receipt["files"][0]["sha256"] == sha256(tmp_path / "PRISM_ppt_2000.tif")
    assert receipt["synthetic"] is False
    assert "PRISM" in receipt["attribution"]
    with rasterio.open(tmp_path / "PRISM_ppt_2000.tif") as dataset:
        assert dataset.shape == (157, 205)
        assert dataset.bounds == pytest.approx((-87.520833, 24.479167, -78.979167, 31.020833), abs=1e-6)
        assert (dataset.nodata, dataset.dtypes[0], dataset.descriptions) == (-9999, "float32", ("ppt",))
        assert dataset.crs.to_epsg() == 4269


def test_a_monthly_year_is_one_request_a_daily_year_twelve(server, tmp_path, turned):
    monthly = fetch_year(
        server.url, "PRISM", "tmax", 2001, "monthly", SMALL, tmp_path / "m/2001.json", clock=turned.clock()
    )
    assert [file["date"] for file in monthly["files"]] == [f"2001-{month:02}" for month in range(1, 13)]
    assert server.count() == 1
    daily = fetch_year(
        server.url, "PRISM", "tmax", 2000, "daily", SMALL, tmp_path / "d/2000.json", clock=turned.clock()
    )
    assert server.count() == 1 + 12
    assert len(daily["files"]) == len(daily["requests"]) * 30.5 == 366
    assert daily["files"][59]["name"] == "PRISM_tmax_2000-02-29.tif"


def test_the_rasters_are_what_the_server_sent(server, tmp_path, turned):
    fetch_year(server.url, "PRISM", "ppt", 2000, "annual", SMALL, tmp_path / "a/2000.json", clock=turned.clock())
    fetch_year(server.url, "PRISM", "ppt", 2000, "annual", SMALL, tmp_path / "b/2000.json", clock=turned.clock())
    one, other = (json.loads((tmp_path / name / "2000.json").read_text()) for name in "ab")
    assert one["files"] == other["files"]
    assert one["requests"][0]["sha256"] != other["requests"][0]["sha256"]  # every zip is a new one


def test_a_dataset_without_dates_is_one_file_for_all_years(server, tmp_path, turned):
    receipts = [
        fetch_year(
            server.url,
            "GTOPO30",
            "elev",
            year,
            "annual",
            SMALL,
            tmp_path / f"{year}.json",
            clock=turned.clock(),
        )
        for year in (2000, 2001)
    ]
    assert [(file["name"], file["date"]) for receipt in receipts for file in receipt["files"]] == [
        ("GTOPO30_elev.tif", "2000"),
        ("GTOPO30_elev.tif", "2001"),
    ]
    assert server.count() == 1
    with pytest.raises(ConfigError, match="GTOPO30 is without dates; write annual"):
        check_request("GTOPO30", ["elev"], "daily", SMALL)


def test_classes_come_with_their_names_in_a_sidecar(server, tmp_path, turned):
    box = (-96.0, 37.0, -95.99, 37.01)
    receipt = fetch_year(
        server.url, "NASS_CDL", "cdl", 2010, "annual", box, tmp_path / "2010.json", clock=turned.clock()
    )
    assert [file["name"] for file in receipt["sidecars"]] == ["NASS_CDL_cdl_2010.tif.aux.xml"]
    assert "Soybeans" in (tmp_path / "NASS_CDL_cdl_2010.tif.aux.xml").read_text()
    with rasterio.open(tmp_path / "NASS_CDL_cdl_2010.tif") as dataset:
        assert dataset.crs.to_epsg() == 5070
        west, south, east, north = dataset.bounds
        corners = rasterio.warp.transform("EPSG:4269", dataset.crs, [box[0], box[2]], [box[1], box[3]])
    # The raster holds the box's corners and is less than three cells of 30 m larger.
    for low, high, values in ((west, east, corners[0]), (south, north, corners[1])):
        assert low <= min(values) < low + 90
        assert high - 90 < max(values) <= high


def test_a_dataset_with_hours_has_several_files_a_day():
    known = describe_dataset("SMAP-HB1km")
    names = ["metadata.json", "SMAP-HB1km_sm_2015-01-01-06.tif", "SMAP-HB1km_sm_2015-01-01-00.tif"]
    dates = ["2015-01-01T00:00", "2015-01-01T06:00"]
    assert list(dated(names, known, "SMAP-HB1km_sm", dates).values()) == dates
    assert dates_in("SMAP-HB1km", 2015, "hourly", [1])[:5] == [
        *(f"2015-01-01T{hour}:00" for hour in ("00", "06", "12", "18")), "2015-01-02T00:00",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("DaymetV4", ["prcp"], "daily", FLORIDA),
            "lists it for DaymetV4, but cannot serve.*annual or monthly",
        ),
        (("VIP", ["NDVI"], "daily", FLORIDA), "lists it for VIP, but cannot serve it: .*write monthly"),
        (("VIP", ["NDVI"], "annual", FLORIDA), "lists it for VIP, but cannot serve it: .*write monthly"),
        (("NLCD", ["change_index"], "annual", FLORIDA), "lists change_index of NLCD, but cannot .*write land_cover"),
        (("RAPV3_16day", ["npp_afg"], "daily", FLORIDA), "lists RAPV3_16day, but cannot serve it: its set of tiles"),
        (("SMAP", ["sm"], "daily", FLORIDA), "SMAP is hourly only"),
    ],
)
def test_what_the_server_lists_and_cannot_serve_is_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        check_request(*arguments)


def test_every_row_of_the_table_is_dead_on_the_server(server):
    for row in UNSERVED:
        data = grids.DATASETS[row.dataset]
        grain = {"annual": "year", "daily": "day"}.get(row.grain)
        assert row.reason
        assert (row.variable or grain or "day") in data.dead


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("SMAP_HB1km", "SMAP-HB1km"),
        ("smap-hb1km", "SMAP-HB1km"),
        ("GTOPO", "GTOPO30"),
        ("prism", "PRISM"),
        ("CDL", "NASS_CDL"),
    ],
)
def test_people_may_write_a_datasets_name_in_other_ways(name, own):
    assert dataset_id(name) == own


def test_years_of_a_dataset_with_gaps_are_named():
    with pytest.raises(ConfigError, match=r"only the years 2001, 2004, .*2019, not 2002–2003; .*years: available"):
        check_years("NLCD", "annual", range(2001, 2005))
    check_years("NLCD", "annual", [2001, 2019])
    # what the server says counts more than what is known without it
    check_years("NLCD", "annual", [2021], ("2001", "2021"), only=[2001, 2021])
    with pytest.raises(ConfigError, match="only the years 2001, 2021, not 2004"):
        check_years("NLCD", "annual", [2004], ("2001", "2021"), only=[2001, 2021])


def test_available_years():
    assert available_years("NLCD", "annual") == [2001, 2004, 2006, 2008, 2011, 2013, 2016, 2019]
    assert available_years("PRISM", "monthly") == list(range(1895, 2021))  # of 2021 only January is there
    with pytest.raises(ConfigError, match="GTOPO30 has no dates"):
        available_years("GTOPO30", "annual")


def test_the_servers_range_names_years_with_gaps(server):
    held = catalogue_range(server.url, "NLCD", "annual")
    assert held == Held(("2001", "2019"), (2001, 2004, 2006, 2008, 2011, 2013, 2016, 2019))
    assert catalogue_range(server.url, "SMAP_HB1km", "hourly") == Held(("2015-01-01", "2019-12-31"))


def test_a_year_of_some_months_needs_only_these():
    check_years("PRISM", "daily", [2021], ("1981-01-01", "2021-01-31"), months=[1])
    with pytest.raises(ConfigError, match="lacks all or part of 2021"):
        check_years("PRISM", "daily", [2021], ("1981-01-01", "2021-01-31"), months=[2])
