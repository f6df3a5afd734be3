"""What every rule's script does around its one function call: keep a log, and end in words."""

import errno
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from zonalflow.errors import ZonalflowError

_DISK = {
    errno.ENOSPC: "the disk is full: make room",
    errno.EDQUOT: "your quota on this disk is used up: make room",
    errno.EROFS: "the folder is read-only: run where you may write",
    errno.EACCES: "you may not write there: change the folder's permissions, or run elsewhere",
    errno.EPERM: "you may not write there: change the folder's permissions, or run elsewhere",
}


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
        _end(str(disk_words(error) or error))

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
            words = disk_words(error) or (str(error) if isinstance(error, ZonalflowError) else None)
            say(f"ERROR: {words}" if words else traceback.format_exc())
            _end(words or f"{type(error).__name__}: {error}\n  traceback in {path}")
        finally:
            with suppress(OSError):
                log.close()


def _end(words: str) -> None:
    print(f"zonalflow: {words}", file=sys.stderr)
    sys.exit(1)


def disk_words(error: Exception) -> str | None:
    """Return what a disk's refusal means and what to do, None for any other error.

    Libraries report a full disk as all sorts of errors of their own: their words and the disk itself are asked.
    """
    where = getattr(error, "filename", None)
    reason = _DISK.get(getattr(error, "errno", None))
    if reason is None and (_says_full(error) or _is_full()):
        reason = _DISK[errno.ENOSPC]
    if reason is None:
        return None
    return f"{where or Path.cwd()}: {reason}, and run again: what is done is kept ({error})"


def _says_full(error: BaseException | None) -> bool:
    while error is not None:
        if any(words in str(error).lower() for words in ("no space left", "disk is full", "disk full")):
            return True
        error = error.__cause__ or error.__context__
    return False


def _is_full() -> bool:
    disk = os.statvfs(".")
    return disk.f_bavail * disk.f_frsize < 1 << 16
