"""Servers that stall, break off or send something else: the file appears complete or not at all."""

import hashlib
import shutil
import socket
import subprocess
import threading

import pytest
from standin import Fault, Server, prism
from standin.clock import NOON
from standin.faults import PAGE

from zonalflow.common.errors import FetchError, PermanentFetchError
from zonalflow.sources import census
from zonalflow.sources.archive import check_members
from zonalflow.sources.download import download, get_json
from zonalflow.sources.geocdl import year as geocdl
from zonalflow.sources.http import RetryPolicy
from zonalflow.sources.prism import fetch_year as fetch_prism_year

BOX = (-84.0, 29.0, -83.0, 30.0)
PATH = "/geo/tiger/GENZ2021/shp/cb_2021_us_county_20m.zip"


def is_zip(path):
    check_members(path)


@pytest.fixture
def fetch(server, tmp_path, turned, brief):
    """Fetch a boundary file from a server with the given faults; the target is tmp_path/file.zip."""

    def fetch(*faults, **options):
        server.faults.extend(faults)
        options = {"verify": is_zip, "policy": brief, "clock": turned.clock(), **options}
        return download(server.url + PATH, tmp_path / "file.zip", **options)

    return fetch


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


TRANSIENT = {
    "reset": Fault("reset"),
    "reset within the body": Fault("reset_within"),
    "hangs up without an answer": Fault("hang_up"),
    "truncated body": Fault("truncate"),
    "truncated, chunked": Fault("cut_chunked"),
    "truncated, length not announced": Fault("cut_unannounced"),
    "wrong length": Fault("wrong_length"),
    "429": Fault("status", options={"status": 429}),
    "500 in plain text": Fault("status", options={"status": 500}),
    "502": Fault("status", options={"status": 502}),
    "503": Fault("status", options={"status": 503}),
    "504": Fault("status", options={"status": 504}),
    "web page with status 200": Fault("html"),
    "empty body": Fault("empty"),
    "not a zip": Fault("body"),
}


@pytest.mark.parametrize("fault", TRANSIENT.values(), ids=TRANSIENT)
def test_a_transient_error_costs_only_a_retry(fault, server, fetch, tmp_path, turned):
    request = fetch(Fault(fault.kind, times=2, options=fault.options))
    body = (tmp_path / "file.zip").read_bytes()
    assert body == server.answer(PATH).body
    assert (request["retries"], request["bytes"]) == (2, len(body))
    assert request["sha256"] == hashlib.sha256(body).hexdigest()
    assert turned.pauses == [2.0, 4.0]
    assert [path.name for path in tmp_path.iterdir()] == ["file.zip"]


MESSAGES = {
    "reset": "connection failed",
    "reset within the body": "connection failed",
    "hangs up without an answer": "closed connection without response",
    "truncated body": "was cut",
    "truncated, chunked": "connection failed",
    "truncated, length not announced": "not a readable zip",
    "wrong length": "was cut",
    "429": "answers 429",
    "500 in plain text": "answers 500 Internal Server Error: Internal Server Error",
    "502": "answers 502",
    "503": "answers 503",
    "504": "answers 504",
    "web page with status 200": "was a web page, not a file: 'Service & maintenance'",
    "empty body": "the answer was empty",
    "not a zip": "file.zip is not a readable zip archive",
}


@pytest.mark.parametrize("name", TRANSIENT)
def test_a_lasting_error_ends_after_the_last_attempt(name, server, fetch, tmp_path):
    fault = TRANSIENT[name]
    with pytest.raises(FetchError) as caught:
        fetch(Fault(fault.kind, times=None, options=fault.options), advice=lambda error: "Ask Ann.")
    message = str(caught.value)
    assert MESSAGES[name] in message
    assert f"cannot fetch {server.url}{PATH} (tried 3 times)" in message
    assert message.endswith("Ask Ann.")
    assert server.count() == 3
    assert not (tmp_path / "file.zip").exists()
    assert {path.name for path in tmp_path.iterdir()} <= {"file.zip.rejected"}


PERMANENT = {
    "400 with a detail": (
        Fault("status", options={"status": 400, "detail": "Bad clip."}),
        "400.*: Bad clip.",
    ),
    "422 with a detail": (
        Fault("status", options={"status": 422, "detail": [{"loc": ["query", "datasets"]}]}),
        r'422.*: \[\{"loc": \["query", "datasets"\]\}\]',
    ),
    "403": (Fault("status", options={"status": 403, "text": "<title>Denied</title>"}), "403.*'Denied'"),
    "404": (Fault("status", options={"status": 404, "text": "no such file"}), "404.*: no such file"),
    "a redirect to another host": (Fault("redirect"), r"redirects to another host \(127\.0\.0\.1:9\)"),
}


@pytest.mark.parametrize("name", PERMANENT)
def test_a_permanent_error_is_not_retried(name, server, fetch, tmp_path, turned):
    fault, message = PERMANENT[name]
    fault = Fault(fault.kind, times=None, options=fault.options)
    with pytest.raises(PermanentFetchError, match=message) as caught:
        fetch(fault)
    assert "(asked once)" in str(caught.value)
    assert server.count() == 1
    assert turned.pauses == []
    assert list(tmp_path.iterdir()) == []


def test_a_refused_connection_is_retried(tmp_path, turned, brief):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/file.zip"
        with pytest.raises(FetchError, match=r"\(tried 3 times\): the connection failed \(.*refused"):
            download(url, tmp_path / "file.zip", verify=is_zip, policy=brief, clock=turned.clock())
    assert turned.pauses == [2.0, 4.0]


def test_a_silent_server_ends_at_the_read_timeout(server, fetch):
    enough = threading.Event()
    try:
        with pytest.raises(FetchError, match=r"sent nothing for 0\.2 s"):
            fetch(Fault("stall", times=None, options={"event": enough}), policy=RetryPolicy(read=0.2, attempts=2))
    finally:
        enough.set()
    assert server.count() == 2


def test_a_slow_answer_ends_at_the_total_timeout(fetch, tmp_path, turned):
    turned.look = 30.0  # each reading of the clock takes half a minute, so some two bytes come in a minute
    with pytest.raises(FetchError, match=r"only \d+ bytes came within 100 s"):
        fetch(
            Fault("slow", times=None, options={"seconds": 0.001}),
            policy=RetryPolicy(total=100, attempts=1),
        )
    assert list(tmp_path.iterdir()) == []


def test_pauses_grow_to_a_limit_and_differ_by_chance(fetch, turned):
    turned.chance = 0.5
    with pytest.raises(FetchError, match="tried 7 times"):
        fetch(Fault("hang_up", times=None), policy=RetryPolicy(attempts=7, pause=2, longest_pause=20))
    # 2 · 2^k s, at most 20, times 0.5 + 0.5 · chance = 0.75
    assert turned.pauses == [1.5, 3.0, 6.0, 12.0, 15.0, 15.0]


def test_retry_after_is_obeyed(fetch, turned):
    request = fetch(Fault("status", options={"status": 429, "retry_after": "17"}))
    assert turned.pauses == [17.0]
    assert request["retries"] == 1


def test_a_retry_after_in_the_past_leaves_our_own_pause(fetch, turned):
    fetch(Fault("status", options={"status": 503, "retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"}))
    assert turned.pauses == [2.0]


def test_retry_after_as_a_date_is_obeyed(fetch, turned):
    assert NOON.isoformat() == "2026-03-01T12:00:00+00:00"
    fetch(Fault("status", options={"status": 503, "retry_after": "Sun, 01 Mar 2026 12:00:40 GMT"}))
    assert turned.pauses == [40.0]


def test_a_too_long_retry_after_ends_the_download(fetch, server, turned):
    with pytest.raises(FetchError, match=r"answers 429.*asks to wait 3600 s.*"):
        fetch(Fault("status", times=None, options={"status": 429, "retry_after": "3600"}))
    assert server.count() == 1
    assert turned.pauses == []


def test_a_redirect_within_the_host_is_followed(server, fetch, tmp_path):
    fetch(Fault("redirect", options={"to": PATH + "?again"}))
    assert server.count() == 2
    assert (tmp_path / "file.zip").exists()


def test_redirects_in_a_circle_end(server, fetch):
    with pytest.raises(PermanentFetchError, match="more than 5 times"):
        fetch(Fault("redirect", times=None, options={"to": PATH}))
    assert server.count() == 6


@pytest.fixture
def certificate(tmp_path):
    path = tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-keyout", path, "-out", tmp_path / "public.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    path.write_bytes(path.read_bytes() + (tmp_path / "public.pem").read_bytes())
    return path


def test_an_untrusted_certificate_is_refused_at_once(certificate, tmp_path, turned, brief):
    with (
        Server(certificate=certificate) as server,
        pytest.raises(PermanentFetchError, match="certificate is not trusted"),
    ):
        download(server.url + PATH, tmp_path / "file.zip", verify=is_zip, policy=brief, clock=turned.clock())
    assert not (tmp_path / "file.zip").exists()
    assert server.requests == []


def test_a_rejected_answer_is_kept_and_named(fetch, tmp_path):
    with pytest.raises(FetchError) as caught:
        fetch(Fault("html", times=None))
    kept = tmp_path / "file.zip.rejected"
    assert kept.read_bytes() == PAGE
    assert str(kept) in str(caught.value)


def test_a_large_rejected_answer_is_not_kept(fetch, tmp_path, monkeypatch):
    monkeypatch.setattr("zonalflow.sources.download._KEEP_REJECTED", 10)
    with pytest.raises(FetchError, match="too large to keep"):
        fetch(Fault("html", times=None))
    assert list(tmp_path.iterdir()) == []


def test_an_answer_larger_than_allowed_is_refused(fetch, tmp_path):
    with pytest.raises(PermanentFetchError, match=r"announces .* more than the limit of 100"):
        fetch(max_bytes=100)
    with pytest.raises(PermanentFetchError, match="larger than the limit of 100"):
        fetch(Fault("cut_unannounced"), max_bytes=100)
    assert list(tmp_path.iterdir()) == []


def test_an_old_file_stays_when_the_download_fails(fetch, tmp_path):
    (tmp_path / "file.zip").write_text("old")
    with pytest.raises(FetchError):
        fetch(Fault("html", times=None))
    assert (tmp_path / "file.zip").read_text() == "old"


def test_proxies_are_not_used_for_addresses_on_this_machine(fetch, server, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # no server listens there
    monkeypatch.delenv("no_proxy", raising=False)
    fetch()
    assert server.count() == 1


def test_an_invalid_address_is_refused(tmp_path, turned, brief):
    with pytest.raises(PermanentFetchError, match="not valid"):
        download("10.1.1.80/x", tmp_path / "x", verify=is_zip, policy=brief, clock=turned.clock())


def test_a_catalogue_that_is_not_json_is_an_error(server):
    server.faults.append(Fault("html"))
    with pytest.raises(FetchError, match="not JSON"):
        get_json(f"{server.url}/ds_info?id=PRISM")


# ------------------------------------------------------------------------------------------- errors of GeoCDL


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


def test_dates_asked_for_one_by_one_are_kept_after_a_failure(server, fetch_year):
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


# --------------------------------------------------------------------------------------- the Census and PRISM


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
