"""A run's reports to its user: each failure with its cause (:mod:`zonalflow.run.failures`), and how the run ended.

Snakemake reports on its jobs through Python's logging (see :mod:`zonalflow.run.events`). :class:`Watch` is a handler
that gathers these records; everything else is a pure function.
"""

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from zonalflow.run.events import Announced, Event, Failed, Finished, Other, event_of
from zonalflow.run.failures import Failures, Job
from zonalflow.run.sharing import is_whole

Log = Callable[[str], None]
NAMED = 30  # failed jobs that the end of a run lists


class Watch(logging.Handler):
    """Gathers what happens to the jobs of a run, and reports failures at once, until the run is interrupted."""

    def __init__(self, failures: Failures):
        super().__init__(logging.INFO)
        self.failures = failures
        self.interrupted = False
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
            job = Job(event.rule, event.wildcards, event.logs, event.output, event.local)
            if known is None or known.name != job.name:
                self.jobs[event.job] = job
            self.jobs[event.job].begin()
        elif isinstance(event, Failed) and event.job in self.jobs and not self.interrupted:
            job = self.jobs[event.job]
            job.failures += 1
            self.failures.report(job, event)
            job.slurm_id, job.waits = None, False
        elif isinstance(event, Finished) and event.job in self.jobs:
            self.jobs[event.job].finished = True
        elif event == Other(""):
            self._note_text(str(record.msg))

    def _note_text(self, text: str) -> None:
        if match := re.match(r"SLURM run ID: (\S+)", text):
            self.slurm_run = match[1]
        match = re.match(r"Job (\d+) has been submitted with SLURM jobid (\d+)", text)
        if match and int(match[1]) in self.jobs:
            job = self.jobs[int(match[1])]
            job.slurm_id, job.waits = match[2], False

    @property
    def in_slurm(self) -> dict[str, str]:
        """The jobs that SLURM has and Snakemake waits for: number and name."""
        return {job.slurm_id: job.name for job in self.jobs.values() if job.slurm_id and not job.finished}

    @property
    def here(self) -> list[str]:
        """The names of the jobs that run on this machine."""
        return [job.name for job in self.jobs.values() if job.local and job.waits and not job.finished]

    @property
    def to_submit(self) -> list[str]:
        """The names of the jobs that SLURM does not have yet."""
        return [job.name for job in self.jobs.values() if job.waits and not job.local and not job.finished]


def without_targets(arguments: Sequence[str], targets: Iterable[str]) -> list[str]:
    """Return command line arguments without the targets among them."""
    left = list(arguments)
    for target in targets:
        if target in left:
            left.remove(target)
    return left


# ------------------------------------------------------------------------------------------------------- the summary


@dataclass(frozen=True)
class Years:
    """How each year asked for ended, as (variable, year) pairs."""

    done: tuple[tuple[str, str], ...]
    failed: tuple[tuple[str, str], ...]
    reused: tuple[tuple[str, str], ...]
    missing: tuple[tuple[str, str], ...]


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


def other_failures(jobs: Iterable[Job], whole: Callable[[str], bool] = is_whole) -> list[Job]:
    """Return the jobs that failed at their last attempt and are not a year's statistics: fetches, index, report."""
    return [
        job
        for job in jobs
        if job.rule != "zonal_stats" and job.failures and not job.finished
        if not (job.output and all(whole(path) for path in job.output))
    ]


def summary(years: Years, others: Sequence[Job], where: Mapping[str, str], *, failed: bool) -> str:
    """Return how the run ended: the years, all that failed with its log, and where to look (title -> path).

    `others` are failed jobs besides the years; `failed` is whether the run ended with an error.
    """
    counts = f"{len(years.done)} done, {len(years.failed)} failed, {len(years.reused)} reused"
    lines = [f"years      {counts}" + (f", {len(years.missing)} not started" if years.missing else "")]
    if others:
        lines.append(f"others     {len(others)} failed")
    named = [(f"{variable} {year}", f"zonal_stats/{variable}_{year}.log") for variable, year in years.failed]
    logs = where.get("logs", "")
    rows = [(job.name, ", ".join(job.logs)) for job in others] + [(name, logs + log) for name, log in named]
    lines += [f"  failed   {name}   log: {log}" for name, log in rows[:NAMED]]
    if len(rows) > NAMED:
        lines.append(f"  failed   {len(rows) - NAMED} more")
    lines += [f"{title:<10} {path}" for title, path in where.items()]
    if failed:
        lines.append("Run the same command again: it does only what is left.")
    return "\n".join(lines)


def heading(*, failed: bool, seconds: float) -> str:
    """Return the first line of the block that closes a run."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{'ended with failures' if failed else 'finished'} after {minutes // 60}:{minutes % 60:02}:{rest:02}"


def interruption(years: Years) -> str:
    """Return the one line on a run that was interrupted: what is done, what is left, how to go on."""
    done, left = len(years.done) + len(years.reused), len(years.failed) + len(years.missing)
    rest = f"{left} left" if left else "the summary is left"
    return f"Interrupted: {done} of {done + left} years done, {rest}. Run the same command again: it does what is left."
