"""The controlling process is ended, in each way there is, and started again."""

import os
import signal

import pytest
from slurm.lab import CROWDED, until


def begun(study, *, seconds=15, terminal=None):
    """Start a run and return it when three year jobs run and two wait: the account allows no more."""
    study.profile(slurm_account=CROWDED)
    study.slow(seconds)
    run = study.start("vectors", terminal=terminal)
    until(lambda: len(study.queue("R")) == 3 and len(study.queue("PD")) == 2, 60, "three run and two wait")
    until(lambda: len(list((study.folder / "faults").iterdir())) == 2, 60, "three at work")
    return run


def states(study):
    """Return the final states of each year's jobs, in their order."""
    rows = [(what.rpartition("_")[2], state.split()[0]) for what, state in study.rows()]
    return {year: [state for other, state in rows if other == year] for year in study.years}


def test_killed_and_started_again(study, undisturbed):
    """Jobs that run are waited for and count, jobs that wait are submitted again, and no year is done twice."""
    run = begun(study, seconds=30)  # still running when the next run looks at the queue, on a busy machine as well
    run.process.kill()
    run.process.wait(10)
    assert study.locked
    waited = set(study.queue("PD"))
    text = study.start("vectors").succeed(120)
    assert "was killed; this one continues it" in text
    assert "2 of its jobs still waited in the queue: cancelled" in text
    assert "2 done, 0 failed, 3 reused" in text
    for year, attempts in states(study).items():
        again = f"rule_zonal_stats_wildcards_ppt_{year}" in waited
        assert attempts == (["CANCELLED", "COMPLETED"] if again else ["COMPLETED"]), year
    assert not study.locked
    assert study.products() == undisturbed.of_years(undisturbed.products(), study.years)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_ended_by_a_signal_and_started_again(study, undisturbed, number):
    """Its jobs end with it, nothing stays locked, and the next run does what is left."""
    master, terminal = os.openpty()
    run = begun(study, terminal=terminal)
    os.close(terminal)
    if number == signal.SIGHUP:
        os.close(master)  # the login session ends
    else:
        run.process.send_signal(number)
    run.fail(60)
    if number != signal.SIGHUP:
        os.close(master)
    until(lambda: not study.queue(), 20, "an empty queue")
    assert not study.locked
    expected = undisturbed.of_years(undisturbed.products(), study.years)
    assert study.products().items() <= expected.items()
    assert {attempts[-1] for attempts in states(study).values()} == {"CANCELLED"}
    text = study.start("vectors").succeed(120)
    assert "ended by force" not in text
    assert study.products() == expected


def test_a_second_process_is_refused_while_the_first_runs(study):
    study.slow(10)
    first = study.start("vectors")
    study.at_work(study.years[0])
    text = study.start("vectors").fail(30)
    assert f"run test is at work in this folder: process {first.process.pid} on" in text
    assert "Nothing was started" in text
    study.start("vectors", "--dry-run").succeed(30)  # a preview does not disturb anyone
    first.succeed(90)
    assert {len(attempts) for attempts in states(study).values()} == {1}
