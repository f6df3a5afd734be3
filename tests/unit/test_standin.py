"""The stand-in answers as the real servers were seen to answer."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import rasterio
import requests

ASK = "/subset_polygon?datasets=PRISM%3Appt&years=2000:2001&clip=(-87.5,31),(-79,24.5)"


def get(server, path):
    return requests.get(server.url + path, timeout=60)


def names(answer):
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return archive.namelist()


def test_the_documented_request(server):
    answer = get(server, ASK)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/zip")
    assert names(answer) == ["metadata.json", "PRISM_ppt_2000.tif", "PRISM_ppt_2001.tif"]
    with (
        zipfile.ZipFile(io.BytesIO(answer.content)) as archive,
        rasterio.MemoryFile(archive.read("PRISM_ppt_2000.tif")) as memory,
        memory.open() as dataset,
    ):
        assert (dataset.width, dataset.height, dataset.dtypes[0], dataset.nodata) == (
            205,
            157,
            "float32",
            -9999,
        )
        assert dataset.bounds == pytest.approx((-87.520833, 24.479167, -78.979167, 31.020833), abs=1e-6)
        assert dataset.transform.a == 0.041666666666700033
        assert dataset.descriptions == ("ppt",)
        assert dataset.units == (None,)


def test_the_same_request_gives_the_same_rasters_in_another_zip(server):
    one, other = get(server, ASK), get(server, ASK)
    assert one.content != other.content
    archives = [zipfile.ZipFile(io.BytesIO(answer.content)) for answer in (one, other)]
    assert archives[0].read("PRISM_ppt_2000.tif") == archives[1].read("PRISM_ppt_2000.tif")
    assert archives[0].read("metadata.json") != archives[1].read("metadata.json")


def test_a_range_is_one_of_a_new_zip_and_a_head_is_not_allowed(server):
    whole = get(server, ASK).content
    part = requests.get(server.url + ASK, headers={"Range": "bytes=100-"}, timeout=60)
    assert part.status_code == 206
    assert whole[:100] + part.content != whole
    assert requests.head(server.url + ASK, timeout=60).status_code == 405


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        (("2000:2001", "2000-2001"), 400, "Invalid date range"),
        (("2000:2001", "2021"), 400, "1895 to 2020"),
        (("2000:2001", "2000:2010+5"), 400, "Invalid date range"),  # a plus sign arrives as a space
        (("PRISM", "PRSIM"), 400, "Invalid dataset ID"),
        (("(-79,24.5)", "(-79)"), 400, "Incorrect coordinate"),
        (("datasets=", "data="), 422, "field required"),
        (("ppt", "rain"), 500, "Internal Server Error"),
        (("(-87.5,31),(-79,24.5)", "(0,51),(1,50)"), 500, "Internal Server Error"),
        (("clip=", "crs=nonsense&clip="), 500, "Internal Server Error"),
    ],
)
def test_how_it_fails(server, change, status, said):
    answer = get(server, ASK.replace(*change))
    assert answer.status_code == status
    assert said in answer.text


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        ("years=2000:2010%2B5", ["2000", "2005", "2010"]),
        ("years=2000,2002", ["2000", "2002"]),
        ("years=2000&months=6,7,8", ["2000-06", "2000-07", "2000-08"]),
        ("years=2000&months=2&days=28:N", ["2000-02-28", "2000-02-29"]),
        ("years=2001&days=364:N", ["2001-12-30", "2001-12-31"]),
        ("dates=2000:2001", ["2000", "2001"]),
        ("dates=2000-12:2001-01", ["2000-12", "2001-01"]),
        ("dates=2000-02-28:2000-03-01", ["2000-02-28", "2000-02-29", "2000-03-01"]),
    ],
)
def test_dates(server, dates, expected):
    answer = get(server, f"/subset_polygon?datasets=PRISM:tmax&{dates}&clip=-84,30;-83.9,29.9")
    assert names(answer)[1:] == [f"PRISM_tmax_{date}.tif" for date in expected]


def test_its_catalogue(server):
    assert {"id": "PRISM", "name": "PRISM"} in get(server, "/list_datasets").json()
    info = get(server, "/ds_info?id=PRISM").json()
    assert info["date_ranges"] == {
        "year": [1895, 2020], "month": ["1895-01", "2021-01"], "day": ["1981-01-01", "2021-01-31"],
    }  # fmt: skip
    assert get(server, "/ds_info?id=GTOPO30").json()["date_ranges"]["year"] == [None, None]
    assert get(server, "/ds_info?id=nothing").status_code == 404


def test_it_runs_by_itself_and_takes_faults():
    tests = Path(__file__).parents[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "standin", "--fault", "503:PRISM:1"],
        cwd=tests, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(tests / "../workflow/scripts")},
    )  # fmt: skip
    try:
        url = process.stdout.readline().split()[-1]
        assert requests.get(url + ASK, timeout=60).status_code == 503
        assert requests.get(url + ASK, timeout=60).status_code == 200
        requests.get(url + "/_fault?kind=html&where=PRISM", timeout=60)
        assert "maintenance" in requests.get(url + ASK, timeout=60).text
        assert json.loads(requests.get(url + "/_requests", timeout=60).text)["requests"] == [ASK] * 3
    finally:
        process.terminate()
        process.communicate(timeout=60)
