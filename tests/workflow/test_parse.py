"""Reading the Snakefile writes and starts nothing and sends no request, whatever Snakemake is asked for."""

import socket

import pytest

ASKED = {
    "preview": ("-n",),
    "summary": ("--summary",),
    "rules": ("--list-rules",),
    "graph": ("--dag",),
    "unlock": ("--unlock",),
    "lint": ("--lint",),
}


def files_of(folder):
    return {path.relative_to(folder) for path in folder.rglob("*") if "__pycache__" not in path.parts}


@pytest.fixture
def listener():
    """A socket that must hear nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.mark.parametrize("arguments", ASKED.values(), ids=ASKED)
def test_nothing_is_written_and_no_request_is_sent(project, listener, arguments):
    port = listener.getsockname()[1]
    addresses = [f"raster={{url: 'http://127.0.0.1:{port}'}}", f"zones={{url: 'http://127.0.0.1:{port}'}}"]
    before = files_of(project.folder)
    run = project.snakemake(*arguments, "--config", *addresses, profile="local")
    assert run.code == 0, run.text
    new = {str(path) for path in files_of(project.folder) - before}
    # what Snakemake itself keeps; nothing of ours
    assert {path for path in new if not path.startswith(".snakemake")} == set()
    assert not any(path.startswith(".snakemake/zonalflow") for path in new)
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_quiet_all_is_quiet(project):
    run = project.snakemake("-n", "--quiet", "all")
    assert run.code == 0
    assert "zonalflow" not in run.text.replace("profiles", "")


def test_a_mistake_is_one_message_without_a_traceback(project):
    run = project.snakemake("--config", "years=2020:2000")
    assert run.code == 1
    assert run.text.count("years: the range '2020:2000' is reversed; write 2000:2020") == 1
    assert "File " not in run.text
    assert "Traceback" not in run.text


def test_a_mistake_reaches_a_host_as_a_workflow_error(project):
    project.path("host.smk").write_text(
        f'module zonalflow:\n    snakefile: "{project.path("Snakefile")}"\n    config: {{"run": "a"}}\n'
        "use rule * from zonalflow\n"
    )
    run = project.snakemake("-s", "host.smk")
    assert run.code == 1
    assert "WorkflowError" in run.text
    assert "years: this key is required" in run.text


def test_snakemakes_own_report_writes_nothing_else(done):
    before = files_of(done.folder)
    run = done.snakemake("--report", "own.html", "--config", "years=2000:2001")
    assert run.code == 0, run.text
    new = {str(path) for path in files_of(done.folder) - before}
    assert {path for path in new if not path.startswith(".snakemake")} == {"own.html"}
    assert not any(path.startswith(".snakemake/zonalflow") for path in new)
