"""The stand-in answers as the real servers were seen to answer."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
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


def test_a_range_is_of_a_new_zip_and_head_refused(server):
    whole = get(server, ASK).content
    part = requests.get(server.url + ASK, headers={"Range": "bytes=100-"}, timeout=60)
    assert part.status_code == 206
    assert whole[:100] + part.content != whole
    assert requests.head(server.url + ASK, timeout=60).status_code == 405


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        (("2000:2001", "2000-2001"), 400, "invalid literal for int() with base 10: '2000-2001'"),
        (("2000:2001", "2021"), 400, 'Date range not available for dataset: \\"PRISM\\".'),
        (("years=2000:2001", "years=2000&months=1&days=1"), 200, ""),
        (
            ("PRISM%3Appt&years=2000:2001", "RAPV3%3Acover_tree&years=2000&months=1"),
            400,
            "RAPV3 does not have requested",
        ),
        (("&clip=(-87.5,31),(-79,24.5)", ""), 400, "One of clip or geom_guid needs to be provided."),
        (("2000:2001", "2000:2010+5"), 400, "invalid literal for int()"),  # a plus sign arrives as a space
        (("PRISM", "PRSIM"), 400, "Invalid dataset ID: {dsid}"),
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


def rasters(answer):
    """Return name to profile, values and band descriptions of the rasters in an answer."""
    found = {}
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        for name in archive.namelist():
            if name.endswith(".tif"):
                with rasterio.MemoryFile(archive.read(name)) as memory, memory.open() as dataset:
                    found[name] = dataset.profile, dataset.read(1)
    return found


SMALL = "clip=(-96,37.1),(-95.9,37)"
SMALL_ALBERS = "clip=(0,1600000),(3000,1598000)"


@pytest.mark.parametrize(
    ("request_", "name", "dtype", "nodata"),
    [
        (f"DaymetV4:prcp&years=2000&{SMALL_ALBERS}", "DaymetV4_prcp_2000.tif", "float32", -9999),
        (f"DaymetV4:prcp&years=2000&months=3&{SMALL_ALBERS}", "DaymetV4_prcp_2000-03.tif", "float32", -9999),
        (f"GTOPO30:elev&{SMALL}", "GTOPO30_elev.tif", "int16", -9999),
        (f"SRTM:elev&{SMALL}", "SRTM_elev.tif", "int16", -32767),
        (f"NASS_CDL:cdl&years=2010&{SMALL_ALBERS}", "NASS_CDL_cdl_2010.tif", "uint8", None),
        (f"NLCD:land_cover&years=2016&{SMALL_ALBERS}", "NLCD_land_cover_2016.tif", "uint8", 0),
        (f"VIP:NDVI&years=2000&months=5&{SMALL}", "VIP_NDVI_2000-05.tif", "float32", None),
        ("Soilgrids250mV2:clay_0-5cm_mean&clip=(-8000000,4000000),(-7990000,3990000)",
         "Soilgrids250mV2_clay_0-5cm_mean.tif", "int16", -32768),
        (f"SMAP-HB1km:sm&years=2015&months=1&days=1&hours=6&{SMALL}", "SMAP-HB1km_sm_2015-01-01-06.tif",
         "float32", -9999),
        (f"RAPV3:cover_tree&years=2000&{SMALL}", "RAPV3_cover_tree_2000.tif", "uint16", 65535),
    ],
)  # fmt: skip
def test_each_dataset_has_its_type_and_nodata(server, request_, name, dtype, nodata):
    answer = get(server, f"/subset_polygon?datasets={request_}")
    assert answer.status_code == 200, answer.text
    assert {key: (profile["dtype"], profile["nodata"]) for key, (profile, _) in rasters(answer).items()} == {
        name: (dtype, nodata)
    }


def test_ndvi_of_modis_is_south_up_and_every_eighth_day(server):
    answer = get(
        server, "/subset_polygon?datasets=MODIS_NDVI:NDVI&years=2001&months=3&days=1:N&clip=(0,1000),(3000,-1000)"
    )
    found = rasters(answer)
    assert [name[-6:-4] for name in found] == ["01", "09", "17", "25"]
    assert all(profile["transform"].e == 250 for profile, _ in found.values())


def test_vegetation_indices_have_nan_and_no_nodata(server):
    answer = get(server, "/subset_polygon?datasets=VIP:NDVI&years=2000&months=5&clip=(-96,39),(-93,37)")
    ((profile, values),) = rasters(answer).values()
    assert profile["nodata"] is None
    assert 0 < np.isnan(values).sum() < values.size


@pytest.mark.parametrize(
    ("request_", "status", "said"),
    [
        ("SMAP-HB1km:sm&years=2015&months=1&days=1", 400, '\\"hours\\" is required for sub-daily datasets.'),
        ("SMAP_HB1km:sm&years=2015&months=1&days=1&hours=0", 400, "Invalid dataset ID: {dsid}"),
        ("GTOPO:elev", 400, "Invalid dataset ID: {dsid}"),
        ("VIP:NDVI&years=2000", 500, "Internal Server Error"),
        ("VIP:NDVI&years=2000&months=1&days=1", 500, "Internal Server Error"),
        ("DaymetV4:prcp&years=2000&months=1&days=1", 500, "Internal Server Error"),
        ("NLCD:change_index&years=2019", 500, "Internal Server Error"),
        ("RAPV3_16day:npp_afg&years=2000&months=1&days=1", 500, "Internal Server Error"),
    ],
)
def test_what_datasets_cannot_do(server, request_, status, said):
    answer = get(server, f"/subset_polygon?datasets={request_}&{SMALL}")
    assert (answer.status_code, said in answer.text) == (status, True), answer.text


def test_a_year_without_land_cover_has_only_metadata(server):
    answer = get(server, f"/subset_polygon?datasets=NLCD:land_cover&years=2002&{SMALL_ALBERS}")
    assert names(answer) == ["metadata.json"]
    info = get(server, "/ds_info?id=NLCD").json()
    assert info["temporal_resolution"]["year"].startswith("Non regular: 2001, 2004")
    assert info["notes"]


def test_the_last_loaded_file_cannot_be_cut_to_another_box(server):
    asked = "/subset_polygon?datasets=RAPV3:cover_tree&years={}&clip=({},37.1),(-95.9,37)"
    statuses = [get(server, asked.format(*what)).status_code for what in [(2000, -96), (2000, -95.99)]]
    statuses += [get(server, asked.format(*what)).status_code for what in [(2001, -95.99), (2000, -95.99)]]
    assert statuses == [200, 500, 200, 200]


def test_one_odd_header_scrambles_all_dates_of_a_request(server):
    server.geocdl.odd.add("2000-02")
    answer = get(server, "/subset_polygon?datasets=PRISM:ppt&years=2000&months=1:3&clip=(-84,30),(-83,29)")
    single = get(server, "/subset_polygon?datasets=PRISM:ppt&years=2000&months=2&clip=(-84,30),(-83,29)")
    scrambled, alone = rasters(answer), rasters(single)["PRISM_ppt_2000-02.tif"]
    for profile, values in scrambled.values():
        assert (
            0 < profile["transform"].e == pytest.approx(1 / 48, rel=0.05)
        )  # half as large, the first row southernmost
        assert values.shape == (2 * alone[1].shape[0], 2 * alone[1].shape[1])
        assert (values == -9999).mean() >= 0.75
    np.testing.assert_array_equal(scrambled["PRISM_ppt_2000-02.tif"][1][1::2, 1::2], alone[1][::-1])
