"""What a rule's script does around its work: it reads what Snakemake passes, keeps a log, ends with a message."""

import warnings
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from zonalflow.common.errors import RasterError
from zonalflow.run.rule import job_log, select


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


@dataclass(frozen=True)
class Wanted:
    """What a step asks for."""

    year: str
    files: list[str]


def test_fields_come_from_the_first_source_that_has_them():
    params, wildcards = SimpleNamespace(files=["a.tif"]), SimpleNamespace(year="2000", files=[])
    assert select(Wanted, params, wildcards) == Wanted("2000", ["a.tif"])


def test_a_field_that_no_source_has_is_an_error():
    with pytest.raises(AttributeError, match="year"):
        select(Wanted, SimpleNamespace(files=[]))


def test_a_message_cannot_steer_the_terminal(tmp_path, capsys):
    with pytest.raises(SystemExit), job_log(str(tmp_path / "a.log")):
        raise RasterError("zone \x1b[2J\x1b]0;owned\x07 of http://ann:secret@host/x\nhas no data")
    assert capsys.readouterr().err == "zonalflow: zone �[2J�]0;owned� of http://host/x\nhas no data\n"
