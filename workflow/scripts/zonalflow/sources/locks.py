"""Locks between processes: a file is fetched once, and a server gets few requests concurrently.

They are the kernel's (flock), which releases a lock when its holder ends, however it ends: no lock is ever stale.
"""

import contextlib
import fcntl
import logging
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from zonalflow.common.disk import make_private_folder
from zonalflow.common.locks import opened
from zonalflow.sources.http import CLOCK, Clock

logger = logging.getLogger(__name__)

_POLL = 0.5  # seconds between two checks for a free turn
_SILENT = 10.0  # seconds of waiting before it is logged


@contextlib.contextmanager
def turn(url: str, at_once: int, *, folder: Path | None = None, clock: Clock = CLOCK) -> Iterator[None]:
    """Wait until fewer than `at_once` processes of this user on this machine send requests to the server of `url`.

    GeoCDL answers requests one after another; further ones only wait, until it closes their connections. The
    locks are in `folder`, by default one in the machine's folder for temporary files, which must be this user's own. A
    wait of more than ten seconds is logged, with the process that has the turn.
    """
    folder = folder or Path(tempfile.gettempdir()) / f"zonalflow-{os.getuid()}"
    server = re.sub(r"[^A-Za-z0-9.-]", "_", urlsplit(url).netloc)
    with contextlib.ExitStack() as stack:
        try:
            make_private_folder(folder)
            descriptors = [stack.enter_context(opened(folder / f"{server}.{number}.lock")) for number in range(at_once)]
        except OSError as error:  # a full or foreign /tmp must not stop a download
            logger.warning("cannot keep turns in %s (%s); going on without", folder, error)
            yield
            return
        waited = 0.0
        while (taken := next(filter(_acquired, descriptors), None)) is None:
            if waited <= _SILENT < waited + _POLL:
                holders = ", ".join(map(_holder, descriptors))
                logger.warning("waiting for a turn at %s, which %s has", urlsplit(url).netloc, holders)
            clock.sleep(_POLL)
            waited += _POLL
        with contextlib.suppress(OSError):  # a full disk has no room for it
            os.ftruncate(taken, 0)
            os.pwrite(taken, str(os.getpid()).encode(), 0)
        yield


def _holder(descriptor: int) -> str:
    """Return which process wrote its number into a lock."""
    text = os.pread(descriptor, 20, 0)
    return f"process {text.decode()}" if re.fullmatch(rb"[0-9]+", text) else "another process"


def _acquired(descriptor: int) -> bool:
    """Return whether this process holds the lock now; on a file system without locks every process does."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
