"""What a run tells its user, from records as Snakemake logs them."""

import base64
import logging

import pytest

from zonalflow.run.watch import (
    Job,
    Watch,
    failure_message,
    is_whole,
    read_tail,
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
    logger.watch = Watch(said.append, ["--profile", "profiles/ceres"])
    logger.addHandler(logger.watch)
    return logger


def announce(log, number, rule="zonal_stats", **wildcards):
    extra = {"event": "job_info", "jobid": number, "rule_name": rule, "wildcards": wildcards}
    name = "_".join(wildcards.values())
    log.info(None, extra=extra | {"log": [f"logs/{rule}/{name}.log"], "output": [f"results/{rule}/{name}.npz"]})


def fail(log, number):
    log.error(None, extra={"event": "job_error", "jobid": number})


def finish(log, number):
    log.info(None, extra={"event": "job_finished", "job_id": number})


def test_a_failure_is_told_at_once_with_the_command_that_repeats_it(log, said):
    announce(log, 7, variable="ppt", year="2003")
    fail(log, 7)
    assert said == [
        "zonal_stats ppt 2003 failed.\n"
        "  logs/zonal_stats/ppt_2003.log is empty.\n"
        "  To run it alone:\n"
        "    snakemake results/zonal_stats/ppt_2003.npz --profile profiles/ceres"
    ]
    announce(log, 7, variable="ppt", year="2003")  # Snakemake announces each attempt
    fail(log, 7)
    assert said[1].startswith("zonal_stats ppt 2003 failed (2 times now).")


def test_the_end_of_the_log_is_shown(tmp_path):
    path = tmp_path / "year.log"
    path.write_text("".join(f"line {number}\n" for number in range(5000)))
    assert read_tail(str(path)) == [f"line {number}" for number in range(4988, 5000)]
    job = Job("combine_years", {}, [str(path)], [])
    message = failure_message(job, [], lambda path: ["first", "ERROR: no data"])
    assert message == f"combine_years failed.\n  The end of {path}:\n    first\n    ERROR: no data"


def test_a_command_is_quoted_for_a_shell():
    message = failure_message(Job("r", {}, [], ["a b.npz"]), ["--config", "years=2000,2001"], lambda path: [])
    assert message.splitlines()[-1].strip() == "snakemake 'a b.npz' --config years=2000,2001"


def test_the_run_is_known_to_slurm_by_its_name(log):
    log.info("SLURM run ID: zonalflow_0b36")
    announce(log, 3, variable="ppt", year="2000")
    assert log.watch.slurm_run == "zonalflow_0b36"
    log.info("Job 3 has been submitted with SLURM jobid 34 (log: logs/slurm/34.log).")
    assert log.watch.jobs[3].slurm_id == "34"


def test_a_record_that_nobody_expects_ends_nothing(log, monkeypatch):
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
    assert summary(years, {"results": "results/florida/"}).splitlines() == [
        "years      2 done, 1 failed, 1 reused, 2 not started",
        "  failed   ppt 2001",
        "results    results/florida/",
        "Run the same command again: it does only what is left.",
    ]


def test_a_run_without_slurm_and_without_a_fault():
    years = sort_years([], [("ppt", "2000")], whole=lambda key: True)
    assert summary(years, {"logs": "logs/"}) == "years      0 done, 0 failed, 1 reused\nlogs       logs/"


def test_targets_are_taken_out_of_the_arguments():
    arguments = ["maps", "--profile", "p", "--config", "years=2000", "tables"]
    assert without_targets(arguments, ["maps", "tables"]) == ["--profile", "p", "--config", "years=2000"]
    assert without_targets(["--profile", "p"], ["all"]) == ["--profile", "p"]


def test_a_year_is_done_when_its_result_is_there_although_nobody_said_so():
    quiet = Job("zonal_stats", {"variable": "ppt", "year": "2000"}, [], [])
    assert sort_years([quiet], [("ppt", "2000")], whole=lambda key: True).done == (("ppt", "2000"),)
    assert sort_years([quiet], [("ppt", "2000")], whole=lambda key: False).missing == (("ppt", "2000"),)


def test_a_result_that_snakemake_holds_for_unfinished_is_not_whole(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "results/a/work/ppt/2000.npz"
    name = str(path.relative_to(tmp_path))
    assert not is_whole(name)
    path.parent.mkdir(parents=True)
    path.touch()
    assert is_whole(name)
    marker = tmp_path / ".snakemake/incomplete" / base64.urlsafe_b64encode(name.encode()).decode()
    marker.parent.mkdir(parents=True)
    marker.touch()
    assert not is_whole(name)
