"""Submissions through the commands of a run, with an `sbatch` and a `squeue` on the PATH that answer as told."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from zonalflow.cluster import commands, submit
from zonalflow.cluster.commands import Commands, Note, forget_foreign_settings, missing_commands
from zonalflow.cluster.pending import QUEUE_TICKS, REPEAT_TICKS, Pending, lasting
from zonalflow.cluster.submit import LIMIT, REFUSED, TRANSIENT, kind_of_refusal, reason_of

POLICY = (
    "sbatch: error: AssocMaxSubmitJobLimit\nsbatch: error: Batch job submission failed: Job violates "
    "accounting/QOS policy (job submit limit, user's size and/or time limits)"
)
TIMED_OUT = "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation"
PARTITION = (
    "sbatch: error: invalid partition specified: nope\n"
    "sbatch: error: Batch job submission failed: Invalid partition name specified"
)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (TIMED_OUT, TRANSIENT),
        ("sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)", TRANSIENT),
        ("sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying", TRANSIENT),
        ("sbatch: error: If munged is up, restart with --num-threads=10", TRANSIENT),
        (POLICY, LIMIT),
        (POLICY.replace("AssocMaxSubmitJobLimit", "QOSMaxSubmitJobPerUserLimit"), LIMIT),
        (POLICY.replace("AssocMaxSubmitJobLimit", "AssocGrpSubmitJobsLimit"), LIMIT),
        (POLICY.replace("AssocMaxSubmitJobLimit", "QOSMaxWallDurationPerJobLimit"), REFUSED),
        (PARTITION, REFUSED),
        ("sbatch: error: Batch job submission failed: Invalid account or account/partition combination", REFUSED),
        ("sbatch: error: Batch job submission failed: Requested node configuration is not available", REFUSED),
        ("", REFUSED),
    ],
)
def test_what_passes_is_told_from_what_does_not(message, kind):
    assert kind_of_refusal(message, lambda: True) == kind


def test_an_unnamed_limit_is_transient_only_while_there_are_jobs():
    message = POLICY.partition("\n")[2]
    assert kind_of_refusal(message, lambda: True) == LIMIT
    assert kind_of_refusal(message, lambda: False) == REFUSED


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (POLICY, "AssocMaxSubmitJobLimit"),
        (TIMED_OUT, "Socket timed out on send/recv operation"),
        (PARTITION, "invalid partition specified: nope; Invalid partition name specified"),
        ("", "no reason given"),
    ],
)
def test_the_reason_is_one_line(message, reason):
    assert reason_of(message) == reason


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A PATH with SLURM's commands, and those of a run before them; `answers` are what its `sbatch` does in turn."""

    class Lab:
        bin = tmp_path / "bin"
        queue = tmp_path / "queue"

        def answers(self, *answers):
            for number, answer in enumerate(answers, 1):
                (tmp_path / f"answer-{number}").write_text(answer)

        @property
        def calls(self):
            return (tmp_path / "calls").read_text().splitlines() if (tmp_path / "calls").exists() else []

    lab = Lab()
    lab.bin.mkdir()
    # an answer of digits is a job's number; anything else goes to stderr, with status 1
    scripts = {
        "sbatch": f"""echo "$PATH|${{SBATCH_WAIT-}}|$*" >> {tmp_path}/calls
answer={tmp_path}/answer-$(wc -l < {tmp_path}/calls)
if grep -qx '[0-9]*' $answer; then cat $answer; else cat $answer >&2; exit 1; fi""",
        "squeue": f"""cat {tmp_path}/queue; exit 3""",
        **dict.fromkeys(("scancel", "scontrol", "sinfo"), ""),
    }
    for name, text in scripts.items():
        (lab.bin / name).write_text(f"#!/bin/sh\n{text}\n")
        (lab.bin / name).chmod(0o755)
    lab.queue.write_text("")
    monkeypatch.setenv("PATH", f"{lab.bin}:{os.environ['PATH']}")
    lab.commands = Commands("ceres_test, other", 5)
    yield lab
    lab.commands.remove()


CALL = ("--parsable", "--job-name", "run-1", "--comment", "rule_zonal_stats_wildcards_ppt_2000", "--wrap")


def call(lab, name="sbatch", attempt=1, **options):
    arguments = [*CALL, f"snakemake --attempt {attempt} --mode remote"] if name == "sbatch" else []
    return subprocess.Popen([name, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def run_here(lab, *answers, attempts=5, attempt=1):
    """Submit in this very process, without pauses; return the status and the pauses that were made."""
    lab.answers(*answers)
    paused = []
    arguments = [*CALL, f"snakemake --attempt {attempt}"]
    submission = submit.Submission(str(lab.bin / "sbatch"), lab.commands.folder, os.getpid(), arguments)
    return submission.run(attempts, paused.append), paused


def test_a_submission_goes_to_the_real_command_without_our_folder(lab):
    lab.answers("17")
    ended = call(lab)
    assert ended.communicate() == ("17\n", "")
    path, _, arguments = lab.calls[0].split("|")
    assert str(lab.commands.folder) not in path
    assert str(lab.bin) in path
    assert arguments.startswith("--parsable --job-name run-1")


def test_a_silent_controller_costs_pauses_and_no_try(lab, capsys):
    status, paused = run_here(lab, TIMED_OUT, TIMED_OUT, TIMED_OUT, "17")
    assert (status, capsys.readouterr().out) == (0, "17\n")
    assert sum(paused) == 1 + 2 + 4  # seconds
    assert lab.commands.notes() == []


def test_pauses_grow_to_a_limit(lab):
    status, paused = run_here(lab, *[POLICY] * 8, attempts=8)
    assert status == 1
    assert sum(paused) == 1 + 2 + 4 + 8 + 15 + 15 + 15 + 15


def test_a_job_accepted_without_an_answer_is_not_submitted_twice(lab, capsys):
    lab.commands.folder.joinpath("submitted").write_text("12\n")
    comment = CALL[4]
    lab.queue.write_text(f"12|{comment}\n13|{comment.replace('2000', '2001')}\n14|{comment}\n")
    status, _ = run_here(lab, TIMED_OUT, "15")
    assert (status, capsys.readouterr().out) == (0, "14\n")
    assert len(lab.calls) == 1
    assert lab.commands.folder.joinpath("submitted").read_text().split() == ["12", "14"]


def test_a_refused_submission_waits_for_the_end_of_the_run(lab):
    lab.answers(PARTITION)
    waiting = call(lab)
    while not (notes := lab.commands.notes()):
        time.sleep(0.02)
    assert notes == [Note(REFUSED, reason_of(PARTITION), CALL[4])]
    assert waiting.poll() is None
    lab.commands.end()
    assert waiting.communicate(timeout=30) == ("", PARTITION + "\n")
    assert waiting.returncode == 1
    late = call(lab)
    assert "submits no more jobs" in late.communicate(timeout=30)[1]
    assert len(lab.calls) == 1


def test_a_refused_later_attempt_fails_at_once(lab):
    """The first attempt has removed the earlier result, so there is nothing to keep."""
    status, paused = run_here(lab, PARTITION, attempt=2)
    assert (status, paused) == (1, [])


def test_nothing_is_submitted_for_a_dead_process(lab, capsys):
    submission = submit.Submission(str(lab.bin / "sbatch"), lab.commands.folder, 2**22 + 1, CALL)
    assert submission.run(5) == 1
    assert lab.calls == []


def test_preempted_jobs_are_called_failed(lab):
    lab.queue.write_text("12|RUNNING\n13|PREEMPTED\n")
    asked = call(lab, "squeue")
    assert asked.communicate(timeout=30)[0] == "12|RUNNING\n13|ERROR\n"
    assert asked.returncode == 3


def test_the_plugin_learns_the_accounts_without_a_question(lab):
    assert subprocess.run("sacctmgr", capture_output=True, text=True).stdout.split() == ["ceres_test", "other"]


def test_a_folder_in_which_nothing_may_run_is_not_used(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    Path(".snakemake").mkdir()
    monkeypatch.setattr(commands.os, "access", lambda path, mode: False)
    made = Commands("a", 1, {"PATH": "/usr/bin"})
    assert made.folder.parent == tmp_path / ".snakemake"


def test_settings_for_commands_by_hand_are_forgotten():
    environment = {"SBATCH_WAIT": "1", "SQUEUE_PARTITION": "x", "SLURM_CONF": "c", "PATH": "p"}
    forget_foreign_settings(environment)
    assert environment == {"SLURM_CONF": "c", "PATH": "p"}


def test_missing_commands_are_named(lab, tmp_path):
    assert missing_commands({"PATH": str(lab.bin)}) == []
    lab.bin.joinpath("scontrol").unlink()
    assert missing_commands({"PATH": str(lab.bin)}) == ["scontrol"]


# -------------------------------------------------------------------------------------------- what keeps jobs waiting


class Jobs:
    """The jobs of a run."""

    def __init__(self):
        self.in_slurm, self.here, self.to_submit = {}, [], []


@pytest.fixture
def pending(monkeypatch):
    """One that watches a queue; `notes` and `queue` are what it finds, `said` is what it reports."""
    watching = Pending("run-1", lambda: watching.notes, Jobs(), lambda text: watching.said.append(text), lambda: None)
    watching.notes, watching.queue, watching.said = [], [], []
    monkeypatch.setattr("zonalflow.cluster.slurm.pending_jobs", lambda run: watching.queue)
    return watching


def test_a_waiting_submission_is_reported_once_a_minute(pending):
    pending._jobs.to_submit = ["zonal_stats ppt 2000", "zonal_stats ppt 2001", "zonal_stats ppt 2002"]
    pending.notes = [Note(LIMIT, "AssocMaxSubmitJobLimit", CALL[4])]
    for _ in range(2 * REPEAT_TICKS):
        pending.look_at_submissions()
    told = "SLURM takes no more jobs at present (AssocMaxSubmitJobLimit). 3 jobs wait here, to be submitted as soon as "
    assert pending.said == [f"{told}it does."] * 2
    pending.notes = []
    pending.look_at_submissions()
    assert pending.said[2:] == ["SLURM takes jobs again."]


def test_a_short_outage_is_not_reported(pending):
    pending.notes = [Note(TRANSIENT, "Socket timed out", CALL[4])]
    pending.look_at_submissions()
    pending.notes = []
    pending.look_at_submissions()
    assert pending.said == []


def test_a_refusal_ends_the_run_after_its_running_jobs(pending):
    pending.notes = [Note(REFUSED, reason_of(PARTITION), CALL[4])] * 2
    pending._jobs.in_slurm = {"12": "zonal_stats ppt 1999"}
    ends = []
    pending._end = lambda: ends.append(len(pauses))
    pauses = []

    def pause(seconds):
        pauses.append(seconds)
        if len(pauses) == 3:
            pending._jobs.in_slurm = {}

    pending.follow(pause)
    assert ends == [3]
    assert len(pending.said) == 1
    assert "SLURM refuses zonal_stats ppt_2000: invalid partition specified: nope" in pending.said[0]


@pytest.mark.parametrize(
    "reason",
    [
        "PartitionTimeLimit", "QOSMaxWallDurationPerJobLimit", "AssocMaxCpuPerJobLimit", "AssocGrpCPUMinutesLimit",
        "ReqNodeNotAvail, Reserved for maintenance", "DependencyNeverSatisfied", "JobHeldUser", "JobHeldAdmin",
        "launch failed requeued held", "PartitionDown", "BadConstraints", "PartitionConfig", "MaxMemPerLimit",
        "NodeDown", "AssocGrpWallLimit", "QOSMaxCpuPerNode", "QOSTimeLimit", "ReservationDeleted",
        "RequiresReservation",
    ],
)  # fmt: skip
def test_a_reason_that_does_not_pass_is_reported_once(pending, reason):
    pending.queue = [("12", reason, "zonal_stats ppt_2000"), ("13", "Priority", "zonal_stats ppt_2001")]
    pending.look_at_queue()
    assert pending.said == []  # it may just have begun
    pending.look_at_queue()
    pending.look_at_queue()
    (told,) = pending.said
    assert told.startswith(f"1 job waits in the queue and cannot start unless something changes ({reason}): ")
    assert told.endswith("zonal_stats ppt_2000 (SLURM job 12)")
    assert 2 * QUEUE_TICKS * 2 <= 180  # seconds until the second look


@pytest.mark.parametrize(
    "reason",
    [
        "Priority",
        "Resources",
        "None",
        "AssocGrpJobsLimit",
        "QOSMaxJobsPerUserLimit",
        "QOSGrpCpuLimit",
        "Dependency",
        "AssocMaxJobsLimit",
        "QOSGrpNodeLimit",
        "QOSJobLimit",
        "Licenses",
        "ReqResv",
        "Cleaning",
    ],
)
def test_a_reason_that_passes_is_not_reported(reason):
    assert lasting(reason) == ""


def test_a_note_that_is_being_written_is_not_read(lab):
    lab.commands.folder.joinpath("note-1.json").write_text("{")
    lab.commands.folder.joinpath("note-2.json").write_text(json.dumps({"kind": LIMIT, "reason": "r", "comment": "c"}))
    assert lab.commands.notes() == [Note(LIMIT, "r", "c")]


# ------------------------------------------------------------------------------------------- what a job does without


def test_a_job_starts_the_lighter_snakemake(lab):
    lab.answers("17")
    arguments = [*CALL[:-1], "--wrap=/env/bin/python -m snakemake --snakefile 'my -m snakemake file' --mode remote"]
    assert submit.Submission(str(lab.bin / "sbatch"), lab.commands.folder, os.getpid(), arguments).run(1) == 0
    job = Path(submit.__file__).with_name("job.py")
    assert lab.calls[0].endswith(f"/env/bin/python {job} --snakefile 'my -m snakemake file' --mode remote")


def test_the_lighter_snakemake_imports_neither_pandas_nor_the_submitting_plugin():
    code = (
        "import gc, sys; from zonalflow.cluster.job import lighten; lighten(sys.modules)\n"
        "import snakemake.cli, nbformat\n"
        "from snakemake_interface_executor_plugins.registry import ExecutorPluginRegistry\n"
        "print(sorted(ExecutorPluginRegistry().plugins), sys.modules['pandas'], vars(nbformat).get('reads'))\n"
        "print(gc.isenabled())\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(submit.__file__).parents[2])}
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert ended.stdout.strip().endswith("'slurm-jobstep', 'touch'] None None\nFalse"), ended


def test_the_rules_import_what_a_job_does_without_nowhere():
    rules = Path(__file__).resolve().parents[2] / "workflow/rules/common.smk"
    lines = [line for line in rules.read_text().splitlines() if line.startswith("from zonalflow.")]
    assert len(lines) > 5
    code = "\n".join(["import sys; from zonalflow.cluster.job import lighten; lighten(sys.modules)", *lines])
    environment = os.environ | {"PYTHONPATH": str(Path(submit.__file__).parents[2])}
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert ended.returncode == 0, ended.stderr


# ------------------------------------------------------------------------------------------------ questions about jobs


def ask(lab, looks, known=""):
    """Ask as the plugin does, of a queue that changes at each pause; return the answer and the seconds waited."""
    (lab.commands.folder / "reported").write_text(known)
    lab.queue.write_text(looks[0])
    (lab.bin / "squeue").write_text(f"#!/bin/sh\ncat {lab.queue}\n")
    waited = []

    def pause(seconds):
        waited.append(seconds)
        lab.queue.write_text(looks[min(len(looks) - 1, int(sum(waited)))])

    arguments = ["--format=%i|%T", "--states=all", "--noheader", "--name", "run-1"]
    assert submit.query(str(lab.bin / "squeue"), lab.commands.folder, arguments, pause) == 0
    return sum(waited)


RUNNING, ENDED = "12|RUNNING\n13|PENDING\n", "12|COMPLETED\n13|RUNNING\n"


def test_a_query_is_answered_once_a_job_has_ended(lab, capsys):
    assert ask(lab, [ENDED]) == 0
    assert ask(lab, [RUNNING, RUNNING, ENDED]) == 1 + 2  # asked again after 1 and 2 seconds
    assert capsys.readouterr().out == ENDED * 2


def test_what_was_answered_is_no_news(lab, capsys):
    assert ask(lab, [ENDED], known="12\n") == 1 + 2 + 3 + 4 + 5 + 6 + 7 + 8 + 9  # 45 seconds without news
    assert ask(lab, [ENDED], known="12\n13\n11\n") == 45
    assert ask(lab, [ENDED + "14|FAILED\n"], known="12\n") == 0


def test_the_end_of_the_run_ends_a_question(lab):
    lab.commands.end()
    assert ask(lab, [RUNNING]) == 0
