"""What a download does before its request; errors of servers are in tests/faults."""

import pytest
from standin.clock import TurnedClock

from zonalflow.sources.download import download, get_json
from zonalflow.sources.http import RetryPolicy, _is_private


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("http://10.1.1.80:8000/x", True),
        ("http://127.0.0.1:1/x", True),
        ("http://localhost/x", True),
        ("http://192.168.1.2/x", True),
        ("http://[::1]:80/x", True),
        ("https://www2.census.gov/x", False),
        ("https://8.8.8.8/x", False),
    ],
)
def test_private_addresses_are_recognised(url, private):
    assert _is_private(url) is private


def test_zero_attempts_is_a_bug(tmp_path):
    with pytest.raises(ValueError, match="at least 1"):
        download("http://127.0.0.1:9/x", tmp_path / "x", verify=print, policy=RetryPolicy(attempts=0))


def test_a_request_names_zonalflow_and_sends_no_password(server, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ann password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    download(server.census_url + "/GENZ2021/shp/cb_2021_us_county_20m.zip", tmp_path / "x", verify=lambda path: None)
    assert server.headers[-1]["User-Agent"].startswith("zonalflow/")
    assert "Authorization" not in server.headers[-1]
    assert "Range" not in server.headers[-1]


def test_json_is_requested_once(server):
    assert get_json(f"{server.url}/ds_info?id=PRISM", clock=TurnedClock().clock())["id"] == "PRISM"
    assert server.count() == 1
