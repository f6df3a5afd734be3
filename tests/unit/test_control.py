"""One controlling process for each run, and how the next one cleans up the lock and jobs of a killed one."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from zonalflow.cluster import slurm
from zonalflow.cluster.slurm import QueuedJob
from zonalflow.run import controller, records, sharing, signals
from zonalflow.run.controller import Controller, take_over
from zonalflow.run.records import BusyError, Record

RECORD = records.RECORDS / "florida.json"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory; nothing is left to happen at the end of the tests' own process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(controller.atexit, "register", lambda function: None)
    (tmp_path / sharing.LOCKS).mkdir(parents=True)
    (tmp_path / records.RECORDS).mkdir()
    (tmp_path / sharing.LOCKS / "0.output.lock").write_text("results/a\n")
    return tmp_path


@pytest.fixture
def said():
    return []


def begin(said, run="florida", receipts=()):
    """Take over as the process of a test does, and stop its heartbeat with it."""
    controller = take_over(run, receipts, ["snakemake"], said.append)
    controller.end()
    return controller


def dead_record(**changes):
    """A record of a process of this machine that has ended."""
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    return replace(Record.own(["snakemake", "--profile", "p"]), pid=child.pid, started="1", **changes)


def test_the_first_of_a_run_leaves_a_record(folder, said):
    begin(said)
    record = Record.read(RECORD)
    assert (record.host, record.pid, record.command) == (socket.gethostname(), os.getpid(), "snakemake")
    assert record.ended
    assert said == []
    assert list((folder / sharing.LOCKS).iterdir())  # a lock that is not known to be ours stays


def test_a_dead_ones_lock_is_removed(folder, said):
    dead_record().write(RECORD)
    begin(said)
    assert not (folder / sharing.LOCKS).exists()
    assert "was killed; this one continues it" in said[0]


def test_a_process_that_ended_cleanly_left_no_lock(folder, said):
    dead_record(ended=True).write(RECORD)
    begin(said)
    assert (folder / sharing.LOCKS).exists()
    assert said == []


def test_a_live_one_is_left_alone(folder, said):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        other = replace(Record.own(["snakemake", "maps"]), pid=child.pid, started=records.process_start(child.pid))
        other.write(RECORD)
        with pytest.raises(BusyError, match=rf"process {child.pid} on (.|\n)*snakemake maps\n(.|\n)*kill {child.pid}"):
            begin(said)
        assert Record.read(RECORD) == other
        assert (folder / sharing.LOCKS).exists()
    finally:
        child.communicate(b"\n")


@pytest.fixture
def living():
    """The record of a process of this machine that lives; it makes two receipts."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    own = Record.own(["snakemake"], fetches=["resources/2000.json", "resources/2001.json"])
    yield replace(own, pid=child.pid, started=records.process_start(child.pid))
    child.communicate(b"\n")


def test_runs_that_share_no_unfinished_fetch_go_side_by_side(folder, said, living):
    living.write(records.RECORDS / "texas.json")
    begin(said, receipts=["resources/1999.json", "resources/2002.json"])
    assert said == []
    assert Record.read(RECORD).fetches == ("resources/1999.json", "resources/2002.json")
    assert Record.read(records.RECORDS / "texas.json") == living
    assert records.live_runs() == {"texas": living}


def test_a_run_waits_for_what_another_is_fetching(folder, said, living, monkeypatch):
    living.write(records.RECORDS / "texas.json")
    lock, marker = (
        folder / sharing.LOCKS / "0.output.lock",
        folder / sharing.INCOMPLETE / "cmVzb3VyY2VzLzIwMDEuanNvbg==",
    )
    lock.write_text("resources/2000.json\nresources/2001.json\nresults/a\n")
    marker.parent.mkdir()
    marker.touch()  # the name is resources/2001.json in base 64
    (folder / "resources").mkdir()
    steps = [(folder / "resources/2001.json").touch, marker.unlink]
    monkeypatch.setattr(sharing.time, "sleep", lambda seconds: steps.pop(0)())
    begin(said, receipts=["resources/2001.json", "resources/2002.json"])
    assert steps == []  # it is there, and its job has ended
    (line,) = said
    assert "Waiting for run texas, which is fetching or making what this run reads as well: resources/2001.json" in line
    assert Record.read(RECORD).fetches == ("resources/2002.json",)
    assert lock.read_text() == "resources/2000.json\nresults/a\n"  # reading it needs no lock


def test_a_run_fetches_what_a_dead_one_left(folder, said, living):
    dead_record(fetches=living.fetches).write(records.RECORDS / "texas.json")
    begin(said, receipts=["resources/2001.json", "resources/2002.json"])
    assert Record.read(RECORD).fetches == ("resources/2001.json", "resources/2002.json")
    assert said == []


def test_of_two_that_began_at_once_only_the_later_waits(folder, living):
    mine = replace(living, pid=living.pid + 1)
    assert sharing._unfinished({"resources/2000.json"}, mine, {"texas": living}) == {"resources/2000.json": "texas"}
    assert sharing._unfinished({"resources/2000.json"}, living, {"florida": mine}) == {}


def test_what_is_here_is_not_fetched(folder, said):
    (folder / "here.json").touch()
    begin(said, receipts=["here.json", "missing.json"])
    assert Record.read(RECORD).fetches == ("missing.json",)


def test_a_process_of_a_container_of_this_name_lives(folder):
    there = replace(Record.own([]), machine="another boot id and namespace", started="1")
    assert there.alive(0)
    assert not there.alive(records.SILENCE)


START = """
import sys, time
from zonalflow.run.controller import take_over
from zonalflow.run.records import BusyError
print("ready", flush=True)
sys.stdin.readline()
try:
    take_over("florida", [], ["snakemake"], lambda text: None)
    print("won", flush=True)
except BusyError:
    print("busy", flush=True)
sys.stdin.readline()
"""


def test_of_four_simultaneous_starts_exactly_one_wins(folder):
    environment = os.environ | {"PYTHONPATH": str(Path(controller.__file__).parents[2])}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment}
    for _ in range(5):
        RECORD.unlink(missing_ok=True)
        started = [subprocess.Popen([sys.executable, "-c", START], **pipes) for _ in range(4)]
        assert [process.stdout.readline() for process in started] == ["ready\n"] * 4
        for process in started:
            process.stdin.write("\n")
            process.stdin.flush()
        ends = sorted(process.stdout.readline() for process in started)
        for process in started:
            process.communicate("\n")
        assert ends == ["busy\n"] * 3 + ["won\n"]


def test_a_later_process_with_the_same_number_is_another(folder):
    assert not replace(Record.own([]), started="1").alive(0)
    assert Record.own([]).alive(10**6)


@pytest.mark.parametrize("process_start", [records.process_start, records.start_by_ps])
def test_a_process_is_told_from_a_dead_one(process_start):
    if process_start is records.start_by_ps and not shutil.which("ps"):
        pytest.skip("no ps(1) here")
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    alive = process_start(child.pid)
    assert alive
    assert process_start(child.pid) == alive
    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert process_start(child.pid) is None  # a zombie
    child.wait()
    assert process_start(child.pid) is None


def test_on_another_machine_the_heartbeat_decides(folder, said):
    other = replace(Record.own(["snakemake"]), host="ceres-login-9")
    other.write(RECORD)
    with pytest.raises(BusyError, match="ssh ceres-login-9 kill"):
        begin(said)
    past = time.time() - records.SILENCE - 60
    os.utime(RECORD, (past, past))
    begin(said)
    assert Record.read(RECORD).host == socket.gethostname()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}'])
def test_a_damaged_record_is_none(folder, said, text):
    RECORD.write_text(text)
    assert Record.read(RECORD) is None
    begin(said)


def test_a_heartbeat_updates_the_time_stamp(folder, monkeypatch):
    monkeypatch.setattr(controller, "HEARTBEAT", 0.01)
    Record.own([]).write(RECORD)
    os.utime(RECORD, (1, 1))
    process = Controller(RECORD, Record.own([]))
    beating = threading.Thread(target=process.beat)
    beating.start()
    while RECORD.stat().st_mtime == 1:
        time.sleep(0.01)
    process.end()
    beating.join(10)
    assert not beating.is_alive()


def test_waiting_jobs_are_cancelled_and_running_ones_waited_for(folder, said, monkeypatch):
    running, waiting = QueuedJob("31", "RUNNING", "zonal_stats ppt_2002"), QueuedJob("32", "PENDING", "combine_years")
    looks = [[running, waiting], [running], []]
    cancelled = []
    monkeypatch.setattr(slurm, "queued_jobs", lambda runs: looks.pop(0) if runs == ("run-1",) else None)
    monkeypatch.setattr(slurm, "cancel_waiting", lambda jobs: cancelled.extend(jobs))
    monkeypatch.setattr(controller, "POLL", 0)
    dead_record(runs=("run-1",)).write(RECORD)
    begin(said)
    assert cancelled == [waiting]
    assert looks == []
    assert Record.read(RECORD).runs == ()
    assert [line.partition(":")[0] for line in said[1:]] == [
        "1 of its jobs still waited in the queue",
        "Waiting for its running jobs",
    ]


def test_jobs_are_not_forgotten_while_slurm_is_silent(folder, said, monkeypatch):
    def silent(runs):
        raise slurm.ClusterError("squeue says: connect failure")

    monkeypatch.setattr(slurm, "queued_jobs", silent)
    dead_record(runs=("run-1",)).write(RECORD)
    with pytest.raises(slurm.ClusterError):
        begin(said)
    assert Record.read(RECORD).runs == ("run-1",)


def test_runs_are_noted_until_they_are_taken_back(folder, said):
    controller = begin(said)
    controller.note_runs(["run-2"])
    assert Record.read(RECORD).runs == ("run-2",)
    controller.note_runs([])
    assert Record.read(RECORD).runs == ()


ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.mark.parametrize("number", ENDING)
def test_the_first_signal_ends_the_run_and_others_are_ignored(number, said):
    before = {each: signal.getsignal(each) for each in ENDING}
    finished = threading.Event()
    try:
        for each in before:
            signal.signal(each, signal.SIG_DFL)  # the tests themselves may run under nohup
        signals.end_in_order_on_signals(lambda: said.append("ending"), finished.set)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        signal.raise_signal(number)
        assert said == ["ending"]
        assert finished.wait(30)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def test_ctrl_c_does_not_reach_a_shielded_process():
    """A shell and its child, started by a thread as the pool of Snakemake starts them."""
    started = []

    def start():
        signals.shield_from_ctrl_c()
        script = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        started.append(subprocess.Popen([sys.executable, "-c", script], start_new_session=True, **pipes))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    shell = started[0]
    assert shell.stdout.readline() == b"1\n"
    os.killpg(shell.pid, signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        shell.wait(0.5)
    for child in psutil.Process().children(recursive=True):
        child.terminate()
    assert shell.communicate(timeout=30) == (b"", b"")  # its child, which held the pipes, has ended as well
    assert shell.returncode == -signal.SIGTERM


def test_nohup_stays_in_force():
    before = {each: signal.getsignal(each) for each in ENDING}
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signals.end_in_order_on_signals(lambda: None, lambda: None)
        signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def forgotten(monkeypatch, said, looks):
    """Let the queue be what `looks` hold, one after the other; return the signals sent to this process."""
    sent = []

    class Over(Exception):
        pass

    def pause(seconds):
        if not looks:
            raise Over

    def known(run):
        look = looks.pop(0)
        if look is None:
            raise slurm.ClusterError("connect failure")
        return look

    monkeypatch.setattr(slurm, "known_jobs", known)
    monkeypatch.setattr(signals.os, "kill", lambda pid, number: sent.append(number))
    with suppress(Over):
        signals.end_when_forgotten("run-1", lambda: {"14": "zonal_stats ppt 2000", "15": "maps"}, said.append, pause)
    return sent


def test_a_process_that_waits_for_forgotten_jobs_ends(monkeypatch, said):
    assert forgotten(monkeypatch, said, [{"14"}, set(), None, set()]) == [signal.SIGTERM]
    assert "zonal_stats ppt 2000, maps" in said[0]


@pytest.mark.parametrize("looks", [[{"14"}, {"14", "15"}, {"15"}], [set()], [set(), {"15"}, set()], [None, None, None]])
def test_it_waits_while_slurm_knows_a_job_or_is_silent(monkeypatch, said, looks):
    assert forgotten(monkeypatch, said, looks) == []
    assert said == []


@pytest.mark.parametrize(
    ("arguments", "environment", "file"),
    [
        (["maps", "--profile", "profiles/ceres"], {}, "profiles/ceres/profile.yaml"),
        (["--profile=profiles/ceres", "maps"], {"SNAKEMAKE_PROFILE": "other"}, "profiles/ceres/profile.yaml"),
        (["maps"], {"SNAKEMAKE_PROFILE": "profiles/atlas"}, "profiles/atlas/profile.yaml"),
        (["maps"], {}, "the profile"),
        ([], {}, "the profile"),
    ],
)
def test_the_profile_is_named_in_messages(arguments, environment, file):
    assert controller.profile_file(arguments, environment) == file
