"""`sbatch` and `squeue` as the controlling process sees them: transient errors cost a wait, and no attempt of a job.

The executor plugin gives a job up when `sbatch` fails once, and waits forever for a preempted job. So the controlling
process puts commands of the same names before SLURM's own on its PATH (see :mod:`zonalflow.cluster.commands`); they run
this module, which needs the standard library only. It calls SLURM's own command, and

- submits again, after growing pauses, if SLURM does not answer or takes no more jobs of an account at present;
- never submits twice: a job whose submission was accepted but not confirmed is found in the queue;
- keeps a submission that SLURM refuses for good until the run ends, so that Snakemake does not delete earlier results;
- lets each job start Snakemake by :mod:`zonalflow.cluster.job`, which takes two thirds of the time;
- reports a preempted job as failed, which makes Snakemake submit it again;
- answers a query about the jobs when one has ended, instead of at once: the plugin would ask again only 10 s later.

In the folder of these commands each waiting or refused submission has a file, which the controlling process reads.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

TRANSIENT, LIMIT, REFUSED = "transient", "limit", "refused"
# files in the folder: the run ends; the numbers of all jobs submitted, and of those whose end the plugin knows
ENDED, SUBMITTED, REPORTED = "ended", "submitted", "reported"
LONGEST_ANSWER = 45  # seconds until the plugin gets an answer without news; it gives up after 60
_ENDS = "COMPLETED|CANCELLED|FAILED|TIMEOUT|OUT_OF_MEMORY|NODE_FAIL|PREEMPTED|BOOT_FAIL|DEADLINE"
LONGEST_PAUSE = {TRANSIENT: 60, LIMIT: 15}  # seconds
# the state that `squeue` reports for a preempted job: the plugin takes it for a failure, and SLURM itself never uses it
PREEMPTED = "ERROR"
# SLURM's texts (src/common/slurm_errno.c) for a controller that does not answer, is starting, or is overloaded
_TRANSIENT = re.compile(
    r"timed out|Unable to contact slurm controller|Connection (refused|reset)|Zero Bytes were transmitted"
    r"|temporarily un(able|available)|Communication (connection|shutdown)|endpoint is not connected"
    r"|(controller|Slurm).* (in standby|not responding|is starting)|(?i:munge)|Protocol authentication error"
    r"|Unable to (connect|resolve)|Resource temporarily|Slurm(dbd|ctld) .*(down|not)|accounting_storage.*not respond",
    re.IGNORECASE,
)
# limits on the number of jobs of an account, which no longer apply once its jobs end; all other limits last
_LIMIT = re.compile(r"\b(?:Assoc|QOS)\w*SubmitJob\w*Limit")
_ANY_LIMIT = re.compile(r"violates accounting/QOS policy")
_NAMED_LIMIT = re.compile(r"\b(?:Assoc|QOS)\w+Limit|\b(?:Assoc|QOS)(?:Grp|Max|Min)\w+")


def kind_of_refusal(message: str, has_jobs: Callable[[], bool]) -> str:
    """Return the kind of an error of `sbatch`: transient, a limit on the number of jobs, or refused for good.

    `message` is what it printed. `has_jobs` returns whether the user has jobs in the queue: without any, a limit that
    SLURM does not name cannot be one on their number.
    """
    if _LIMIT.search(message) or (_ANY_LIMIT.search(message) and not _NAMED_LIMIT.search(message) and has_jobs()):
        return LIMIT
    return TRANSIENT if _TRANSIENT.search(message) else REFUSED


def reason_of(message: str) -> str:
    """Return the reason in what `sbatch` printed, in one line: ``AssocMaxSubmitJobLimit``, ``Invalid partition …``."""
    if limit := _NAMED_LIMIT.search(message):
        return limit[0]
    lines = [re.sub(r"^(sbatch: )?((error|fatal): )?", "", line.strip()) for line in message.splitlines()]
    lines = [line.removeprefix("Batch job submission failed: ") for line in lines if line]
    return "; ".join(dict.fromkeys(lines)) or "no reason given"


def option(arguments: Sequence[str], name: str) -> str:
    """Return the value of an option of a command line, empty if it is not there."""
    return next((value for key, value in pairwise(arguments) if key == name), "")


class Submission:
    """One call of `sbatch`.

    Args:
        command: the path of SLURM's own `sbatch`.
        folder: where the commands lie and leave notes.
        owner: the number of the controlling process; without it nothing is submitted any more.
        arguments: those of the call.
    """

    def __init__(self, command: str, folder: Path, owner: int, arguments: Sequence[str]):
        self._command = command
        self._folder = folder
        self._owner = owner
        self._arguments = [_lighter(argument) for argument in arguments]
        self._comment = option(arguments, "--comment")
        self._note = folder / f"note-{os.getpid()}.json"

    def run(self, attempts: int, pause: Callable[[float], None] = time.sleep) -> int:
        """Submit, again after transient errors; return the exit status, and print what the plugin expects."""
        script = sys.stdin.buffer.read() if "/dev/stdin" in self._arguments else b""
        unconfirmed, message = False, ""
        try:
            for attempt in range(attempts):
                if self._run_has_ended():
                    break
                if unconfirmed and (number := self._unknown_job()):
                    return self._succeed(number)
                answer = subprocess.run([self._command, *self._arguments], input=script, capture_output=True)
                if answer.returncode == 0:
                    return self._succeed(answer.stdout.decode())
                message = answer.stderr.decode(errors="replace") or answer.stdout.decode(errors="replace")
                kind = kind_of_refusal(message, _has_jobs)
                if kind == REFUSED:
                    self._hold(message, pause)
                    break
                unconfirmed = unconfirmed or kind == TRANSIENT
                self._tell(kind, message)
                self._sleep(min(2.0 ** min(attempt, 10), LONGEST_PAUSE[kind]), pause)
        finally:
            self._note.unlink(missing_ok=True)
        print(message or "sbatch: error: the run has ended, and submits no more jobs", file=sys.stderr)
        return 1

    def _run_has_ended(self) -> bool:
        """Whether the run has ended, so that no process would follow a job submitted now."""
        return (self._folder / ENDED).exists() or not Path(f"/proc/{self._owner}").exists()

    def _succeed(self, number: str) -> int:
        with (self._folder / SUBMITTED).open("a") as known:  # one short line: appended whole
            known.write(f"{number.strip().split(';')[0]}\n")
        print(number.strip())
        return 0

    def _unknown_job(self) -> str:
        """Return the number of the job that SLURM accepted without confirming it, empty if there is none."""
        name = option(self._arguments, "--job-name")
        answer = _ask("squeue", "--noheader", "--states=all", f"--name={name}", "--format=%A|%k")
        known = _lines(self._folder / SUBMITTED)
        rows = (row.partition("|") for row in answer.splitlines())
        return next((number for number, _, comment in rows if comment == self._comment and number not in known), "")

    def _hold(self, message: str, pause: Callable[[float], None]) -> None:
        """Wait for the end of the run, so that Snakemake keeps earlier results of this job.

        A later attempt does not wait: Snakemake removed these results before the first one.
        """
        attempt = re.search(r"--attempt (\d+)", " ".join(self._arguments))
        if attempt and int(attempt[1]) > 1:
            return
        self._tell(REFUSED, message)
        while not self._run_has_ended():
            pause(0.5)

    def _tell(self, kind: str, message: str) -> None:
        note = {"kind": kind, "reason": reason_of(message), "comment": self._comment}
        hidden = self._note.with_suffix(".tmp")
        hidden.write_text(json.dumps(note))
        hidden.replace(self._note)

    def _sleep(self, seconds: float, pause: Callable[[float], None]) -> None:
        while seconds > 0 and not self._run_has_ended():
            pause(min(seconds, 1.0))
            seconds -= 1.0


def _lighter(argument: str) -> str:
    """Let a job start Snakemake by :mod:`zonalflow.cluster.job`."""
    job = shlex.quote(str(Path(__file__).with_name("job.py")))
    return argument.replace(" -m snakemake ", f" {job} ", 1) if argument.startswith("--wrap=") else argument


def _lines(path: Path) -> set[str]:
    return set(path.read_text().split()) if path.exists() else set()


def _ask(*command: str) -> str:
    """Return what a command prints; nothing if it fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _has_jobs() -> bool:
    return bool(_ask("squeue", "--noheader", "--me", "--format=%A").strip())


def query(command: str, folder: Path, arguments: Sequence[str], pause: Callable[[float], None] = time.sleep) -> int:
    """Run `squeue`, and report preempted jobs as failed; return its exit status.

    A query of the plugin, for numbers and states, is answered when a job has ended: SLURM is asked again after 1, 2, 3
    and at most 10 s.
    """
    of_plugin = any(argument.endswith("%i|%T") for argument in arguments)
    waited, step = 0, 1
    while True:
        answer = subprocess.run([command, *arguments], stdout=subprocess.PIPE)
        text = answer.stdout.decode(errors="replace")
        ended = set(re.findall(rf"(?m)^(\w+)\|(?:{_ENDS}) *$", text)) - _lines(folder / REPORTED)
        if not of_plugin or answer.returncode or ended or waited >= LONGEST_ANSWER or (folder / ENDED).exists():
            break
        for _ in range(2 * step):
            if not (folder / ENDED).exists():
                pause(0.5)
        waited, step = waited + step, min(step + 1, 10)
    if of_plugin and ended:
        with (folder / REPORTED).open("a") as known:
            known.write("\n".join([*sorted(ended), ""]))
    sys.stdout.write(re.sub(r"(?m)\|PREEMPTED *$", f"|{PREEMPTED}", text))
    return answer.returncode


def main(command: str, folder: str, owner: int, attempts: int, arguments: Sequence[str]) -> int:
    """Do what the command of the same name does; called by the commands that a run writes."""
    path = os.environ.get("PATH", "").split(os.pathsep)
    os.environ["PATH"] = os.pathsep.join(entry for entry in path if entry != folder)
    try:
        if Path(command).name == "squeue":
            return query(command, Path(folder), arguments)
        return Submission(command, Path(folder), owner, arguments).run(attempts)
    except (
        KeyboardInterrupt
    ):  # Ctrl-C reaches all processes of the terminal; the controlling process prints the message
        return 130
