"""What every rule's script does around its one function call: keep a log, and end in words."""

import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from zonalflow.common.disk import describe_disk_error
from zonalflow.common.errors import ZonalflowError


@contextmanager
def job_log(path: str) -> Iterator[Callable[[str], None]]:
    """Open the job's log and yield a function that writes one line to it.

    A :class:`ZonalflowError` ends the process with its message, in the log and on stderr, and without a
    traceback: it is the user's to act on, and so is a disk that takes no more. Any other exception is ours: its
    traceback goes to the log, and its last line to stderr. Python's warnings go to the log as well.
    """
    started = time.perf_counter()
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        log = path.open("w", encoding="utf-8", buffering=1)
    except OSError as error:
        _end(str(describe_disk_error(error) or error))

    def say(text: str) -> None:
        with suppress(OSError):  # a disk that is full has no room for saying so
            log.write(text + "\n")

    def show_warning(message, category, filename, lineno, file=None, line=None):
        say(f"{category.__name__}: {message}")

    import warnings

    with warnings.catch_warnings():
        warnings.showwarning = show_warning
        try:
            yield say
            say(f"done in {time.perf_counter() - started:.2f} s")
        except Exception as error:
            words = describe_disk_error(error) or (str(error) if isinstance(error, ZonalflowError) else None)
            say(f"ERROR: {words}" if words else traceback.format_exc())
            _end(words or f"{type(error).__name__}: {error}\n  traceback in {path}")
        finally:
            with suppress(OSError):
                log.close()


def _end(words: str) -> None:
    print(f"zonalflow: {words}", file=sys.stderr)
    sys.exit(1)
