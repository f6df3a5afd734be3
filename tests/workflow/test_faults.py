"""Runs that are killed, doubled, fed odd names or damaged results: what a user sees, and that the bytes are
the same."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from zonalflow.common.files import sha256

pytestmark = pytest.mark.slow

YEARS = ("--config", "years=2000:2001")
SHAPEFILE = "results/demo/ppt/stats_2001.dbf"
LONG = 240  # seconds that a run may take on a busy machine before a test gives it up


def results(project):
    """Return path to checksum of all results, in full view; a record of times is no result."""
    root = project.path("results")
    return {
        str(path.relative_to(root)): sha256(path)
        for path in sorted(root.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(root).parts)
    }


NUMBERS = ("tables", "vectors")  # the targets of which the study's numbers come


def numbers(project):
    """Return those of the results that these targets make: all but maps and styles, manifest and report."""
    others = (
        "demo/maps/",
        "demo/manifest.json",
        "demo/README.txt",
        "demo/report.html",
        "demo/work/maps_",
        "demo/work/report.sha256",
    )
    found = results(project).items()
    return {path: checksum for path, checksum in found if not path.startswith(others) and not path.endswith(".qml")}


def start(project, *arguments, **options):
    """Start a run and return its process, the first of a group of its own."""
    command = [sys.executable, "-m", "snakemake", *arguments, "--profile", "profiles/demo"]
    return subprocess.Popen(
        command, cwd=project.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, process_group=0,
        **options,
    )  # fmt: skip


def wait_for(there, process):
    """Wait until ``there()`` or until the process has ended."""
    for _ in range(LONG * 20):
        if there() or process.poll() is not None:
            return
        time.sleep(0.05)
    raise TimeoutError


def flip(path):
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


# ------------------------------------------------------------------------------------------- verification


def test_verify_names_what_is_damaged_and_its_advice_repairs_it(done):
    before = results(done)
    first = done.snakemake("verify", *YEARS)
    assert first.code == 0, first.text
    assert "0 do not match" in first.text
    stat = done.path(SHAPEFILE).stat()
    flip(done.path(SHAPEFILE))
    os.utime(done.path(SHAPEFILE), ns=(stat.st_atime_ns, stat.st_mtime_ns))  # a failing disk changes no time stamp
    second = done.snakemake("verify", *YEARS)
    assert second.code != 0
    assert f"{SHAPEFILE}: is not what was written" in second.text
    assert f"rm -rf {SHAPEFILE}" in second.text
    assert json.loads(done.path("results/demo/verify.json").read_text())["verdict"] == "failed"
    done.path(SHAPEFILE).unlink()
    assert done.snakemake(*YEARS).code == 0
    third = done.snakemake("verify", *YEARS)
    assert third.code == 0, third.text
    after = results(done)
    same = set(before) - {"demo/report.html", "demo/work/report.sha256"}  # which tells of the verification
    assert {path: after[path] for path in same} == {path: before[path] for path in same}


TABLES = "output={formats: [csv]}"


@pytest.fixture
def done_with_tables(once, demo, tmp_path):
    """A copy of the finished demo of which the tables and their manifest are asked for, for a test to change."""

    def make(folder):
        project = demo.copied(folder)
        assert project.snakemake("provenance", *YEARS, TABLES).code == 0
        return project

    return once("tables", make).copied(tmp_path / "zonalflow")


@pytest.mark.parametrize(
    "damaged", ["work/grid.json", "work/index.json", "work/zones.dbf", "work/ppt/2000.npz", "raster"]
)
def test_the_advice_of_verify_repairs_intermediate_files_too(done_with_tables, damaged):
    """Snakemake makes nothing that is missing as long as all that is asked for is there."""
    done = done_with_tables
    raster = next(done.folder.glob("resources/demo/PRISM/ppt/annual/*/PRISM_ppt_2000.tif"))
    path = raster if damaged == "raster" else done.path(f"results/demo/{damaged}")
    flip(path)
    second = done.snakemake("verify", *YEARS, TABLES)
    assert second.code != 0
    command = next(line.strip() for line in second.text.splitlines() if line.strip().startswith("rm -rf "))
    assert str(path.relative_to(done.folder)) in command
    subprocess.run(command, shell=True, cwd=done.folder, check=True)
    run = done.snakemake("provenance", *YEARS, TABLES)
    assert run.code == 0, run.text
    third = done.snakemake("verify", *YEARS, TABLES)
    assert third.code == 0, third.text


def test_a_preview_with_any_other_options_disturbs_no_run(project):
    process = start(project, "tables", "--config", "years=2000")
    wait_for(project.path(".snakemake/zonalflow/demo.json").exists, process)
    preview = project.snakemake("-np", "--config", "years=2000")
    text, _ = process.communicate(timeout=LONG)
    assert preview.code == 0, preview.text
    assert process.returncode == 0, text


def test_an_edited_result_is_kept_aside_and_made_again(done):
    before = results(done)
    flip(done.path(SHAPEFILE))
    edited = done.path(SHAPEFILE).read_bytes()
    preview = done.snakemake("-n", *YEARS)
    assert f"{Path(SHAPEFILE).name} changed since the job wrote it" in preview.text
    run = done.snakemake(*YEARS)
    assert run.code == 0, run.text
    assert "1 file moved to results/demo/superseded/" in run.text
    (aside,) = done.folder.glob(f"results/demo/superseded/*/ppt/{Path(SHAPEFILE).name}")
    assert aside.read_bytes() == edited
    assert before.items() <= results(done).items()


def test_without_results_there_is_nothing_to_verify(project):
    run = project.snakemake("verify", *YEARS)
    assert run.code != 0
    assert "results/demo/manifest.json cannot be read" in run.text
    assert "run the study first" in run.text


# ---------------------------------------------------------------------------------------------- read-only


def test_a_run_where_nothing_may_be_written_is_one_message(project):
    folder = project.folder
    bound = subprocess.run(["mount", "--bind", "-o", "ro", folder, folder], capture_output=True)
    if bound.returncode:
        pytest.skip("only root may mount a folder read-only")
    try:
        run = project.snakemake(*YEARS)
    finally:
        subprocess.run(["umount", folder], check=True)
    assert run.code != 0
    assert "the folder is read-only: run where you may write" in run.text
    assert "Traceback" not in run.text and "control.smk" not in run.text


# -------------------------------------------------------------------------------------------------- killed


@pytest.mark.parametrize(
    ("moment", "orphans"),
    [
        ("resources/demo/PRISM/ppt/annual/-87.5_24.5_-79_31/2000.json", False),
        ("results/demo/work/ppt/2000.npz", True),
    ],
)
def test_a_killed_run_is_continued_without_unlocking(project, demo, moment, orphans):
    process = start(project, *YEARS)
    wait_for(project.path(moment).exists, process)
    assert process.poll() is None
    if orphans:  # its jobs go on and write while the next run does
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    run = project.snakemake(*YEARS)
    assert run.code == 0, run.text
    assert "was killed; this one continues it" in run.text
    assert results(project) == results(demo), run.text


def test_four_cores_and_five_attempts_give_the_same_bytes(project, demo, tmp_path):
    """Each year's job dies as it is about to rename its table into place, four times."""
    (tmp_path / "sitecustomize.py").write_text(
        f"""
import os, pathlib, signal
replace = os.replace

def dying(source, target, **options):
    if str(target).endswith(".npz"):
        tries = pathlib.Path({str(tmp_path)!r}, pathlib.Path(target).stem)
        with tries.open("a") as stream:
            stream.write("x")
        if tries.stat().st_size < 5:
            os.kill(os.getpid(), signal.SIGKILL)
    return replace(source, target, **options)

os.replace = dying
"""
    )
    process = start(
        project, *NUMBERS, *YEARS, "--retries", "4", "--cores", "4", env={**os.environ, "PYTHONPATH": str(tmp_path)}
    )
    text, _ = process.communicate(timeout=LONG)
    assert process.returncode == 0, text
    assert [(tmp_path / year).read_text() for year in ("2000", "2001")] == ["xxxxx", "xxxxx"]
    assert results(project) == numbers(demo)


# ----------------------------------------------------------------------------------------- at the same time


def test_a_second_process_ends_and_other_runs_continue(project, demo):
    process = start(project, *YEARS)
    wait_for(project.path(".snakemake/zonalflow/demo.json").exists, process)
    os.killpg(process.pid, signal.SIGSTOP)
    try:
        second = project.snakemake(*YEARS)
        text = project.path("config/demo.yaml").read_text()
        project.path("config/other.yaml").write_text(text.replace("run: demo", "run: other"))
        project.path("config/same.yaml").write_text(text.replace("run: demo", "run: same"))
        same = start(project, "tables", "--configfile", "config/same.yaml", "--config", "years=2000")
        wait_for(project.path(".snakemake/zonalflow/same.json").exists, same)
        box = "bbox=[-83.0,27.0,-80.0,30.0]"
        other = project.snakemake("vectors", "--configfile", "config/other.yaml", "--config", "years=2000", box)
        preview = project.snakemake(*YEARS, "-n")
    finally:
        os.killpg(process.pid, signal.SIGCONT)
    assert f"run demo is at work in this folder: process {process.pid}" in second.text
    assert second.code != 0
    assert "Nothing was started" in second.text
    assert f"end it and its jobs with: kill {process.pid}" in second.text
    assert "Traceback" not in second.text
    assert other.code == 0, other.text  # another box, and so other rasters
    assert len(list(project.folder.glob("results/other/ppt/stats_2000.shp"))) == 1
    assert preview.code == 0, preview.text
    text, _ = process.communicate(timeout=LONG)
    assert process.returncode == 0, text
    waited, _ = same.communicate(timeout=LONG)  # with the same box, and so for the rasters of the first
    assert same.returncode == 0, waited
    assert "Waiting for run demo, which is fetching or making what this run reads as well: resources/demo/" in waited
    assert "make_rasters" not in waited
    assert results(demo).items() <= results(project).items()


def test_two_clones_that_share_rasters_and_indexes_run_concurrently(project, demo, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    clone = project.copied(tmp_path / "clone")
    for copy in (project, clone):
        copy.path("resources").symlink_to(shared)
    processes = [start(project, *NUMBERS, *YEARS), start(clone, *NUMBERS, *YEARS)]
    for process in processes:
        text, _ = process.communicate(timeout=LONG)
        assert process.returncode == 0, text
    assert results(project) == results(clone) == numbers(demo)
    assert not [path for path in shared.rglob(".*~*") if path.is_file()]


# --------------------------------------------------------------------------------------------------- names

ODD = "a b'c\"d;$(touch pwned)`touch pwned`&é中"


def test_names_never_reach_a_shell(demo, tmp_path):
    """The project's own folder, the zones and the rasters are called what no shell should read."""
    folder = tmp_path / ODD
    project = type(demo)(folder)
    there = tmp_path / f"data {ODD}"
    (there / "ppt").mkdir(parents=True)
    zones = tmp_path / f"{ODD}.zip".replace(";", "")  # which GDAL's bindings cannot read, and the check says so
    shutil.copy(project.path("config/demo/zones.zip"), zones)
    for year in (2000, 2001):
        [source] = demo.folder.glob(f"resources/demo/PRISM/ppt/annual/*/PRISM_ppt_{year}.tif")
        shutil.copy(source, there / f"ppt/{ODD} {year}.tif")
    config = {
        "run": "odd",
        "years": "2000:2001",
        "zones": {"source": "file", "path": str(zones), "id": "GEOID"},
        "raster": {"source": "local", "variables": ["ppt"], "path": f"{there}/{{variable}}/{ODD} {{year}}.tif"},
        "output": {"formats": ["shp", "gpkg", "csv", "parquet"]},
    }
    project.path("config/odd.yaml").write_text(json.dumps(config), encoding="utf-8")
    run = project.snakemake("--configfile", "config/odd.yaml")
    assert run.code == 0, run.text
    verified = project.snakemake("verify", "--configfile", "config/odd.yaml")
    assert verified.code == 0, verified.text
    assert [path for path in tmp_path.rglob("*") if path.name == "pwned"] == []
    assert not Path("pwned").exists()
    for year in (2000, 2001):
        assert sha256(project.path(f"results/odd/work/ppt/{year}.npz")) == sha256(
            demo.path(f"results/demo/work/ppt/{year}.npz")
        )


@pytest.mark.parametrize("name", ["$(touch pwned)", "../up"])
def test_a_run_called_so_is_refused(project, name):
    run = project.snakemake("--config", f"run='{name}'")
    assert run.code != 0
    assert "run: " in run.message and "may hold only letters" in run.message
    assert not project.path("pwned").exists()
