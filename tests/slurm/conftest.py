"""The cluster, an undisturbed run to compare with, and a study to disturb."""

import contextlib
import fcntl
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from slurm.lab import CLUSTER_LOCK, HERE, Study, cluster


@pytest.hookimpl(tryfirst=True)  # before `-m slurm` chooses
def pytest_collection_modifyitems(items):
    """Everything here needs the cluster."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.slurm)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Share the cluster with the tests of other processes, unless this one disturbs it; end a test that hangs.

    The time, 240 s or what the module's TIMEOUT says, begins when the cluster is there for the test. pytest asks this
    hook about the tests of other folders too, which have no part in it.
    """
    if HERE not in item.path.parents:
        return (yield)
    seconds = getattr(item.module, "TIMEOUT", 240)

    def expire(number, frame):
        raise TimeoutError(f"the test took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, expire)
    CLUSTER_LOCK.parent.mkdir(exist_ok=True)
    with CLUSTER_LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if item.get_closest_marker("disturbs_the_cluster") else fcntl.LOCK_SH)
        signal.alarm(seconds)
        try:
            return (yield)
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session", autouse=True)
def running_cluster():
    """The cluster is up; it stays up, for the next call."""
    cluster("up")


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory) -> Study:
    """The study, run on this machine without SLURM and without a fault."""
    from zonalflow.sources.synthetic import write_year

    study = Study(tmp_path_factory.mktemp("undisturbed"))
    for year in study.years:
        write_year("ppt", int(year), "annual", (-87.5, 24.5, -79.0, 31.0), study.folder / f"rasters/{year}.json")
    study.start("vectors", "tables", profile="local").succeed(120)
    return study


@contextlib.contextmanager
def prepared_study(folder: Path, undisturbed: Study):
    """Yield a study whose zones and index are ready, and whose years are not; end what is left of it after."""
    for part in ("rasters", ".snakemake", "results"):
        shutil.copytree(undisturbed.folder / part, folder / part)
    results = folder / "results/test"
    for path in [*results.glob("ppt"), *results.glob("work/ppt")]:
        shutil.rmtree(path)
    for path in results.glob("zonal_stats.*"):
        path.unlink()
    (folder / ".snakemake/zonalflow/test.json").unlink()
    study = Study(folder)
    try:
        yield study
    finally:
        for run in study.runs:
            if run.process.poll() is None:
                run.process.kill()
                run.process.wait(10)
        cluster("up")
        if jobs := study.queue().values():
            subprocess.run(["scancel", *jobs], check=True, timeout=60)


@pytest.fixture
def study(tmp_path, undisturbed):
    """A study whose zones and index are ready, and whose years are not."""
    with prepared_study(tmp_path / "study", undisturbed) as study:
        yield study
