"""Locks between processes.

They are the kernel's (flock), which releases a lock when its holder ends, however it ends: no lock is ever stale.
"""

import contextlib
import fcntl
import logging
import os
from collections.abc import Iterator
from pathlib import Path

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path` while the block runs, waiting for whoever else holds it.

    On a file system without locks the block runs without one: two processes may then fetch the same file, which costs a
    request but, since all writes are atomic, no data.
    """
    with opened(path) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as error:
            logger.warning("no lock on %s (%s); going on without", path, error)
        yield


@contextlib.contextmanager
def opened(path: Path) -> Iterator[int]:
    """Yield a descriptor of a lock file, which is made if it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
