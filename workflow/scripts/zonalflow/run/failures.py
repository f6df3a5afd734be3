"""Why jobs failed, from SLURM's messages and their logs: each cause once, and one line for all jobs of one cause."""

import functools
import os
import re
import shlex
import shutil
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from zonalflow.cluster.submit import PREEMPTED, reason_of
from zonalflow.common.text import few
from zonalflow.run.events import Failed
from zonalflow.run.rule import MESSAGE

TAIL = 12  # lines of a failed job's log
GATHER = 3  # seconds in which jobs of one cause are gathered for one line
NAMED = 8  # jobs named in that line

Log = Callable[[str], None]
# what SLURM's states mean, and whether more time or memory may help
STATES = {
    "TIMEOUT": "exceeded its time limit",
    "OUT_OF_MEMORY": "exceeded its memory",
    "CANCELLED": "was cancelled",
    "NODE_FAIL": "ended because its node failed",
    "BOOT_FAIL": "ended because its node did not start",
    "DEADLINE": "missed its deadline",
    "FAILED": "ended with an error",
    PREEMPTED: "was ended in favour of a job of higher priority (PREEMPTED)",
}
_BY_SLURM = re.compile(r"^(slurm\w*|srun|sbatch): ")  # lines that SLURM writes into a job's output


@dataclass
class Job:
    """One of Snakemake's jobs, as far as it has come. `before` is what its logs were when this attempt began."""

    rule: str
    wildcards: dict[str, str]
    logs: list[str]
    output: list[str]
    local: bool = False
    slurm_id: str | None = None
    waits: bool = False  # to be submitted, or to begin
    failures: int = 0
    finished: bool = False
    before: dict[str, object] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What a user would call it: ``zonal_stats ppt 2005``."""
        return " ".join([self.rule, *self.wildcards.values()])

    def begin(self) -> None:
        """Note that an attempt begins: what its logs hold now is an earlier attempt's."""
        self.slurm_id, self.waits = None, True
        self.before = {path: state_of(path) for path in self.logs}


def state_of(path: str) -> object:
    """Return a value that changes when a file is written; opening the file makes NFS ask the server."""
    try:
        with Path(path).open("rb") as file:
            status = os.fstat(file.fileno())
        return status.st_mtime_ns, status.st_size, status.st_ino
    except OSError:
        return None


def read_tail(path: str) -> list[str]:
    """Return the last lines of a log; none if it cannot be read."""
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - 10_000))
            return log.read().splitlines()[-TAIL:]
    except OSError:
        return []


@dataclass(frozen=True)
class Account:
    """Why one attempt of a job failed: in one line, and what its logs say.

    `ours` is whether the job itself failed, so that running it alone may show more; otherwise SLURM ended it, or never
    accepted it. `told` is whether the job, on this machine, has already printed the reason on the terminal.
    """

    reason: str
    details: tuple[str, ...]
    ours: bool = True
    told: bool = False

    def cause(self, job: Job) -> tuple[str, ...]:
        """Return what all failures of one cause share: without numbers, and what differs between jobs of a rule."""
        texts = []
        names = sorted({_without_numbers(value) for value in job.wildcards.values()} - {"#"}, key=len, reverse=True)
        for text in (self.reason, self.details[-1] if self.ours and self.details else ""):
            texts.append(functools.reduce(lambda left, name: left.replace(name, "*"), names, _without_numbers(text)))
        return job.rule, *texts


def _without_numbers(text: str) -> str:
    return re.sub(r"\d+", "#", text)


def account_of(job: Job, failed: Failed) -> Account:
    """Return why a job failed, from the executor's message, and from its logs as far as this attempt wrote them."""
    if refused := re.search(r"SLURM sbatch failed\. The error message was '(.*?)'\.\n", failed.message, re.DOTALL):
        return Account(f"SLURM does not accept it: {reason_of(refused[1])}", (), ours=False)
    if error := re.search(r"Job submission failed with exception: (.*?)(For further error details|$)", failed.message):
        return Account(f"it could not be submitted: {error[1]}", (), ours=False)
    state = re.search(r"SLURM status is:\s+'(\w+)'", failed.message)
    reason = f"SLURM job {job.slurm_id} {STATES.get(state[1], f'ended as {state[1]}')}" if state else ""
    if state and state[1] in STATES and state[1] != PREEMPTED:
        reason += f" ({state[1]})"
    ours = not state or state[1] == "FAILED"
    own = [path for path in job.logs if state_of(path) not in (None, job.before.get(path))]
    others = [path for path in failed.logs if path not in job.logs and state_of(path)]
    details: list[str] = []
    for path in own:
        details += _end_of(path, read_tail(path))
    for path in others:
        lines = read_tail(path)
        said = [line for line in lines if _BY_SLURM.match(line)]
        details += [f"  {line}" for line in said] if own or not ours else _end_of(path, lines)
    if not details and ours:
        details = ["  It wrote no log."]
    told = job.local and any(line.lstrip().startswith(MESSAGE) for line in details)
    return Account(reason, tuple(details), ours, told)


def _end_of(path: str, lines: Sequence[str]) -> list[str]:
    return [f"  The end of {path}:", *(f"    {line}" for line in lines)] if lines else [f"  {path} is empty."]


def program_of(script: str) -> list[str]:
    """Return how the Snakemake that `script`, ``sys.argv[0]``, belongs to is called in the user's shell.

    ``snakemake`` where the shell finds that one, as in an active environment, else its path, as from ``make demo``.
    """
    found, path = shutil.which("snakemake"), Path(script)
    if path.name == "__main__.py":  # of python -m snakemake
        return [_from_here(sys.executable), "-m", "snakemake"]
    return ["snakemake"] if found and os.path.realpath(found) == os.path.realpath(path) else [_from_here(script)]


def _from_here(path: str) -> str:
    relative = os.path.relpath(path)
    return str(Path.cwd() / path) if relative.startswith("..") else relative


def command_alone(target: str, arguments: Sequence[str], program: Sequence[str] = ("snakemake",)) -> str:
    """Return the command that makes one file, the target first: an option may take all arguments that follow it."""
    return shlex.join([*program, target, *arguments])


def failure_message(
    job: Job, account: Account, arguments: Sequence[str], tries: int, program: Sequence[str] = ("snakemake",)
) -> str:
    """Return the message on a job that failed: why, the end of its log, and the command that runs it alone.

    `tries` is how often a job is tried.
    """
    left = tries - job.failures
    headline = f"{job.name} failed" + (f", attempt {job.failures} of {tries}" if tries > 1 else "")
    details = [f"  Its log: {', '.join(job.logs)}"] if account.told else account.details
    lines = [headline + (f": {account.reason}." if account.reason else "."), *details]
    if left > 0:
        lines.append("  It is tried again.")
    if account.ours and job.output:
        lines += ["  To run it alone:", f"    {command_alone(job.output[0], arguments, program)}"]
    return "\n".join(lines)


class Failures:
    """Reports failures: the first of each cause in full, and those that follow gathered in one line."""

    def __init__(self, log: Log, arguments: Sequence[str] = (), tries: int = 1, gather: float = GATHER):
        self.log = log
        self.arguments = arguments
        self.program = ["snakemake"]
        self.tries = tries
        self._gather = gather
        self._known: set[tuple[str, ...]] = set()
        self._waiting: dict[tuple[str, ...], list[str]] = {}
        self._lock = threading.RLock()

    def report(self, job: Job, failed: Failed) -> None:
        """Report that a job failed."""
        account = account_of(job, failed)
        cause = account.cause(job)
        with self._lock:
            if cause in self._known:
                again = " (again)" if job.failures > 1 else ""
                self._waiting.setdefault(cause, []).append(job.name + again)
                if len(self._waiting) == 1 and len(self._waiting[cause]) == 1:
                    timer = threading.Timer(self._gather, self.flush)
                    timer.daemon = True
                    timer.start()
                return
            self._known.add(cause)
            self.flush()
            self.log(failure_message(job, account, self.arguments, self.tries, self.program))

    def flush(self) -> None:
        """Report what has been gathered."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
            for names in waiting.values():
                self.log(f"Failed for the same cause: {few(dict.fromkeys(names), NAMED)}.")
