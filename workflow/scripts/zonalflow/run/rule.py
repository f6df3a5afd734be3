"""The frame of every rule's script around its one function: Snakemake's parameters, the log, messages for errors."""

import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, TextIO, TypeVar

from zonalflow.common.disk import describe_disk_error
from zonalflow.common.errors import ZonalflowError
from zonalflow.common.memory import describe_memory_error
from zonalflow.common.offline import forbid_network
from zonalflow.common.text import printable

Log = Callable[[str], None]  # writes one line
T = TypeVar("T")
MESSAGE = "ERROR: "  # begins a message in a job's log which the job has written to stderr as well


def select(kind: type[T], *sources: Any) -> T:
    """Return a dataclass filled by the names of its fields from Snakemake's ``input``, ``output``, ``params``, ….

    A field that several sources have comes from the first. Lists of files become plain lists.

    Raises:
        AttributeError: no source has a field; the rule and its step do not agree.
    """
    values = {}
    for field in fields(kind):  # type: ignore[arg-type]  # every caller passes a dataclass
        source = next((source for source in sources if hasattr(source, field.name)), sources[0])
        value = getattr(source, field.name)
        values[field.name] = [str(path) for path in value] if hasattr(value, "_plainstrings") else value
    return kind(**values)


@contextmanager
def job_log(path: str) -> Iterator[Log]:
    """Open the job's log and yield a function that writes one line to it.

    A :class:`ZonalflowError`, and a disk that takes no more, end the process with a message in the log and on stderr
    and without a traceback: these are for the user to act on. Any other exception is ours: its traceback goes to the
    log, and its last line to stderr. Python's warnings go to the log as well.
    """
    started = time.perf_counter()
    forbid_network()
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        stream = Path(path).open("w", encoding="utf-8", buffering=1)  # noqa: SIM115 - closed below
    except OSError as error:
        _end(str(describe_disk_error(error) or error))

    def log(text: str) -> None:
        with suppress(OSError):  # a full disk has no room for this line either
            stream.write(printable(text) + "\n")

    def log_warning(
        message: Warning | str, category: type[Warning], filename: str, lineno: int,
        file: TextIO | None = None, line: str | None = None,
    ) -> None:  # fmt: skip
        log(f"{category.__name__}: {message}")

    with warnings.catch_warnings(), _closed_at_the_end(stream):
        warnings.showwarning = log_warning
        try:
            yield log
            log(f"done in {time.perf_counter() - started:.2f} s")
        except Exception as error:
            message = describe_memory_error(error) or describe_disk_error(error)
            message = message or (str(error) if isinstance(error, ZonalflowError) else None)
            log(f"{MESSAGE}{message}" if message else traceback.format_exc())
            _end(message or f"{type(error).__name__}: {error}\n  traceback in {path}")


@contextmanager
def _closed_at_the_end(stream: TextIO) -> Iterator[None]:
    try:
        yield
    finally:
        with suppress(OSError):  # a full disk does not take what is left to write
            stream.close()


def _end(message: str) -> None:
    print(f"zonalflow: {printable(message)}", file=sys.stderr)
    sys.exit(1)
