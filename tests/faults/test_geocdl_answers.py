"""Wrong answers of GeoCDL are retried, refused or requested date by date; complete parts of a year are kept."""

import shutil

import pytest
from standin import Fault

from zonalflow.common.errors import FetchError, PermanentFetchError
from zonalflow.sources.geocdl import year as geocdl

BOX = (-84.0, 29.0, -83.0, 30.0)


@pytest.fixture
def fetch_year(server, tmp_path, turned, brief):
    """Fetch a year of PRISM precipitation from the stand-in GeoCDL into tmp_path/rasters."""

    def fetch_year(*faults, year=2000, grain="annual", box=BOX, variable="ppt"):
        server.faults.extend(faults)
        receipt = tmp_path / "rasters" / f"{year}.json"
        return geocdl.fetch_year(
            server.url, "PRISM", variable, year, grain, box, receipt, policy=brief, clock=turned.clock()
        )

    return fetch_year


def visible(folder):
    """Return the names in a folder that a user would see."""
    return sorted(path.name for path in folder.glob("[!.]*"))


def test_a_zip_with_only_metadata_is_a_permanent_error(server, fetch_year, tmp_path):
    with pytest.raises(PermanentFetchError, match=r"PRISM ppt 2000: .*nothing for 2000.*only metadata\.json"):
        fetch_year(Fault("only_metadata", times=None))
    assert server.count() == 1
    assert visible(tmp_path / "rasters") == ["PRISM_ppt_2000.zip.rejected"]


def test_a_zip_that_lacks_a_month_is_requested_again(server, fetch_year):
    receipt = fetch_year(Fault("missing_member"), grain="monthly")
    assert len(receipt["files"]) == 12
    assert receipt["requests"][0]["retries"] == 1


def test_a_zip_that_always_lacks_a_month_names_it(server, fetch_year, tmp_path):
    with pytest.raises(FetchError, match="the zip lacks 1 of 12 rasters: 2000-12"):
        fetch_year(Fault("missing_member", times=None), grain="monthly")
    assert server.count() == 3
    assert visible(tmp_path / "rasters") == ["PRISM_ppt_2000.zip.rejected"]


@pytest.mark.parametrize("kind", ["cut_tif", "unreadable_tif"])
def test_a_raster_cut_short_or_unreadable(kind, server, fetch_year, tmp_path):
    assert fetch_year(Fault(kind), year=1999)["requests"][0]["retries"] == 1
    with pytest.raises(FetchError, match=r"PRISM_ppt_2000\.tif cannot be read as (a raster|what its name says)"):
        fetch_year(Fault(kind, times=None))
    assert visible(tmp_path / "rasters") == ["1999.json", "PRISM_ppt_1999.tif", "PRISM_ppt_2000.zip.rejected"]


def test_a_raster_without_data_may_be_over_the_ocean(server, fetch_year, tmp_path):
    with pytest.raises(PermanentFetchError, match=r"PRISM_ppt_2000\.tif holds no data: .*over the ocean"):
        fetch_year(Fault("all_nodata", times=None))
    assert server.count() == 1
    assert visible(tmp_path / "rasters") == ["PRISM_ppt_2000.zip.rejected"]


def test_a_box_over_the_ocean_is_refused_by_the_server(fetch_year):
    with pytest.raises(PermanentFetchError, match="over the ocean"):
        fetch_year(box=(-70.0, 28.0, -69.0, 29.0))


def test_a_raster_on_another_grid_is_rejected(server, fetch_year):
    with pytest.raises(FetchError, match=r"is not its dataset's: its cells are 0\.5 of a cell apart") as caught:
        fetch_year(Fault("shifted_tif", times=None), grain="monthly")
    assert "The fault is in the server's answer, not in your configuration" in str(caught.value)
    assert server.count() == 2  # all months, then the first alone


def test_a_scrambled_grid_is_asked_for_date_by_date(server, fetch_year, tmp_path):
    right = [file["sha256"] for file in fetch_year(grain="monthly", year=1999)["files"]]
    (tmp_path / "rasters/1999.json").unlink()
    shutil.rmtree(tmp_path / "rasters/.parts")
    server.geocdl.odd = {"1999-05"}
    receipt = fetch_year(grain="monthly", year=1999)
    assert [file["date"] for file in receipt["files"]] == [f"1999-{month:02}" for month in range(1, 13)]
    assert [file["sha256"] for file in receipt["files"]] == right
    assert server.count() == 1 + 1 + 12
    assert len(receipt["requests"]) == 12
    assert sorted(path.name for path in (tmp_path / "rasters/.parts").iterdir()) == [
        "PRISM_ppt_1999.json",
        "PRISM_ppt_1999.lock",
    ]
    assert not list(tmp_path.rglob("*.rejected"))
    fetch_year(grain="monthly", year=1999)
    assert server.count() == 14


def test_dates_requested_singly_are_kept_after_a_failure(server, fetch_year):
    server.geocdl.odd = {"2000-05"}
    server.faults.append(Fault("status", "months=9&", times=3))
    with pytest.raises(FetchError, match=r"months=9&(.|\n)*answers 500"):
        fetch_year(grain="monthly")
    assert server.count() == 1 + 8 + 3
    fetch_year(grain="monthly")
    assert server.count() == 12 + 1 + 4  # all months again, then September to December


@pytest.mark.parametrize("grain", ["annual", "daily"])
def test_a_grid_that_is_always_scrambled_is_refused(server, fetch_year, grain):
    with pytest.raises(FetchError, match=r"is not its dataset's: its cells measure 0\.0208333") as caught:
        fetch_year(Fault("scrambled_tif", times=None), grain=grain)
    assert "The fault is in the server's answer, not in your configuration" in str(caught.value)
    assert server.count() == 2


def test_a_raster_that_was_not_asked_for(fetch_year):
    with pytest.raises(FetchError, match=r"PRISM_ppt_1999\.tif, which was not asked for"):
        fetch_year(Fault("extra_member", times=None, options={"name": "PRISM_ppt_1999.tif"}))


def test_a_zip_that_leaves_its_folder_is_refused_at_once(server, fetch_year, tmp_path):
    with pytest.raises(PermanentFetchError, match=r"'\.\./outside\.tif' would be written outside"):
        fetch_year(Fault("extra_member", times=None))
    assert server.count() == 1
    assert visible(tmp_path) == ["rasters"]


def test_the_detail_of_a_400_is_shown_without_a_retry(server, fetch_year):
    with pytest.raises(PermanentFetchError, match='400 Bad Request: Date range not available for dataset: "PRISM"'):
        fetch_year(year=2021)
    assert server.count() == 1


def test_an_unreachable_server_says_where_it_can_be_reached(tmp_path, turned, brief):
    with pytest.raises(FetchError, match="from within SCINet only"):
        geocdl.fetch_year(
            "http://127.0.0.1:9", "PRISM", "ppt", 2000, "annual", BOX, tmp_path / "2000.json",
            policy=brief, clock=turned.clock(),
        )  # fmt: skip


def test_a_request_that_takes_too_long_says_what_to_do(fetch_year):
    with pytest.raises(FetchError, match="take a smaller box"):
        fetch_year(Fault("hang_up", times=None))


def test_a_500_says_what_it_may_mean(server, fetch_year):
    with pytest.raises(FetchError, match=r"tried 3 times.*Internal Server Error(.|\n)*box off the grid"):
        fetch_year(box=(0.0, 50.0, 1.0, 51.0))


def test_nothing_is_fetched_twice(server, fetch_year):
    first = fetch_year()
    again = fetch_year()
    assert again == first
    assert server.count() == 1


def test_a_failing_month_does_not_lose_the_others(server, fetch_year, tmp_path):
    server.faults.append(Fault("status", "months=3&", times=3))
    with pytest.raises(FetchError, match=r"PRISM ppt 2000-03: (.|\n)*2 of the year's 12 months are here and kept"):
        fetch_year(grain="daily")
    assert not (tmp_path / "rasters/2000.json").exists()
    receipt = fetch_year(grain="daily")
    assert len(receipt["files"]) == 366
    assert [server.count(f"months={month}&") for month in range(1, 13)] == [1, 1, 4, *[1] * 9]


def test_one_month_that_is_kept_is_counted_in_the_singular(server, fetch_year):
    server.faults.append(Fault("status", "months=2&", times=3))
    with pytest.raises(FetchError, match="1 of the year's 12 months is here and kept"):
        fetch_year(grain="daily")


def test_a_raster_that_changed_on_the_disk_is_fetched_again(server, fetch_year, tmp_path):
    fetch_year(grain="monthly")
    raster = tmp_path / "rasters/PRISM_ppt_2000-05.tif"
    right = raster.read_bytes()
    wrong = bytearray(right)
    wrong[-1] ^= 1
    raster.write_bytes(wrong)
    fetch_year(grain="monthly")
    assert server.count() == 2
    assert raster.read_bytes() == right  # the same request gives the same rasters


def test_a_raster_of_another_box_is_not_reused(server, fetch_year):
    first = fetch_year(box=(-84.0, 29.0, -83.0, 30.0))
    other = fetch_year(box=(-84.0, 29.0, -83.5, 30.0))
    assert server.count() == 2
    assert first["files"][0]["sha256"] != other["files"][0]["sha256"]


def test_a_lost_receipt_is_written_again_without_a_request(server, fetch_year, tmp_path):
    first = fetch_year()
    (tmp_path / "rasters/2000.json").unlink()
    assert fetch_year() == first
    assert server.count() == 1
