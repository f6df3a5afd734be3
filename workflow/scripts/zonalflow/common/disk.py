"""Messages for a disk that is full, over quota or read-only, and for folders that the user may not write to."""

import contextlib
import errno
import os
import pwd
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from zonalflow.common.errors import PermanentFetchError, ZonalflowError

_ADVICE = {
    errno.ENOSPC: "the disk is full: make room",
    errno.EDQUOT: "your quota on this disk is used up: make room",
    errno.EROFS: "the folder is read-only: run where you may write",
    errno.EACCES: "you may not write there: change the folder's permissions, or run elsewhere",
    errno.EPERM: "you may not write there: change the folder's permissions, or run elsewhere",
}
# the last two come from SQLite; GDAL does not pass on the cause
_FULL = (
    "no space left", "disk is full", "disk full", "failed to commit transaction", "no such table: gpkg_contents",
)  # fmt: skip
_NEARLY_FULL = 1 << 16  # bytes: a disk with less free space counts as full


@contextlib.contextmanager
def disk_errors_explained(target: Path) -> Iterator[None]:
    """Turn an OSError of the block, which writes `target`, into a message that says what to do.

    Raises:
        PermanentFetchError: in place of the OSError; another request to the server would not help.
    """
    try:
        yield
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, f"{error}: make room or choose another folder")
        raise PermanentFetchError(f"cannot write {target}: {advice}, and run again") from error


def check_writable(paths: Iterable[str]) -> None:
    """Check that this user may create all of `paths`, with the folders that are missing.

    Raises:
        ZonalflowError: naming the folder, its owner and what to ask for.
        OSError: the disk is read-only.
    """
    for folder in dict.fromkeys(_nearest_folder(Path(path)) for path in paths):
        if os.statvfs(folder).f_flag & os.ST_RDONLY:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(folder))
        if not os.access(folder, os.W_OK | os.X_OK):
            owner = str(folder.stat().st_uid)
            with contextlib.suppress(KeyError):
                owner = pwd.getpwuid(int(owner)).pw_name
            raise ZonalflowError(
                f"you may not write in {folder}/, which belongs to {owner}. Ask for the right to write there, for a "
                f"group that you share: chgrp -R GROUP {folder} && chmod -R g+rwX {folder}; or run in a copy of the "
                "project's folder"
            )


def _nearest_folder(path: Path) -> Path:
    return next((parent for parent in path.absolute().parents if parent.is_dir()), Path("/"))


def make_private_folder(folder: Path) -> None:
    """Make a folder for files of this user alone, such as one in /tmp, unless it exists.

    Raises:
        PermissionError: it is a link, or another user owns it or may write to it.
        OSError: it cannot be made.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise PermissionError("it is a link, or belongs to, or is open to, another user")


def describe_disk_error(error: Exception) -> str | None:
    """Return what a disk's error means and what to do, None for any other error.

    Libraries report a full disk as many kinds of error, so the text of the error and the free space count as well.
    """
    number = error.errno if isinstance(error, OSError) else None
    advice = _ADVICE.get(number or 0)
    if advice is None and (_mentions_full_disk(error) or _disk_is_full()):
        advice = _ADVICE[errno.ENOSPC]
    if advice is None:
        return None
    where = error.filename if isinstance(error, OSError) else None
    return f"{where or Path.cwd()}: {advice}, and run again: finished results are kept ({error})"


def _mentions_full_disk(error: BaseException | None) -> bool:
    while error is not None:
        if any(text in str(error).lower() for text in _FULL):
            return True
        error = error.__cause__ or error.__context__
    return False


def _disk_is_full() -> bool:
    disk = os.statvfs(".")
    return disk.f_bavail * disk.f_frsize < _NEARLY_FULL
