"""Whether a user may write where a run will write, before it begins."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from zonalflow.common import disk
from zonalflow.common.disk import check_writable
from zonalflow.common.errors import ZonalflowError


def test_folders_that_are_yet_to_be_made_are_no_obstacle(tmp_path):
    check_writable([str(tmp_path / "resources/prism/2000.json"), str(tmp_path / "a")])
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_another_user_is_named_with_its_owner(tmp_path, monkeypatch):
    shared = tmp_path / "resources"
    shared.mkdir()
    monkeypatch.setattr(disk.os, "access", lambda path, mode: Path(path) != shared)
    monkeypatch.setattr(disk.pwd, "getpwuid", lambda number: SimpleNamespace(pw_name="alice"))
    check_writable([str(tmp_path / "results/a")])
    with pytest.raises(
        ZonalflowError, match=rf"not write in {shared}/, which belongs to alice.*chmod -R g\+rwX {shared}"
    ):
        check_writable([str(tmp_path / "results/a"), str(shared / "prism/2000.json")])


def test_a_read_only_disk_is_told_as_such(tmp_path, monkeypatch):
    monkeypatch.setattr(disk.os, "statvfs", lambda path: SimpleNamespace(f_flag=os.ST_RDONLY))
    with pytest.raises(OSError, match="Read-only"):
        check_writable([str(tmp_path / "a")])


@pytest.mark.skipif(os.getuid() != 0 or not shutil.which("setpriv"), reason="needs root, to become somebody else")
def test_a_user_without_the_right_is_told_before_anything_runs(tmp_path):
    """Root without its right to write everywhere, in a folder that belongs to user 12345."""
    os.chown(tmp_path, 12345, 12345)
    code = f"from zonalflow.common.disk import check_writable; check_writable(['{tmp_path}/a'])"
    environment = os.environ | {"PYTHONPATH": str(Path(disk.__file__).parents[2])}
    command = ["setpriv", "--bounding-set=-dac_override", sys.executable, "-c", code]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert f"you may not write in {tmp_path}/, which belongs to 12345" in ended.stderr
