"""Wrong answers of the Census Bureau and of PRISM: what is retried, and what is never requested again."""

import pytest
from standin import Fault, prism

from zonalflow.common.errors import FetchError, PermanentFetchError
from zonalflow.sources import census
from zonalflow.sources.prism import fetch_year as fetch_prism_year

PATH = "/geo/tiger/GENZ2021/shp/cb_2021_us_county_20m.zip"


def visible(folder):
    """Return the names in a folder that a user would see."""
    return sorted(path.name for path in folder.glob("[!.]*"))


@pytest.mark.parametrize("kind", ["html", "empty", "body", "truncate"])
def test_a_wrong_answer_of_the_census_server_is_retried(kind, server, tmp_path, turned, brief):
    server.faults.append(Fault(kind))
    target = tmp_path / "counties.zip"
    receipt = census.fetch_boundaries(server.url + PATH, target, policy=brief, clock=turned.clock())
    assert receipt["requests"][0]["retries"] == 1
    assert visible(tmp_path) == ["counties.zip", "counties.zip.json"]


def test_a_zip_without_a_shapefile_is_rejected(server, tmp_path, turned, brief):
    with pytest.raises(FetchError, match=r"counties\.zip should hold one shapefile; it holds metadata\.json"):
        census.fetch_boundaries(
            f"{server.url}/subset_polygon?datasets=PRISM:ppt&years=2000&clip=(-84,30),(-83,29)",
            tmp_path / "counties.zip", policy=brief, clock=turned.clock(),
        )  # fmt: skip
    assert visible(tmp_path) == ["counties.zip.rejected"]


@pytest.fixture
def fetch_prism(server, tmp_path, turned, brief):
    def fetch_prism(grain="annual"):
        return fetch_prism_year(
            server.prism_url, "4km", "ppt", 2000, grain, tmp_path / "prism/2000.json",
            policy=brief, clock=turned.clock(),
        )  # fmt: skip

    return fetch_prism


def test_a_refusal_by_prism_is_quoted_and_not_retried(server, fetch_prism, tmp_path):
    server.answer("/prism/data/get/us/4km/ppt/2000")  # this address had it today
    with pytest.raises(PermanentFetchError) as caught:
        fetch_prism()
    assert prism.REFUSAL in str(caught.value)
    assert "run again tomorrow" in str(caught.value)
    assert server.count() == 1
    assert visible(tmp_path / "prism") == ["ppt_2000.rejected"]


def test_a_grid_that_prism_sent_is_never_requested_again(server, fetch_prism, tmp_path):
    server.faults.append(Fault("status", "200004", times=None))
    with pytest.raises(FetchError, match="3 of the year's 12 grids are here and kept"):
        fetch_prism("monthly")
    server.faults.clear()
    receipt = fetch_prism("monthly")
    assert len(receipt["files"]) == 12
    assert fetch_prism("monthly") == receipt
    assert [server.count(f"2000{month:02}") for month in range(1, 13)] == [1, 1, 1, 4, *[1] * 8]


@pytest.mark.parametrize("kind", ["html", "unreadable_tif", "all_nodata", "body"])
def test_a_wrong_answer_of_prism_is_not_requested_again(kind, server, fetch_prism, tmp_path):
    server.faults.append(Fault(kind))
    with pytest.raises(PermanentFetchError, match="asked once"):
        fetch_prism()
    assert server.count() == 1
    assert visible(tmp_path / "prism") == ["ppt_2000.rejected"]


def test_a_zip_left_by_a_killed_run_is_used(server, fetch_prism, tmp_path):
    left = tmp_path / "prism/.parts/ppt_2000.zip"  # killed after the download, before the raster was in place
    left.parent.mkdir(parents=True)
    left.write_bytes(server.answer("/prism/data/get/us/4km/ppt/2000").body)
    receipt = fetch_prism()
    assert [file["name"] for file in receipt["files"]] == ["prism_ppt_us_25m_2000.tif"]
    assert server.count() == 0
    assert not left.exists()
