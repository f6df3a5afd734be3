"""Concurrent processes: a shared download folder, and a server that answers one request after another."""

import multiprocessing
import os
import threading
from pathlib import Path

import pytest

from zonalflow.common.files import sha256
from zonalflow.common.locks import locked
from zonalflow.sources.geocdl import year as geocdl
from zonalflow.sources.locks import turn

BOX = (-84.0, 29.0, -83.5, 29.5)


def fetch(url: str, receipt: str, year: int, folder: str) -> dict:
    import tempfile

    tempfile.tempdir = folder
    return geocdl.fetch_year(url, "PRISM", "ppt", year, "annual", BOX, Path(receipt))


@pytest.fixture
def pool():
    with multiprocessing.get_context("spawn").Pool(4) as processes:
        yield processes


def test_two_clones_that_share_a_folder_fetch_files_once(server, tmp_path, pool, own_lock_folder):
    receipt = str(tmp_path / "2000.json")
    results = pool.starmap(fetch, [(server.url, receipt, 2000, str(own_lock_folder))] * 4)
    assert all(result == results[0] for result in results)
    assert server.count() == 1
    file = results[0]["files"][0]
    assert sha256(tmp_path / file["name"]) == file["sha256"]


def test_processes_on_one_machine_take_turns_at_the_server(server, tmp_path, pool, own_lock_folder):
    jobs = [(server.url, str(tmp_path / f"{year}.json"), year, str(own_lock_folder)) for year in range(2000, 2006)]
    pool.starmap(fetch, jobs)
    assert server.count() == 6
    assert server.most_at_once == 1


def test_a_lock_waits_for_its_holder(tmp_path):
    order = []
    taken, release = threading.Event(), threading.Event()

    def hold():
        with locked(tmp_path / "lock"):
            taken.set()
            release.wait(10)
            order.append("holder")

    def follow():
        with locked(tmp_path / "lock"):
            order.append("follower")

    holder, follower = threading.Thread(target=hold), threading.Thread(target=follow)
    holder.start()
    taken.wait(10)
    follower.start()
    release.set()
    holder.join(10)
    follower.join(10)
    assert order == ["holder", "follower"]


def test_as_many_turns_as_asked_for_and_no_more(tmp_path, turned):
    url = "http://127.0.0.1:1/x"
    with turn(url, 2, folder=tmp_path), turn(url, 2, folder=tmp_path):
        clock = turned.clock()
        with pytest.raises(InterruptedError), turn(url, 2, folder=tmp_path, clock=ending_at_first_wait(clock)):
            pass
    with turn(url, 2, folder=tmp_path, clock=turned.clock()):
        assert turned.pauses == []


def ending_at_first_wait(clock):
    """Return a clock whose first wait ends the waiting."""
    from dataclasses import replace

    def sleep(seconds: float) -> None:
        raise InterruptedError

    return replace(clock, sleep=sleep)


def test_servers_have_turns_of_their_own(tmp_path, turned):
    one, other = "http://127.0.0.1:1/x", "http://127.0.0.1:2/x"
    with turn(one, 1, folder=tmp_path), turn(other, 1, folder=tmp_path, clock=turned.clock()):
        pass
    assert turned.pauses == []


def test_locks_are_optional_where_the_file_system_lacks_them(tmp_path, monkeypatch, caplog):
    def flock(descriptor, operation):
        raise OSError(37, "No locks available")

    monkeypatch.setattr("zonalflow.sources.locks.fcntl.flock", flock)
    with locked(tmp_path / "lock"), turn("http://127.0.0.1:1/x", 1, folder=tmp_path):
        pass
    assert "going on without" in caplog.text


def test_turns_are_optional_where_their_folder_cannot_be_made(tmp_path, caplog):
    (tmp_path / "file").write_text("not a folder")
    with turn("http://127.0.0.1:1/x", 1, folder=tmp_path / "file"):
        pass
    assert "going on without" in caplog.text


@pytest.mark.parametrize("kind", ["link", "open to others"])
def test_another_users_folder_of_locks_is_not_used(kind, tmp_path, caplog):
    folder, elsewhere = tmp_path / "zonalflow-1", tmp_path / "elsewhere"
    elsewhere.mkdir()
    if kind == "link":
        folder.symlink_to(elsewhere)
    else:
        folder.mkdir()
        folder.chmod(0o777)
    with turn("http://127.0.0.1:1/x", 1, folder=folder):
        pass
    assert "it is a link, or belongs to, or is open to, another user" in caplog.text
    assert not list(elsewhere.iterdir())
    assert not list(folder.iterdir())


def test_a_lock_that_is_a_link_is_not_followed(tmp_path, caplog):
    target = tmp_path / "precious"
    target.write_text("42")
    folder = tmp_path / "own"
    folder.mkdir(mode=0o700)
    (folder / "127.0.0.1_1.0.lock").symlink_to(target)
    with turn("http://127.0.0.1:1/x", 1, folder=folder):
        pass
    assert target.read_text() == "42"
    assert "going on without" in caplog.text


def test_a_turn_that_is_held_is_logged_with_its_holder(tmp_path, turned, caplog):
    from dataclasses import replace

    url = "http://127.0.0.1:1/x"
    clock = turned.clock()

    def sleep(seconds):
        clock.sleep(seconds)
        if turned.seconds > 30:
            raise InterruptedError

    holding = turn(url, 1, folder=tmp_path)
    with holding, pytest.raises(InterruptedError), turn(url, 1, folder=tmp_path, clock=replace(clock, sleep=sleep)):
        pass
    assert caplog.text.count("waiting for a turn at 127.0.0.1:1, which process") == 1
    assert f"process {os.getpid()} has" in caplog.text
