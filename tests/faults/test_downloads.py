"""Servers that stall, break off or send something else: the file appears complete or not at all."""

import hashlib
import socket
import subprocess
import threading

import pytest
from standin import Fault, Server
from standin.clock import NOON
from standin.faults import PAGE

from zonalflow.common.errors import FetchError, PermanentFetchError
from zonalflow.sources.archive import check_members
from zonalflow.sources.download import download, get_json
from zonalflow.sources.http import RetryPolicy

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
