"""What a run tells its user, from records as Snakemake logs them."""

import base64
import logging

import pytest

from zonalflow.run.failures import Failures, Job
from zonalflow.run.sharing import is_whole
from zonalflow.run.watch import (
    Watch,
    interruption,
    other_failures,
    sort_years,
    summary,
    without_targets,
)


@pytest.fixture
def said():
    return []


@pytest.fixture
def log(said):
    """A logger that a Watch listens to, and the Watch."""
    logger = logging.Logger("snakemake.logging")
    logger.watch = Watch(Failures(said.append, ["--profile", "profiles/ceres"]))
    logger.addHandler(logger.watch)
    return logger


def announce(log, number, rule="zonal_stats", local=False, **wildcards):
    extra = {"event": "job_info", "jobid": number, "rule_name": rule, "wildcards": wildcards, "local": local}
    name = "_".join(wildcards.values())
    log.info(None, extra=extra | {"log": [f"logs/{rule}/{name}.log"], "output": [f"results/{rule}/{name}.npz"]})


def fail(log, number):
    log.error(None, extra={"event": "job_error", "jobid": number})


def finish(log, number):
    log.info(None, extra={"event": "job_finished", "job_id": number})


def test_a_failure_is_told_at_once(log, said):
    announce(log, 7, variable="ppt", year="2003")
    fail(log, 7)
    assert said[0].startswith("zonal_stats ppt 2003 failed.\n")


def test_what_an_interruption_ended_has_not_failed(log, said):
    announce(log, 7, variable="ppt", year="2003")
    log.watch.interrupted = True
    fail(log, 7)
    assert said == []
    years = sort_years(log.watch.jobs.values(), [("ppt", "2003"), ("ppt", "2004")], whole=lambda key: key[1] == "2004")
    assert interruption(years) == (
        "Interrupted: 1 of 2 years done, 1 left. Run the same command again: it does what is left."
    )


def test_jobs_here_to_submit_and_in_slurm(log):
    announce(log, 1, rule="index_zones", local=True)
    announce(log, 2, variable="ppt", year="2000")
    announce(log, 3, variable="ppt", year="2001")
    log.info("Job 3 has been submitted with SLURM jobid 34 (log: logs/slurm/34.log).")
    watch = log.watch
    assert (watch.here, watch.to_submit, watch.in_slurm) == (
        ["index_zones"], ["zonal_stats ppt 2000"], {"34": "zonal_stats ppt 2001"}
    )  # fmt: skip
    fail(log, 3)
    finish(log, 1)
    assert (watch.here, watch.to_submit, watch.in_slurm) == ([], ["zonal_stats ppt 2000"], {})


def test_the_run_is_known_to_slurm_by_its_name(log):
    log.info("SLURM run ID: zonalflow_0b36")
    announce(log, 3, variable="ppt", year="2000")
    assert log.watch.slurm_run == "zonalflow_0b36"
    log.info("Job 3 has been submitted with SLURM jobid 34 (log: logs/slurm/34.log).")
    assert log.watch.jobs[3].slurm_id == "34"


def test_an_unexpected_record_does_not_end_the_run(log, monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)
    log.info(None, extra={"event": "job_info"})
    log.info(None, extra={"event": "job_finished", "job_id": 99})
    log.info(None)
    assert log.watch.jobs == {}


def test_years_done_failed_reused_and_not_started(log):
    for number, year in enumerate(["2000", "2001", "2002", "2003"]):
        announce(log, number, variable="ppt", year=year)
    announce(log, 9, rule="combine_years")
    finish(log, 0)
    fail(log, 1)
    fail(log, 2)
    finish(log, 2)  # at the second attempt
    planned = [("ppt", str(year)) for year in range(2000, 2006)]
    years = sort_years(log.watch.jobs.values(), planned, whole=lambda key: key[1] == "2004")
    assert years.done == (("ppt", "2000"), ("ppt", "2002"))
    assert years.failed == (("ppt", "2001"),)
    assert years.reused == (("ppt", "2004"),)
    assert years.missing == (("ppt", "2003"), ("ppt", "2005"))
    assert summary(years, [], {"results": "results/florida/"}, failed=True).splitlines() == [
        "years      2 done, 1 failed, 1 reused, 2 not started",
        "  failed   ppt 2001   log: zonal_stats/ppt_2001.log",
        "results    results/florida/",
        "Run the same command again: it does only what is left.",
    ]


def test_all_that_failed_is_counted_with_its_log(log):
    """The years are done; a fetch failed and then came, and of index and report the second failed."""
    announce(log, 1, variable="ppt", year="2000")
    announce(log, 2, rule="fetch_rasters", variable="ppt", year="2000")
    announce(log, 3, rule="write_report")
    finish(log, 1)
    fail(log, 2)
    finish(log, 2)
    fail(log, 3)
    years = sort_years(log.watch.jobs.values(), [("ppt", "2000")], whole=lambda key: True)
    others = other_failures(log.watch.jobs.values(), whole=lambda path: False)
    assert summary(years, others, {"logs": "logs/florida/"}, failed=True).splitlines() == [
        "years      1 done, 0 failed, 0 reused",
        "others     1 failed",
        "  failed   write_report   log: logs/write_report/.log",
        "logs       logs/florida/",
        "Run the same command again: it does only what is left.",
    ]


def test_a_run_without_slurm_and_without_a_fault():
    years = sort_years([], [("ppt", "2000")], whole=lambda key: True)
    assert (
        summary(years, [], {"logs": "logs/"}, failed=False) == "years      0 done, 0 failed, 1 reused\nlogs       logs/"
    )


def test_targets_are_taken_out_of_the_arguments():
    arguments = ["maps", "--profile", "p", "--config", "years=2000", "tables"]
    assert without_targets(arguments, ["maps", "tables"]) == ["--profile", "p", "--config", "years=2000"]
    assert without_targets(["--profile", "p"], ["all"]) == ["--profile", "p"]


def test_a_year_is_done_when_its_result_is_complete():
    quiet = Job("zonal_stats", {"variable": "ppt", "year": "2000"}, [], [])
    assert sort_years([quiet], [("ppt", "2000")], whole=lambda key: True).done == (("ppt", "2000"),)
    assert sort_years([quiet], [("ppt", "2000")], whole=lambda key: False).missing == (("ppt", "2000"),)


@pytest.mark.parametrize("run", ["a", "a" * 200])
def test_a_result_that_snakemake_calls_incomplete_is_not_whole(tmp_path, monkeypatch, run):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"results/{run}/work/ppt/2000.npz"
    name = str(path.relative_to(tmp_path))
    assert not is_whole(name)
    path.parent.mkdir(parents=True)
    path.touch()
    assert is_whole(name)
    marker = base64.urlsafe_b64encode(name.encode()).decode()
    if len(marker) > 254:  # a file's name has at most 255 characters: Snakemake puts the beginning into a folder
        marker = f"@{marker[:254]}/{marker[254:]}"
    marker = tmp_path / ".snakemake/incomplete" / marker
    marker.parent.mkdir(parents=True)
    marker.touch()
    assert not is_whole(name)
