"""The terminal: one line a job, instead of one file name after another.

Snakemake's own display lists every input, output and reason of each job, which for a summary over 21 years is a page.
Its complete account stays in ``.snakemake/log/``; ``--verbose`` brings it back to the terminal. A failed job is told of
by :mod:`zonalflow.watch`.
"""

import logging
import time

_SILENT = ("workflow_started", "job_error", "shellcmd", "rulegraph", "job_started")  # events
# beginnings of texts that tell a user nothing
_CHATTER = ("Building DAG of jobs", "Select jobs to execute", "RuleException:", "Provided resources:", "Reasons:")


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
        return "" if str(record.msg).lstrip().startswith(_CHATTER) else self._fallback.format(record)

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


def install(logger: logging.Logger, *, preview: bool) -> None:
    """Put a brief handler in the place of Snakemake's own one on the terminal."""
    for old in [handler for handler in logger.handlers if handler.name == "DefaultStreamHandler"]:
        new = Lines(old.stream)
        new.setFormatter(Brief(old.formatter, preview=preview))
        for condition in old.filters:
            new.addFilter(condition)
        logger.removeHandler(old)
        logger.addHandler(new)


class Lines(logging.StreamHandler):
    """Writes what has a text, and nothing for what has none; jobs announced together come by year."""

    def __init__(self, stream=None):
        super().__init__(stream)
        self._together: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, or keep it until those announced with it are known; called by logging."""
        try:
            text = self.format(record)
            if getattr(record, "event", None) == "job_info":
                self._together.append((record.rule_name, text))
                return
            self._write_together()
            if text:
                self._write(text)
        except Exception:  # a display must never end a run
            self.handleError(record)

    def _write_together(self) -> None:
        rules = list(dict.fromkeys(rule for rule, _ in self._together))
        for _, text in sorted(self._together, key=lambda item: (rules.index(item[0]), item[1])):
            self._write(text)
        self._together.clear()

    def _write(self, text: str) -> None:
        self.stream.write(text + self.terminator)
        self.flush()


def _clock() -> str:
    return time.strftime("%H:%M:%S")
