"""What the tests share: a stand-in server, a clock that does not wait, a retry policy with few attempts."""

import os
import signal
import tempfile

import pytest


def pytest_configure():
    """Take signals as a terminal's user sends them: under nohup, or behind `&`, they come ignored and stay so.

    And do not wait for the disk: only a loss of power, which no test brings about, would tell the difference.
    """
    os.fsync = lambda descriptor: None
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, handler)


def pytest_collection_modifyitems(items):
    """Begin with the slow tests, so that no process runs one at the end while the others are idle."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture
def server(own_lock_folder):
    """A stand-in for GeoCDL, the Census Bureau and PRISM."""
    from standin import Server  # brings rasterio

    with Server() as running:
        yield running


@pytest.fixture
def turned():
    """A clock that tests turn."""
    from standin.clock import TurnedClock

    return TurnedClock()


@pytest.fixture
def brief():
    """Three tries, and a minute for the stand-in, which a busy machine may keep waiting."""
    from zonalflow.sources.http import RetryPolicy

    return RetryPolicy(connect=60, read=60, attempts=3)


@pytest.fixture
def own_lock_folder(tmp_path_factory, monkeypatch):
    """Keep the locks that processes of one user share out of the machine's own folder."""
    folder = tmp_path_factory.mktemp("locks")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder
