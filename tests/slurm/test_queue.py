"""What keeps jobs from starting: transient errors are waited for, lasting ones reported, and no result is lost."""

import signal

import pytest
from slurm.lab import ACCOUNT, LIMITED, ask, until

TIMED_OUT = "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation"


def test_silence_and_a_limit_on_jobs_cost_no_try(study, undisturbed, tmp_path):
    """The account may have two jobs in the queue; three calls get no answer, two of them without any effect."""
    sbatch, calls = tmp_path / "bin/sbatch", tmp_path / "calls"
    sbatch.parent.mkdir()
    real = ask("which sbatch")[0]
    sbatch.write_text(
        f"#!/bin/sh\necho >> {calls}\nn=$(wc -l < {calls})\n"
        f'[ $n -gt 3 ] && exec {real} "$@"\n[ $n = 3 ] && {real} "$@" >/dev/null\necho "{TIMED_OUT}" >&2\nexit 1\n'
    )
    sbatch.chmod(0o755)
    study.profile(slurm_account=LIMITED)
    limit, release = "SLURM takes no more jobs at present (AssocGrpSubmitJobsLimit)", tmp_path / "release"
    for year in study.years:  # the first two stay in the queue until a third has met the limit
        wait = f"import pathlib, time\nwhile not pathlib.Path({str(release)!r}).exists(): time.sleep(0.1)"
        study.fault(f"zonal_stats.ppt.{year}", wait)
    run = study.start("vectors", path=str(sbatch.parent))
    until(lambda: limit in run.text, 120, "the limit is told")
    release.touch()
    text = run.succeed(120)
    assert sorted(study.rows()) == [[f"rule_zonal_stats_wildcards_ppt_{year}", "COMPLETED"] for year in study.years]
    assert {row[0] for row in study.rows("ReqMem")} == {"2000M"}
    assert "failed" not in text.replace("0 failed", "")
    assert study.products() == undisturbed.of_years(undisturbed.products(), study.years)


def test_a_refused_submission_is_told_once_and_costs_no_result(study, undisturbed):
    """One shapefile is lost; the table beside it is kept although SLURM refuses the job that would write both."""
    study.start("vectors").succeed(60)
    (study.folder / "results/test/ppt/stats_2000.shp").unlink()
    kept = study.products()
    study.profile(mem_mb="99999999")
    text = study.start("vectors").fail(60)
    assert text.count("Requested node configuration is not available") == 1
    assert "SLURM refuses zonal_stats ppt_2000: Memory specification can not be satisfied" in text
    assert "Run the same command again" in text
    assert "Traceback" not in text
    assert study.products() == kept
    assert not study.locked


def test_jobs_that_never_start_are_named_and_ctrl_c_ends(study):
    study.profile(cpus_per_task="2\n  slurm_extra: \"'--hold'\"")
    run = study.start("vectors")
    until(lambda: "cannot start unless something changes (JobHeldUser)" in run.text, 180, "the reason")
    assert "5 jobs wait in the queue" in run.text
    before = len(run.text)
    run.process.send_signal(signal.SIGINT)
    run.fail(30)
    told = run.text[before:].strip()
    assert told == (
        "zonalflow: Interrupted: 0 of 5 years done, 5 left. Run the same command again: it does what is left."
    )
    until(lambda: not study.queue(), 20, "an empty queue")


@pytest.mark.disturbs_the_cluster
def test_a_preempted_job_is_submitted_again(study, undisturbed):
    study.slow(20, "2000")
    run = study.start("vectors")
    node = ask(f"squeue -h -j {study.at_work('2000')} -o %N")[0]
    urgent = f"sbatch --account={ACCOUNT} --partition=urgent --nodelist={node} --exclusive --time=1 --output=/dev/null"
    ask(f"{urgent} --wrap true")
    text = run.succeed(120)
    assert "was ended in favour of a job of higher priority (PREEMPTED)" in text
    assert [state for what, state in study.rows() if what.endswith("2000")] == ["PREEMPTED", "COMPLETED"]
    assert study.products() == undisturbed.of_years(undisturbed.products(), study.years)
