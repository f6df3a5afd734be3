"""What a run tells its user: each failure with the command that repeats the job, and how the run ended.

Snakemake reports on its jobs through Python's logging (see :mod:`zonalflow.run.events`). :class:`Watch` is a handler
that gathers these records; everything else is a pure function.
"""

import logging
import re
import shlex
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zonalflow.run.events import Announced, Event, Failed, Finished, Other, event_of

TAIL = 12  # lines of a failed job's log

Log = Callable[[str], None]


@dataclass
class Job:
    """One of Snakemake's jobs, as far as it has come."""

    rule: str
    wildcards: dict[str, str]
    logs: list[str]
    output: list[str]
    slurm_id: str | None = None
    failures: int = 0
    finished: bool = False

    @property
    def name(self) -> str:
        """What a user would call it: ``zonal_stats ppt 2005``."""
        return " ".join([self.rule, *self.wildcards.values()])


class CallOnce(logging.Handler):
    """Calls a function at the first log record with an event; what it raises ends the run."""

    def __init__(self, event: str, function: Callable[[], None]):
        super().__init__(logging.INFO)
        self._event = event
        self._function: Callable[[], None] | None = function

    def emit(self, record: logging.LogRecord) -> None:
        """Look at one record; called by logging."""
        if event_of(record) == Other(self._event) and self._function is not None:
            function, self._function = self._function, None
            function()


class Watch(logging.Handler):
    """Gathers what happens to the jobs of a run, and reports a failure at once.

    `arguments` are those of the command line, without the targets; they go into the command that repeats one job.
    """

    def __init__(self, log: Log, arguments: Sequence[str] = ()):
        super().__init__(logging.INFO)
        self.log = log
        self.arguments = arguments
        self.jobs: dict[int, Job] = {}
        self.slurm_run: str | None = None  # the SLURM job name of all jobs of this run

    def emit(self, record: logging.LogRecord) -> None:
        """Take note of one record; called by logging."""
        try:
            self._note(event_of(record), record)
        except Exception:  # a display must never end a run
            self.handleError(record)

    def _note(self, event: Event, record: logging.LogRecord) -> None:
        if isinstance(event, Announced):
            known = self.jobs.get(event.job)
            job = Job(event.rule, event.wildcards, event.logs, event.output)
            if known is None or known.name != job.name:
                self.jobs[event.job] = job
        elif isinstance(event, Failed) and event.job in self.jobs:
            job = self.jobs[event.job]
            job.failures += 1
            job.slurm_id = None
            self.log(failure_message(job, self.arguments, read_tail))
        elif isinstance(event, Finished) and event.job in self.jobs:
            self.jobs[event.job].finished = True
        elif event == Other(""):
            self._note_text(str(record.msg))

    def _note_text(self, text: str) -> None:
        if match := re.match(r"SLURM run ID: (\S+)", text):
            self.slurm_run = match[1]
        match = re.match(r"Job (\d+) has been submitted with SLURM jobid (\d+)", text)
        if match and int(match[1]) in self.jobs:
            self.jobs[int(match[1])].slurm_id = match[2]

    @property
    def in_slurm(self) -> dict[str, str]:
        """The jobs that SLURM has and Snakemake waits for: number and name."""
        return {job.slurm_id: job.name for job in self.jobs.values() if job.slurm_id and not job.finished}


# ------------------------------------------------------------------------------------------------------- one failure


def read_tail(path: str) -> list[str]:
    """Return the last lines of a log; none if it cannot be read."""
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as log:
            log.seek(max(0, Path(path).stat().st_size - 10_000))
            return log.read().splitlines()[-TAIL:]
    except OSError:
        return []


def failure_message(job: Job, arguments: Sequence[str], tail: Callable[[str], list[str]]) -> str:
    """Return the message on a job that failed: the end of its log, and the command that runs it alone."""
    lines = [f"{job.name} failed" + (f" ({job.failures} times now)." if job.failures > 1 else ".")]
    for path in job.logs:
        last = tail(path)
        lines.append(f"  The end of {path}:" if last else f"  {path} is empty.")
        lines += [f"    {line}" for line in last]
    if job.output:
        lines += ["  To run it alone:", f"    {command_alone(job.output[0], arguments)}"]
    return "\n".join(lines)


def command_alone(target: str, arguments: Sequence[str]) -> str:
    """Return the command that makes one file. The target goes first: an option may take all arguments behind it."""
    return shlex.join(["snakemake", target, *arguments])


def without_targets(arguments: Sequence[str], targets: Iterable[str]) -> list[str]:
    """Return command line arguments without the targets among them."""
    left = list(arguments)
    for target in targets:
        if target in left:
            left.remove(target)
    return left


# --------------------------------------------------------------------------------------------------------- the whole


@dataclass(frozen=True)
class Years:
    """How each year asked for ended, as (variable, year) pairs."""

    done: tuple[tuple[str, str], ...]
    failed: tuple[tuple[str, str], ...]
    reused: tuple[tuple[str, str], ...]
    missing: tuple[tuple[str, str], ...]


def is_whole(path: str) -> bool:
    """Whether a job's output is there and Snakemake does not hold it for unfinished, as after an interruption."""
    marker = Path(".snakemake/incomplete", urlsafe_b64encode(path.encode()).decode())
    return Path(path).exists() and not marker.exists()


def sort_years(
    jobs: Iterable[Job], planned: Iterable[tuple[str, str]], whole: Callable[[tuple[str, str]], bool]
) -> Years:
    """Tell apart the years done now, failed, kept from an earlier run, and not started.

    `planned` are all years of the study; `whole` tells whether the result of one is there: Snakemake removes it before
    the job begins, and with ``--quiet progress`` does not say when a job has ended.
    """
    seen = {(job.wildcards["variable"], job.wildcards["year"]): job for job in jobs if job.rule == "zonal_stats"}
    kinds: dict[str, list[tuple[str, str]]] = {"done": [], "failed": [], "reused": [], "missing": []}
    for key in planned:
        job = seen.get(key)
        if job is None:
            kind = "reused" if whole(key) else "missing"
        else:
            kind = "done" if job.finished or whole(key) else "failed" if job.failures else "missing"
        kinds[kind].append(key)
    return Years(**{kind: tuple(keys) for kind, keys in kinds.items()})


def summary(years: Years, where: Mapping[str, str]) -> str:
    """Return how the run ended: the years, and where to look (title -> path)."""
    counts = f"{len(years.done)} done, {len(years.failed)} failed, {len(years.reused)} reused"
    lines = [f"years      {counts}" + (f", {len(years.missing)} not started" if years.missing else "")]
    lines += [f"  failed   {variable} {year}" for variable, year in years.failed]
    lines += [f"{title:<10} {path}" for title, path in where.items()]
    if years.failed or years.missing:
        lines.append("Run the same command again: it does only what is left.")
    return "\n".join(lines)
