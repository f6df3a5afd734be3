"""The requests to PRISM's own web service, and what is made of its answers."""

import json

import pytest
import rasterio

from zonalflow.common.errors import ConfigError
from zonalflow.sources.catalogue.prism import BASE_URL, check_request, grid_url
from zonalflow.sources.prism import fetch_year


@pytest.mark.parametrize(
    ("date", "end"), [("2020", "ppt/2020"), ("2020-07", "ppt/202007"), ("2020-07-31", "ppt/20200731")]
)
def test_the_address_of_a_grid(date, end):
    assert grid_url(BASE_URL, "4km", "ppt", date) == f"https://services.nacse.org/prism/data/get/us/4km/{end}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["rain"], "4km", "annual", [2000]), "no 'rain'; it has ppt, tmean"),
        ((["ppt"], "1km", "annual", [2000]), "PRISM has 4km and 800m"),
        ((["ppt"], "4km", "daily", [1980, 1990]), "begin in 1981, not 1980"),
        ((["ppt"], "4km", "annual", [1894]), "begin in 1895"),
    ],
)
def test_requests_that_the_service_cannot_answer_are_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        check_request(*arguments)


@pytest.mark.parametrize(("resolution", "name"), [("4km", "25m"), ("800m", "30s")])
def test_a_year_is_one_grid_with_its_sidecar_and_citation(server, tmp_path, turned, resolution, name):
    receipt = fetch_year(
        server.prism_url, resolution, "ppt", 2020, "annual", tmp_path / "2020.json", clock=turned.clock()
    )
    assert json.loads((tmp_path / "2020.json").read_text()) == receipt
    assert [(file["name"], file["date"]) for file in receipt["files"]] == [(f"prism_ppt_us_{name}_2020.tif", "2020")]
    assert [file["name"] for file in receipt["sidecars"]] == [f"prism_ppt_us_{name}_2020.tif.aux.xml"]
    assert receipt["attribution"] == (
        "PRISM Group, Oregon State University, https://prism.oregonstate.edu, accessed 2026-03-01"
    )
    assert server.requests == [f"/prism/data/get/us/{resolution}/ppt/2020"]
    with rasterio.open(tmp_path / receipt["files"][0]["name"]) as dataset:
        assert dataset.bounds.left == pytest.approx(-125.0208333)
    assert sorted(path.name for path in (tmp_path / ".parts").iterdir()) == ["ppt_2020.json", "ppt_2020.lock"]


def test_months_are_grids_of_their_own(server, tmp_path, turned):
    receipt = fetch_year(server.prism_url, "4km", "tmin", 2001, "monthly", tmp_path / "2001.json", clock=turned.clock())
    assert [file["date"] for file in receipt["files"]] == [f"2001-{month:02}" for month in range(1, 13)]
    assert server.requests[1] == "/prism/data/get/us/4km/tmin/200102"
