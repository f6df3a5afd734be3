"""A study on a disk that is full, or may not be written: one message, nothing half-written, and then the same
bytes."""

import os
import subprocess
from pathlib import Path

import pytest
import warm
from faults import pipeline

pytestmark = pytest.mark.slow

# of the 320 kB or so that a small study takes: from hardly a raster to all but the last files
SIZES = (16, 32, 48, 96, 160, 224, 256, 288)

# what the studies' processes are forked from has imported all that a study needs, by running one
IMPORTS = f"""
import contextlib, tempfile
sys.path.append({str(Path(pipeline.__file__).parent)!r})
import pipeline
with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
    pipeline.run()
"""


def mount(folder, *options):
    return subprocess.run(["mount", *options, folder], capture_output=True).returncode == 0


@pytest.fixture
def small_disk(tmp_path):
    """Return a function that makes a file system of some kB in memory; only root may."""
    made = []

    def make(size):
        folder = tmp_path / str(size)
        folder.mkdir()
        if not mount(folder, "-t", "tmpfs", "-o", f"size={size}k", "tmpfs"):
            pytest.skip("only root may mount a small file system")
        made.append(folder)
        return folder

    yield make
    for folder in made:
        subprocess.run(["umount", folder], check=True)


def run(folder):
    """Run the study there; return the exit code and what was said."""
    return warm.run(IMPORTS, "import pipeline; pipeline.run()", folder, timeout=120)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The checksums of an undisturbed study."""
    folder = tmp_path_factory.mktemp("whole")
    code, said = run(folder)
    assert code == 0, said
    return pipeline.results(folder)


def test_a_disk_that_fills_up_at_any_point_loses_nothing(small_disk, whole):
    failed = 0
    for size in SIZES:
        disk = small_disk(size)
        code, said = run(disk)
        left = pipeline.results(disk)
        assert all(whole[path] == checksum for path, checksum in left.items()), (size, left.keys())
        if code == 0:
            continue
        failed += 1
        assert "the disk is full: make room, and run again" in said, (size, said)
        assert "Traceback" not in said, said
        assert mount(disk, "-o", "remount,size=8m")
        code, said = run(disk)
        assert code == 0, (size, said)
        assert pipeline.results(disk) == whole, size
    assert failed == len(SIZES)


def test_a_folder_that_may_not_be_written_is_reported(small_disk):
    disk = small_disk(1024)
    assert mount(disk, "-o", "remount,ro")
    code, said = run(disk)
    assert code == 1
    assert "the folder is read-only: run where you may write" in said
    assert "Traceback" not in said


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become another user")
def test_another_users_folder_is_reported(tmp_path):
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o755)
    nobody = 65534
    child = os.fork()
    if not child:
        os.chdir(folder)
        os.setuid(nobody)
        try:
            from zonalflow.run.rule import job_log

            with job_log("logs/job.log"):
                pass
        except SystemExit as ended:
            os._exit(40 + int(ended.code))
        finally:
            os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 41
    assert list(folder.iterdir()) == []
