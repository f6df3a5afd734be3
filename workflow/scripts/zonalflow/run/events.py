"""Snakemake's reports on its jobs: log records with an ``event``, the interface of its logger plugins."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

ERROR, STARTED, PLAN = "error", "workflow_started", "run_info"


@dataclass(frozen=True)
class Announced:
    """A job begins, or in a preview would begin: its number, rule, wildcards, message, reason, logs and outputs.

    `local` tells a job that runs on this machine from one that is submitted to a cluster; not in a preview.
    """

    job: int
    rule: str
    wildcards: dict[str, str]
    message: str
    reason: str
    logs: list[str]
    output: list[str]
    local: bool = False
    is_target: bool = False  # does nothing of its own, such as `all`


@dataclass(frozen=True)
class Finished:
    """A job has succeeded."""

    job: int


@dataclass(frozen=True)
class Failed:
    """A job has failed; it may be tried again. `message` is the executor's, `logs` are the job's and the executor's."""

    job: int
    message: str = ""
    logs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Progress:
    """How many jobs of the run are done."""

    done: int
    total: int


@dataclass(frozen=True)
class Other:
    """Any other record: the name of its event, or an empty name for a plain text."""

    name: str


Event = Announced | Finished | Failed | Progress | Other


def event_of(record: logging.LogRecord) -> Event:
    """Return the event that a log record of Snakemake reports.

    Raises:
        KeyError: a record lacks what its event promises.
    """
    fields = vars(record)
    name = str(fields.get("event") or "")
    if name == "job_info":
        return Announced(
            fields["jobid"],
            str(fields["rule_name"]),
            {key: str(value) for key, value in dict(fields.get("wildcards") or {}).items()},
            str(fields.get("rule_msg") or fields["rule_name"]),
            str(fields.get("reason") or ""),
            [str(path) for path in fields.get("log") or ()],
            [str(path) for path in fields.get("output") or ()],
            bool(fields.get("local")),
            not fields.get("rule_msg"),
        )
    if name == "job_finished":
        return Finished(fields["job_id"])
    if name == "job_error":
        logs = tuple(str(path) for path in fields.get("log") or () if path)
        return Failed(fields["jobid"], str(fields.get("rule_msg") or ""), logs)
    if name == "progress":
        return Progress(fields["done"], fields["total"])
    return Other(name)


class CallOnce(logging.Handler):
    """Calls a function at the first log record with an event; what it raises ends the run."""

    def __init__(self, event: str, function: Callable[[], None]):
        super().__init__(logging.INFO)
        self._event = event
        self._function: Callable[[], None] | None = function

    def emit(self, record: logging.LogRecord) -> None:
        """Look at one record; called by logging."""
        if self._function is not None and event_of(record) == Other(self._event):
            function, self._function = self._function, None
            function()
