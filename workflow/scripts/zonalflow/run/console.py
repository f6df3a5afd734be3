"""The terminal: one line a job, instead of one file name after another.

Snakemake's own display lists every input, output and reason of each job, which for a summary over 21 years is a page.
The complete log stays in ``.snakemake/log/``; ``--verbose`` brings it back to the terminal. Failures are reported
by :mod:`zonalflow.run.watch`. On a terminal a last line shows how far the run is.
"""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TextIO

from zonalflow.run.events import ERROR, PLAN, Announced, Failed, Finished, Other, Progress, event_of

_HIDDEN = ("workflow_started", "shellcmd", "rulegraph", "job_started")  # events that are not shown
# beginnings of messages that do not help a user
_USELESS = (
    "Building DAG of jobs",
    "Select jobs to execute",
    "RuleException:",
    "Trying to restart job",
    "Provided resources:",
    "Reasons:",
    "Assuming unrestricted shared filesystem usage",
    "Using shell:",
    "Rules claiming more threads",
    "Conda environments: ignored",
    "Singularity containers: ignored",
    "Touching output file",
    "Elapsed time:",
    "Exiting because a job execution failed",
    "WorkflowError:\nAt least one job did not complete successfully",
)
_WHERE_THE_LOG_IS = "Complete log(s):"  # shown only after a failure
_CORES = "Provided cores:"  # shown only with Snakemake's advice on how to have more than one
# Snakemake's advice to use time stamps alone, which would miss results that are out of date
_ADVICE = ("Some jobs were triggered by provenance information", "Rules with provenance triggered jobs:")
# a preview locks nothing, and :mod:`zonalflow.run.controller` reports another process of the run
_LOCKED = "Error: Directory cannot be locked"
_DRY_RUN = "This was a dry-run"
_REASONS = {
    "Missing output files": "output missing",
    "Input files updated by another job": "after another job",
    "Updated input files": "input newer",
    "Params have changed since last execution": "configuration or code changed",
    "Set of input files has changed since last execution": "other inputs",
    "Code has changed since last execution": "script changed",
    "Forced execution": "",
}


class Brief(logging.Formatter):
    """Formats Snakemake's log records for a reader.

    Args:
        fallback: the formatter of everything that is not about a job.
        preview: whether nothing runs, so that a job's line tells why it would.
        explain: returns why the files of a job are out of date, if they are.
        starts: whether a job's start has a line; not where a line of progress shows how many jobs run.
    """

    def __init__(
        self,
        fallback: logging.Formatter | None = None,
        *,
        preview: bool,
        explain: Callable[[list[str]], str] = lambda files: "",
        starts: bool = True,
    ):
        super().__init__()
        self._fallback = fallback or logging.Formatter()
        self._preview = preview
        self._explain = explain
        self._starts = starts
        self._planned = self._failed = False
        self._names: dict[int, str] = {}
        self._finished: list[int] = []

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of one record; empty for one that is not shown."""
        event = event_of(record)
        if isinstance(event, Announced):
            return self._announced(event)
        if isinstance(event, Finished):
            self._finished.append(event.job)
            return ""
        if isinstance(event, Progress):
            return self._progress(event)
        if isinstance(event, Failed):
            self._failed = True
        if isinstance(event, Failed) or event.name in _HIDDEN:
            return ""
        if event.name == PLAN:  # a preview has it twice
            self._planned, planned = True, self._planned
            return "" if planned else self._text(event, record)
        return self._text(event, record)

    def _announced(self, job: Announced) -> str:
        if job.is_target:
            return ""
        self._names[job.job] = job.message
        if self._preview:
            return f"  {job.message:<60} {self._explain(job.output) or short_reason(job.reason)}".rstrip()
        return f"{_clock()}  start  {job.message}" if self._starts else ""

    def _progress(self, progress: Progress) -> str:
        width = len(str(progress.total))
        counts = f"{progress.done:>{width}} of {progress.total}"
        names = [self._names[job] for job in self._finished if job in self._names]
        lines = [f"{_clock()}  done   {name}  ({counts})" for name in names]
        self._finished.clear()
        return "\n".join(lines)

    def _text(self, event: Other, record: logging.LogRecord) -> str:
        text = str(record.msg).lstrip()
        self._failed |= event.name == ERROR
        if event.name == ERROR and (ours := _our_message(text)):
            return ours
        if text.startswith(_USELESS + _ADVICE) or (self._preview and text.startswith(_LOCKED)):
            return ""
        if (text.startswith(_WHERE_THE_LOG_IS) and not self._failed) or (text.startswith(_CORES) and "--" not in text):
            return ""
        if text.startswith(_DRY_RUN):
            return "Nothing was changed: this was a preview."
        return self._fallback.format(record)


def _our_message(text: str) -> str:
    """Return our message in Snakemake's account of an error: without the place in the Snakefile that raised it."""
    lines = text[max(text.find("zonalflow: "), 0) :].splitlines()
    ends = [number for number, line in enumerate(lines) if line.startswith("  File ")]
    return "\n".join(lines[: min(ends, default=len(lines))]) if lines and lines[0].startswith("zonalflow: ") else ""


def short_reason(reason: str) -> str:
    """Return why a job runs without the names of files: ``Missing output files: a, b; …`` as ``output missing``."""
    heads = [part.partition(":")[0].strip() for part in reason.split("; ")]
    known = [_REASONS[head] for head in heads if head in _REASONS]
    # a job whose output is missing runs for that reason, whatever comes before it
    return known[0] if "output missing" in known[:1] else ", ".join(dict.fromkeys(known))


def is_silent(quiet: Iterable[object] | None, *, preview: bool = False) -> bool:
    """Whether ``--quiet`` asks for less than an account of the whole run: ``all``, or ``rules progress``."""
    kinds = {str(kind).rpartition(".")[2].lower() for kind in quiet or ()}
    return "all" in kinds or ({"rules", "progress"} <= kinds and not preview)


def install(logger: logging.Logger, *, preview: bool, explain: Callable[[list[str]], str] = lambda files: "") -> None:
    """Replace Snakemake's own handler for the terminal by a brief one; the arguments are those of `Brief`."""
    for old in [handler for handler in logger.handlers if handler.name == "DefaultStreamHandler"]:
        if not isinstance(old, logging.StreamHandler):
            continue
        progress = None if preview or not old.stream.isatty() else ProgressLine()
        new = Lines(old.stream, progress)
        new.setFormatter(Brief(old.formatter, preview=preview, explain=explain, starts=progress is None))
        for condition in old.filters:
            new.addFilter(condition)
        logger.removeHandler(old)
        logger.addHandler(new)


def show_only_ours(logger: logging.Logger) -> None:
    """Show only our own messages from now on: Snakemake's messages on an interrupted run do not help a user."""
    for handler in logger.handlers:
        if isinstance(handler, Lines):
            handler.addFilter(lambda record: str(record.msg).lstrip().startswith("zonalflow: "))
            handler.without_progress()


class ProgressLine:
    """How far a run is, in one line: the jobs done, running and failed, and the time since the first began."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._began: float | None = None
        self._done, self._total = 0, 0
        self._running: set[int] = set()
        self._failed: set[int] = set()

    def note(self, record: logging.LogRecord) -> None:
        """Take note of one of Snakemake's log records."""
        event = event_of(record)
        if isinstance(event, Announced):
            self._began = self._clock() if self._began is None else self._began
            self._running.add(event.job)
            self._failed.discard(event.job)  # another attempt
        elif isinstance(event, Finished):
            self._running.discard(event.job)
        elif isinstance(event, Failed):
            self._running.discard(event.job)
            self._failed.add(event.job)
        elif isinstance(event, Progress):
            self._done, self._total = event.done, event.total

    def text(self, columns: int) -> str:
        """Return the line, of fewer than so many columns; empty before the first job and after the last."""
        if self._began is None or not (self._running or self._done < self._total):
            return ""
        full = 20 * self._done // max(self._total, 1)
        counts = f"{self._done} of {self._total or '…'} jobs done, {len(self._running)} running"
        failed = f", {len(self._failed)} failed" if self._failed else ""
        minutes, seconds = divmod(int(self._clock() - self._began), 60)
        line = f"[{'#' * full}{'.' * (20 - full)}] {counts}{failed}, {minutes // 60}:{minutes % 60:02}:{seconds:02}"
        return line[: columns - 1]


class Lines(logging.StreamHandler[TextIO]):
    """Writes what has a text, and nothing for what has none; jobs announced together come by year.

    With `progress`, for a terminal, its line is the last one, and is kept up to date.
    """

    def __init__(self, stream: TextIO | None = None, progress: ProgressLine | None = None):
        super().__init__(stream)
        self._together: list[tuple[str, str]] = []
        self._progress = progress
        self._shown = self._ended_blank = False
        self._closed = threading.Event()
        self._updater: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, or keep it until those announced with it are known; called by logging."""
        try:
            text = self.format(record)
            if self._progress:
                self._progress.note(record)
            event = event_of(record)
            if isinstance(event, Announced):
                self._together.append((event.rule, text))
                return
            self._erase()
            self._write_together()
            if text:
                self._write(text)
            self._draw()
        except Exception:  # a display must never end a run
            self.handleError(record)

    def close(self) -> None:
        """End the line that shows the progress."""
        self._closed.set()
        with suppress(OSError, ValueError):  # the terminal may be closed
            self._erase()
        super().close()

    def _write_together(self) -> None:
        rules = list(dict.fromkeys(rule for rule, _ in self._together))
        for _, text in sorted(self._together, key=lambda item: (rules.index(item[0]), item[1])):
            if text:
                self._write(text)
        self._together.clear()

    def _write(self, text: str) -> None:
        if self._ended_blank:  # one blank line between two blocks
            text = text.removeprefix("\n")
        self.stream.write(text + self.terminator)
        self._ended_blank = text.endswith("\n")
        self.flush()

    def _draw(self) -> None:
        line = self._progress.text(shutil.get_terminal_size().columns) if self._progress else ""
        if line:
            # back to the line's beginning, where the output of a job, which comes from elsewhere, may begin
            self.stream.write(f"\x1b[2K{line}\r")
            self.flush()
            self._shown = True
            if self._updater is None:  # no thread before there is something to show
                self._updater = threading.Thread(target=self._keep_up_to_date, daemon=True, name="zonalflow progress")
                self._updater.start()

    def without_progress(self) -> None:
        """Stop showing the line of progress; its last text stays until the next record."""
        self._closed.set()
        self._progress = None

    def _erase(self) -> None:
        if self._shown:
            self.stream.write("\x1b[2K")
            self.flush()
            self._shown = False

    def _keep_up_to_date(self) -> None:
        while not self._closed.wait(1):
            self.acquire()
            try:
                if self._shown and not self._closed.is_set():
                    self._draw()
            except (OSError, ValueError):  # the terminal may be closed
                return
            finally:
                self.release()


def _clock() -> str:
    return time.strftime("%H:%M:%S")
