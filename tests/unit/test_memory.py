"""Too little memory ends in one message that names the limit of the shell, where there is one."""

import resource

import pytest

from zonalflow.common.errors import ZonalflowError
from zonalflow.common.memory import describe_memory_error
from zonalflow.run.rule import job_log


@pytest.fixture
def limited(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda which: (2_000_000_000, resource.RLIM_INFINITY))


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        MemoryError("Unable to allocate 3.35 GiB for an array"),
        ImportError("libgdal.so.38: failed to map segment from shared object"),
        OSError(12, "Cannot allocate memory"),
    ],
)
def test_a_limit_of_the_shell_is_named(limited, error):
    text = describe_memory_error(error)
    assert text.startswith("this shell allows 2.0 GB of address space")
    assert text.endswith("raise the limit (ulimit -v unlimited), and run again")


def test_without_a_limit_the_machine_is_too_small(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda which: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert describe_memory_error(MemoryError()).startswith("there is too little memory (MemoryError): use a machine")


def test_other_errors_are_not_of_memory(limited):
    assert describe_memory_error(ImportError("No module named 'xarray'")) is None


def test_a_job_ends_with_the_message_and_no_traceback(limited, tmp_path, capsys):
    with pytest.raises(SystemExit), job_log(str(tmp_path / "job.log")):
        raise MemoryError
    assert "this shell allows 2.0 GB" in capsys.readouterr().err
    log = (tmp_path / "job.log").read_text()
    assert "this shell allows 2.0 GB" in log and "Traceback" not in log


def test_messages_and_logs_have_no_control_characters(tmp_path, capsys):
    with pytest.raises(SystemExit), job_log(str(tmp_path / "job.log")) as log:
        log("class \x1b[31mred")
        raise ZonalflowError("no number: 6\x1b[31m0 at http://me:secret@host/")
    written = capsys.readouterr().err + (tmp_path / "job.log").read_text()
    assert "\x1b" not in written and "secret" not in written and "no number: 6\ufffd[31m0" in written
