"""Faults of a disk in plain words: full, over quota, read-only, not yours to write."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from zonalflow.common.errors import PermanentFetchError


@contextlib.contextmanager
def disk_errors_explained(target: Path) -> Iterator[None]:
    """Turn a fault of the disk into a message: asking the server again would not mend it."""
    try:
        yield
    except OSError as error:
        reason = {
            errno.ENOSPC: "the disk is full",
            errno.EDQUOT: "your disk quota is used up",
            errno.EROFS: "the folder is read-only",
            errno.EACCES: "you may not write there",
        }.get(error.errno or 0, str(error))
        raise PermanentFetchError(
            f"cannot write {target}: {reason}; make room or choose another folder, then run again"
        ) from error


_DISK = {
    errno.ENOSPC: "the disk is full: make room",
    errno.EDQUOT: "your quota on this disk is used up: make room",
    errno.EROFS: "the folder is read-only: run where you may write",
    errno.EACCES: "you may not write there: change the folder's permissions, or run elsewhere",
    errno.EPERM: "you may not write there: change the folder's permissions, or run elsewhere",
}


def describe_disk_error(error: Exception) -> str | None:
    """Return what a disk's refusal means and what to do, None for any other error.

    Libraries report a full disk as all sorts of errors of their own: their words and the disk itself are asked.
    """
    where = getattr(error, "filename", None)
    reason = _DISK.get(getattr(error, "errno", None))
    if reason is None and (_mentions_full_disk(error) or _disk_is_full()):
        reason = _DISK[errno.ENOSPC]
    if reason is None:
        return None
    return f"{where or Path.cwd()}: {reason}, and run again: what is done is kept ({error})"


def _mentions_full_disk(error: BaseException | None) -> bool:
    while error is not None:
        if any(words in str(error).lower() for words in ("no space left", "disk is full", "disk full")):
            return True
        error = error.__cause__ or error.__context__
    return False


def _disk_is_full() -> bool:
    disk = os.statvfs(".")
    return disk.f_bavail * disk.f_frsize < 1 << 16
