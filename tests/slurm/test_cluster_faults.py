"""Faults of the cluster itself, in the middle of a run: it ends as if nothing had happened."""

import time

import pytest
from slurm.lab import ask, cluster


def test_the_status_command_is_silent_for_a_minute(study, undisturbed, tmp_path):
    squeue = tmp_path / "bin/squeue"
    silent = tmp_path / "silent"
    squeue.parent.mkdir()
    squeue.write_text(
        f"#!/bin/sh\nif rm {silent} 2>/dev/null; then touch {silent}.now; sleep 65; exit 1; fi\n"
        f'exec {ask("which squeue")[0]} "$@"\n'
    )
    squeue.chmod(0o755)
    study.slow(10)
    run = study.start("vectors", path=str(squeue.parent))
    study.at_work(study.years[-1])
    silent.touch()
    run.succeed(150)
    assert silent.with_suffix(".now").exists()
    assert [state for _, state in study.rows()] == ["COMPLETED"] * len(study.years)
    assert study.products() == undisturbed.of_years(undisturbed.products(), study.years)


@pytest.mark.disturbs_the_cluster
def test_a_node_that_goes_down(study, undisturbed):
    """Its jobs are submitted again, to other nodes."""
    study.slow(20, "2000")
    run = study.start("vectors")
    job = study.at_work("2000")
    node = ask(f"squeue -h -j {job} -o %N")[0]
    cluster("kill", node)
    run.succeed(150)

    def attempts() -> list[tuple[str, str]]:
        return [row[1:] for row in study.rows("Comment,State,NodeList") if row[0].endswith("ppt_2000")]

    tried = attempts()
    assert [state for state, _ in tried] == ["NODE_FAIL", "COMPLETED"]
    assert tried[0][1] == node != tried[1][1]
    assert study.products() == undisturbed.of_years(undisturbed.products(), study.years)


@pytest.mark.disturbs_the_cluster
def test_slurmctld_goes_away_and_comes_back(study, undisturbed):
    study.slow(10)
    run = study.start("vectors")
    study.at_work(study.years[-1])
    cluster("stop", "slurmctld")  # as a restart does: killed, it may lose jobs of the last seconds, and their numbers
    time.sleep(25)  # two looks at the queue fail; the jobs end meanwhile
    cluster("up")
    run.succeed(90)
    assert [state for _, state in study.rows()] == ["COMPLETED"] * len(study.years)  # each once
    assert study.products() == undisturbed.of_years(undisturbed.products(), study.years)


@pytest.mark.disturbs_the_cluster
def test_accounting_is_down(study, undisturbed):
    """From before the first job until after the last: it changes nothing."""
    cluster("stop", "slurmdbd")
    text = study.start("vectors", "tables").succeed(120)
    assert f"{len(study.years)} done, 0 failed, 0 reused" in text
    assert study.products() == undisturbed.products()
