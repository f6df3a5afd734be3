"""A fetch killed (SIGKILL) before or after any rename loses nothing: the next run ends with the right files."""

import json
import signal
from pathlib import Path

import pytest
import warm

from zonalflow.common.files import sha256
from zonalflow.sources import census, prism
from zonalflow.sources.catalogue.census import boundary_url
from zonalflow.sources.geocdl import year as geocdl

BOX = (-84.0, 29.0, -83.5, 29.5)

SCRIPTS = str(Path(geocdl.__file__).parents[3])
IMPORTS = "; ".join(
    [
        f"sys.path.append({SCRIPTS!r})",
        *(f"import zonalflow.sources.{name}" for name in ("census", "prism", "geocdl.year")),
    ]
)

# Runs the code in argv[3] with Path.replace, by which every write ends, dying at the argv[1]-th call.
DYING = """
import os, pathlib, signal, sys
number, when, code = int(sys.argv[1]), sys.argv[2], sys.argv[3]
replace, calls = pathlib.Path.replace, 0

def dying(self, target):
    global calls
    calls += 1
    if calls == number and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = replace(self, target)
    if calls == number and when == "after":
        os.kill(os.getpid(), signal.SIGKILL)
    return result

pathlib.Path.replace = dying
exec(code)
print(calls)
"""


def run_dying(number, when, code):
    """Run `code` in a process that dies at a rename; return None then, else how many renames it made."""
    ended, text = warm.run(IMPORTS, DYING, Path.cwd(), ("", str(number), when, code), timeout=60)
    if ended == -signal.SIGKILL:
        return None
    assert ended == 0, text
    return int(text.splitlines()[-1])


def check_whole(receipt_path):
    """Check that a receipt lists the files as they are, and that its folder holds nothing else but the parts."""
    receipt = json.loads(receipt_path.read_text())
    folder = receipt_path.parent
    for file in receipt["files"]:
        assert sha256(folder / file["name"]) == file["sha256"]
    expected = {file["name"] for file in receipt["files"] + receipt["sidecars"]}
    assert {path.name for path in folder.iterdir()} == expected | {receipt_path.name, ".parts"}
    assert {path.suffix for path in (folder / ".parts").iterdir()} == {".json", ".lock"}


def steps(count):
    return [(number, when) for number in range(1, count + 1) for when in ("before", "after")]


def fetch_from_geocdl(server, receipt):
    """Return code that fetches a year from the stand-in GeoCDL."""
    return (
        "from zonalflow.sources.geocdl.year import fetch_year\n"
        f"fetch_year({server.url!r}, 'PRISM', 'ppt', 2000, 'annual', {BOX}, pathlib.Path({str(receipt)!r}))"
    )


# Five renames: the raster unpacked, the zip, the raster in place, the part's record, the receipt.
@pytest.mark.parametrize(("number", "when"), steps(5))
def test_a_killed_fetch_from_geocdl_loses_nothing(server, tmp_path, turned, number, when):
    receipt = tmp_path / "2000.json"
    assert run_dying(number, when, fetch_from_geocdl(server, receipt)) is None
    if receipt.exists():
        check_whole(receipt)
    geocdl.fetch_year(server.url, "PRISM", "ppt", 2000, "annual", BOX, receipt, clock=turned.clock())
    check_whole(receipt)
    recorded_before = (number, when) in [(4, "after"), (5, "before"), (5, "after")]
    assert server.count() == (1 if recorded_before else 2)


def test_a_fetch_from_geocdl_renames_five_times(server, tmp_path):
    receipt = tmp_path / "2000.json"
    assert run_dying(99, "before", fetch_from_geocdl(server, receipt)) == 5


# Seven renames: raster and sidecar unpacked for a check, the zip, raster and sidecar in place, the record, the receipt.
# Once the zip has its name, PRISM gets no second request.
@pytest.mark.parametrize(("number", "when"), steps(7)[5:])
def test_a_killed_fetch_from_prism_loses_nothing(server, tmp_path, turned, number, when):
    receipt = tmp_path / "2000.json"
    code = (
        "from zonalflow.sources.prism import fetch_year\n"
        f"fetch_year({server.prism_url!r}, '4km', 'ppt', 2000, 'annual', pathlib.Path({str(receipt)!r}))"
    )
    assert run_dying(number, when, code) is None
    prism.fetch_year(server.prism_url, "4km", "ppt", 2000, "annual", receipt, clock=turned.clock())
    check_whole(receipt)
    assert server.count() == 1


# Three renames: the zip, the part's record, the receipt.
@pytest.mark.parametrize(("number", "when"), steps(3))
def test_a_killed_fetch_of_boundaries_loses_nothing(server, tmp_path, turned, number, when):
    target = tmp_path / "cb_2021_us_county_20m.zip"
    url = boundary_url(2021, "county", "20m", base=server.census_url)
    code = (
        "from zonalflow.sources.census import fetch_boundaries\n"
        f"fetch_boundaries({url!r}, pathlib.Path({str(target)!r}))"
    )
    assert run_dying(number, when, code) is None
    census.fetch_boundaries(url, target, clock=turned.clock())
    check_whole(tmp_path / f"{target.name}.json")
