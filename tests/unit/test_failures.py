"""Why a job failed, as its user is told: from the plugin's messages, and from logs as they lie on the disk."""

from pathlib import Path

import pytest

from zonalflow.run.events import Failed
from zonalflow.run.failures import Failures, Job, account_of, program_of, read_tail

REFUSED = (
    "SLURM sbatch failed. The error message was 'sbatch: error: Memory specification can not be satisfied\n"
    "sbatch: error: Batch job submission failed: Requested node configuration is not available'.\n"
    "    sbatch call:\n        sbatch --parsable\n"
    "For further error details see the cluster/cloud log and the log files of the involved rule(s)."
)
ENDED = "SLURM-job '17' failed, SLURM status is: '{}'. Detailed failure reason unavailable (…)."


@pytest.fixture
def said():
    return []


@pytest.fixture
def job(tmp_path):
    """A year's job that begins; its log still holds an earlier run's error."""
    log = tmp_path / "ppt_2003.log"
    log.write_text("ERROR: of last week\n")
    job = Job("zonal_stats", {"variable": "ppt", "year": "2003"}, [str(log)], ["2003.npz"])
    job.begin()
    job.slurm_id = "17"
    return job


def report(said, *pairs, tries=1):
    """Report failures as they come, and what was gathered."""
    failures = Failures(said.append, ["--profile", "p"], tries, gather=3600)
    for job, failed in pairs:
        job.failures += 1
        failures.report(job, failed)
    failures.flush()


def write(job, text):
    with Path(job.logs[0]).open("a") as log:
        log.write(text)


def test_the_end_of_the_log_and_the_command_are_shown(job, said):
    write(job, "ERROR: no data\n")
    report(said, (job, Failed(7)))
    assert said == [
        "zonal_stats ppt 2003 failed.\n"
        f"  The end of {job.logs[0]}:\n    ERROR: of last week\n    ERROR: no data\n"
        "  To run it alone:\n    snakemake 2003.npz --profile p"
    ]


def test_what_a_job_here_has_said_itself_is_not_repeated(job, said):
    job.local = True  # its stderr is the terminal
    write(job, "ERROR: no data\n")
    report(said, (job, Failed(7)))
    assert said == [
        f"zonal_stats ppt 2003 failed.\n  Its log: {job.logs[0]}\n"
        "  To run it alone:\n    snakemake 2003.npz --profile p"
    ]


def test_a_traceback_of_a_job_here_is_shown(job, said):
    job.local = True
    Path(job.logs[0]).write_text("Traceback (most recent call last):\nKeyError: 1\n")
    report(said, (job, Failed(7)))
    assert "    KeyError: 1" in said[0]


def test_a_command_names_the_program_as_the_shell_finds_it(tmp_path, monkeypatch):
    program = tmp_path / ".venv/bin/snakemake"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(program.parent))
    assert program_of(str(program)) == ["snakemake"]
    monkeypatch.setenv("PATH", "/nowhere")  # the environment is not active
    assert program_of(str(program)) == [".venv/bin/snakemake"]
    assert program_of("/x/site-packages/snakemake/__main__.py")[1:] == ["-m", "snakemake"]


def test_the_log_of_an_earlier_attempt_is_not_shown(job, said):
    report(said, (job, Failed(7)))
    assert "last week" not in said[0]
    assert "It wrote no log." in said[0]


def test_a_command_is_quoted_for_a_shell(job, said):
    job.output = ["a b.npz"]
    report(said, (job, Failed(7)))
    assert said[0].endswith("snakemake 'a b.npz' --profile p")


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("TIMEOUT", "SLURM job 17 exceeded its time limit (TIMEOUT)"),
        ("OUT_OF_MEMORY", "SLURM job 17 exceeded its memory (OUT_OF_MEMORY)"),
        ("CANCELLED", "SLURM job 17 was cancelled (CANCELLED)"),
        ("NODE_FAIL", "SLURM job 17 ended because its node failed (NODE_FAIL)"),
        ("ERROR", "SLURM job 17 was ended in favour of a job of higher priority (PREEMPTED)"),
        ("FAILED", "SLURM job 17 ended with an error (FAILED)"),
        ("NEW_STATE", "SLURM job 17 ended as NEW_STATE"),
    ],
)
def test_the_state_of_the_job_is_reported(job, state, reason):
    assert account_of(job, Failed(7, ENDED.format(state), ())).reason == reason


def test_the_lines_of_slurm_are_reported(job, tmp_path, said):
    log = tmp_path / "17.log"
    log.write_text("Building DAG of jobs...\nslurmstepd: error: *** JOB 17 CANCELLED DUE TO TIME LIMIT ***\n")
    write(job, "reading 2003.tif\n")
    report(said, (job, Failed(7, ENDED.format("TIMEOUT"), (*job.logs, str(log)))), tries=3)
    assert said == [
        "zonal_stats ppt 2003 failed, attempt 1 of 3: SLURM job 17 exceeded its time limit (TIMEOUT).\n"
        f"  The end of {job.logs[0]}:\n    ERROR: of last week\n    reading 2003.tif\n"
        "  slurmstepd: error: *** JOB 17 CANCELLED DUE TO TIME LIMIT ***\n"
        "  It is tried again."
    ]


def test_a_job_without_a_log_of_its_own_shows_slurms(job, tmp_path, said):
    log = tmp_path / "17.log"
    log.write_text("ModuleNotFoundError: No module named 'snakemake'\n")
    report(said, (job, Failed(7, ENDED.format("FAILED"), (*job.logs, str(log)))))
    assert f"  The end of {log}:\n    ModuleNotFoundError: No module named 'snakemake'" in said[0]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (REFUSED, "Memory specification can not be satisfied; Requested node configuration is not available"),
        ("Job submission failed with exception: [Errno 2] No such file: 'sacctmgr'For further error details …",
         "[Errno 2] No such file: 'sacctmgr'"),
    ],
)  # fmt: skip
def test_a_refused_submission_is_told_in_one_line(job, said, message, reason):
    report(said, (job, Failed(7, message, tuple(job.logs))))
    (told,) = said
    assert reason in told
    assert "\n" not in told


def test_jobs_of_one_cause_share_one_line(job, said):
    years = map(str, range(2004, 2024))
    others = [Job("zonal_stats", {"variable": "ppt", "year": year}, [], [], slurm_id=year) for year in years]
    failed = Failed(7, ENDED.format("TIMEOUT"), ())
    odd = Job("zonal_stats", {"variable": "ppt", "year": "1999"}, [], [], slurm_id="99")
    report(said, *((each, failed) for each in [job, *others]), (odd, Failed(9, ENDED.format("NODE_FAIL"), ())))
    assert said[0].startswith("zonal_stats ppt 2003 failed")
    assert said[1].startswith("Failed for the same cause: zonal_stats ppt 2004, zonal_stats ppt 2005, ")
    assert said[1].endswith("zonal_stats ppt 2011 and 12 more.")  # 8 of 20 are named
    assert said[2].startswith("zonal_stats ppt 1999 failed")
    assert len(said) == 3


def test_the_same_job_again_shares_the_line(job, said):
    failed = Failed(7, ENDED.format("TIMEOUT"), ())
    report(said, (job, failed), (job, failed), tries=3)
    assert said[1:] == ["Failed for the same cause: zonal_stats ppt 2003 (again)."]


def test_only_the_end_of_a_long_log_is_read(tmp_path):
    path = tmp_path / "year.log"
    path.write_text("".join(f"line {number}\n" for number in range(5000)))
    assert read_tail(str(path)) == [f"line {number}" for number in range(4988, 5000)]
    assert read_tail(str(tmp_path / "absent")) == []
