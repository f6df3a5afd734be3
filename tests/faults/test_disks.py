"""A full disk or a folder without permission to write: one message, and nothing half-written."""

import subprocess

import pytest

from zonalflow.common.errors import PermanentFetchError
from zonalflow.common.files import write_text
from zonalflow.sources.geocdl import year as geocdl

BOX = (-87.5, 24.5, -79.0, 31.0)  # its annual raster has 129 kB


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 kB in memory; only root may make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("only root may mount a small file system")
    yield folder
    subprocess.run(["umount", folder], check=True)


def fetch(server, folder, turned):
    return geocdl.fetch_year(
        server.url, "PRISM", "ppt", 2000, "annual", BOX, folder / "2000.json", clock=turned.clock()
    )


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_a_full_disk_is_reported_at_once_and_leaves_nothing(server, small_disk, turned):
    with pytest.raises(PermanentFetchError, match="the disk is full: make room"):
        fetch(server, small_disk, turned)
    assert files(small_disk) == []
    assert turned.pauses == []


def test_after_making_room_the_next_run_succeeds(server, small_disk, turned):
    with pytest.raises(PermanentFetchError):
        fetch(server, small_disk, turned)
    subprocess.run(["mount", "-o", "remount,size=4m", small_disk], check=True)
    assert len(fetch(server, small_disk, turned)["files"]) == 1


def test_a_folder_that_may_not_be_written(server, small_disk, turned):
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(PermanentFetchError, match="the folder is read-only"):
        fetch(server, small_disk, turned)
    assert server.count() == 0


def test_a_full_disk_leaves_the_old_file(small_disk):
    write_text(small_disk / "table.csv", "old")
    with pytest.raises(OSError, match="No space left"):
        write_text(small_disk / "table.csv", "x" * 100_000)
    assert (small_disk / "table.csv").read_text() == "old"
    assert files(small_disk) == [small_disk / "table.csv"]
