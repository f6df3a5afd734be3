"""What a rule's script does around its work: a log, and an end in words."""

import warnings

import pytest

from zonalflow.common.errors import RasterError
from zonalflow.run.job_log import job_log


def test_a_users_mistake_is_one_message_without_a_traceback(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended, job_log(tmp_path / "logs/job.log"):
        raise RasterError("rasters/ppt_2003.tif: no such file")
    assert ended.value.code == 1
    assert capsys.readouterr().err == "zonalflow: rasters/ppt_2003.tif: no such file\n"
    assert (tmp_path / "logs/job.log").read_text() == "ERROR: rasters/ppt_2003.tif: no such file\n"


def test_a_fault_of_ours_leaves_its_traceback_in_the_log(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended, job_log(tmp_path / "job.log"):
        raise ZeroDivisionError("1 / 0")
    assert ended.value.code == 1
    error = capsys.readouterr().err
    assert "ZeroDivisionError: 1 / 0" in error
    assert "Traceback" not in error
    assert "Traceback" in (tmp_path / "job.log").read_text()


def test_warnings_go_to_the_log(tmp_path):
    with job_log(tmp_path / "job.log") as log:
        log("begun")
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.warn("no CRS in the file", UserWarning, stacklevel=1)
    lines = (tmp_path / "job.log").read_text().splitlines()
    assert lines[:2] == ["begun", "UserWarning: no CRS in the file"]
    assert lines[2].startswith("done in ")
