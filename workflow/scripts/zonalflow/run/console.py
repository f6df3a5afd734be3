"""The terminal: one line a job, instead of one file name after another.

Snakemake's own display lists every input, output and reason of each job, which for a summary over 21 years is a page.
Its complete account stays in ``.snakemake/log/``; ``--verbose`` brings it back to the terminal. A failed job is told of
by :mod:`zonalflow.run.watch`. On a terminal a last line shows how far the run is.
"""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

_SILENT = ("workflow_started", "job_error", "shellcmd", "rulegraph", "job_started")  # events
# beginnings of texts that tell a user nothing
_CHATTER = ("Building DAG of jobs", "Select jobs to execute", "RuleException:", "Provided resources:", "Reasons:")
# a preview locks nothing, and what stands in a run's way is told by :mod:`zonalflow.run.controller`
_LOCKED = "Error: Directory cannot be locked"


class Brief(logging.Formatter):
    """Formats Snakemake's log records (the interface of its logger plugins) for a reader.

    Args:
        fallback: the formatter of everything that is not about a job.
        preview: whether nothing runs, so that a job's line tells why it would.
    """

    def __init__(self, fallback: logging.Formatter | None = None, *, preview: bool):
        super().__init__()
        self._fallback = fallback or logging.Formatter()
        self._preview = preview
        self._names: dict[int, str] = {}
        self._finished: list[int] = []

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of one record; empty for one that is not shown."""
        event = getattr(record, "event", None)
        if event == "job_info":
            return self._job_info(record)
        if event == "job_finished":
            self._finished.append(record.job_id)
            return ""
        if event == "progress":
            return self._progress(record)
        if event in _SILENT:
            return ""
        text = str(record.msg).lstrip()
        if event == "error" and (ours := _our_message(text)):
            return ours
        if text.startswith(_CHATTER) or (self._preview and text.startswith(_LOCKED)):
            return ""
        return self._fallback.format(record)

    def _job_info(self, record) -> str:
        name = str(record.rule_msg or record.rule_name)
        self._names[record.jobid] = name
        if self._preview:
            return f"  {name:<60} {short_reason(str(record.reason))}".rstrip()
        return f"{_clock()}  start  {name}"

    def _progress(self, record) -> str:
        width = len(str(record.total))
        counts = f"{record.done:>{width}} of {record.total}"
        lines = [f"{_clock()}  done   {self._names.get(job, f'job {job}')}  ({counts})" for job in self._finished]
        self._finished.clear()
        return "\n".join(lines)


def _our_message(text: str) -> str:
    """Return our message in Snakemake's account of an error: without the place in the Snakefile that raised it."""
    lines = text[max(text.find("zonalflow: "), 0) :].splitlines()
    ends = [number for number, line in enumerate(lines) if line.startswith("  File ")]
    return "\n".join(lines[: min(ends, default=len(lines))]) if lines and lines[0].startswith("zonalflow: ") else ""


def short_reason(reason: str) -> str:
    """Return why a job runs without the names of files: ``Missing output files: a, b; …`` as ``output missing``."""
    words = {
        "Missing output files": "output missing",
        "Input files updated by another job": "after another job",
        "Updated input files": "input newer",
        "Params have changed since last execution": "configuration or code changed",
        "Set of input files has changed since last execution": "other inputs",
        "Code has changed since last execution": "script changed",
        "Forced execution": "forced",
    }
    heads = [part.partition(":")[0].strip() for part in reason.split("; ")]
    known = [words[head] for head in heads if head in words]
    # a job whose output is missing runs for that reason, whatever comes before it
    return known[0] if "output missing" in known[:1] else ", ".join(dict.fromkeys(known))


def is_silent(quiet: Iterable[object] | None) -> bool:
    """Whether ``--quiet`` asks for nothing but errors."""
    return any(str(kind).rpartition(".")[2].lower() == "all" for kind in quiet or ())


def install(logger: logging.Logger, *, preview: bool) -> None:
    """Put a brief handler in the place of Snakemake's own one on the terminal."""
    for old in [handler for handler in logger.handlers if handler.name == "DefaultStreamHandler"]:
        new = Lines(old.stream, None if preview or not old.stream.isatty() else Progress())
        new.setFormatter(Brief(old.formatter, preview=preview))
        for condition in old.filters:
            new.addFilter(condition)
        logger.removeHandler(old)
        logger.addHandler(new)


class Progress:
    """How far a run is, in one line: the jobs done, under way and failed, and the time since the first began."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._began: float | None = None
        self._done, self._total = 0, 0
        self._under_way: set[int] = set()
        self._failed: set[int] = set()

    def note(self, record: logging.LogRecord) -> None:
        """Take note of one of Snakemake's log records."""
        event = getattr(record, "event", None)
        if event == "job_info":
            self._began = self._clock() if self._began is None else self._began
            self._under_way.add(record.jobid)
            self._failed.discard(record.jobid)  # another try
        elif event == "job_finished":
            self._under_way.discard(record.job_id)
        elif event == "job_error":
            self._under_way.discard(record.jobid)
            self._failed.add(record.jobid)
        elif event == "progress":
            self._done, self._total = record.done, record.total

    def text(self, columns: int) -> str:
        """Return the line, of fewer than so many columns; empty before the first job and after the last."""
        if self._began is None or not (self._under_way or self._done < self._total):
            return ""
        full = 20 * self._done // max(self._total, 1)
        counts = f"{self._done} of {self._total or '…'} jobs done, {len(self._under_way)} under way"
        failed = f", {len(self._failed)} failed" if self._failed else ""
        minutes, seconds = divmod(int(self._clock() - self._began), 60)
        line = f"[{'#' * full}{'.' * (20 - full)}] {counts}{failed}, {minutes // 60}:{minutes % 60:02}:{seconds:02}"
        return line[: columns - 1]


class Lines(logging.StreamHandler):
    """Writes what has a text, and nothing for what has none; jobs announced together come by year.

    With `progress`, for a terminal, its line is the last one, and is kept up to date.
    """

    def __init__(self, stream=None, progress: Progress | None = None):
        super().__init__(stream)
        self._together: list[tuple[str, str]] = []
        self._progress = progress
        self._shown = False
        self._closed = threading.Event()
        self._updater: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, or keep it until those announced with it are known; called by logging."""
        try:
            text = self.format(record)
            if self._progress:
                self._progress.note(record)
            if getattr(record, "event", None) == "job_info":
                self._together.append((record.rule_name, text))
                return
            self._wipe()
            self._write_together()
            if text:
                self._write(text)
            self._draw()
        except Exception:  # a display must never end a run
            self.handleError(record)

    def close(self) -> None:
        """End the line that shows the progress."""
        self._closed.set()
        with self.lock:
            self._wipe()
        super().close()

    def _write_together(self) -> None:
        rules = list(dict.fromkeys(rule for rule, _ in self._together))
        for _, text in sorted(self._together, key=lambda item: (rules.index(item[0]), item[1])):
            self._write(text)
        self._together.clear()

    def _write(self, text: str) -> None:
        self.stream.write(text + self.terminator)
        self.flush()

    def _draw(self) -> None:
        line = self._progress.text(shutil.get_terminal_size().columns) if self._progress else ""
        if line:
            # back to the line's beginning, where a job's own words, which come from elsewhere, may begin
            self.stream.write(f"\x1b[2K{line}\r")
            self.flush()
            self._shown = True
            if self._updater is None:
                self._updater = threading.Thread(target=self._keep_up_to_date, daemon=True, name="zonalflow progress")
                self._updater.start()

    def _wipe(self) -> None:
        if self._shown:
            self.stream.write("\x1b[2K")
            self.flush()
            self._shown = False

    def _keep_up_to_date(self) -> None:
        while not self._closed.wait(1):
            with self.lock, suppress(OSError, ValueError):  # the terminal may be gone
                if self._shown and not self._closed.is_set():
                    self._draw()


def _clock() -> str:
    return time.strftime("%H:%M:%S")
