"""The controlling process of a run: only one, and it cleans up after one that was killed.

Snakemake locks what it works on and knows which outputs are unfinished, but a controlling process that was killed
leaves its lock in place and its jobs in SLURM's queue, and the next one would submit those again. So each controlling
process leaves a record, with a heartbeat, and the next one of the same run reads it before anything else: if that
process lives, the new one ends with a message; if it is dead, its lock is removed, its waiting jobs are cancelled and
its running ones are waited for, so that what they finish counts. Different runs of one working directory may
run at the same time; for what one of them is fetching, the others wait.
"""

import atexit
import itertools
import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from zonalflow.cluster import slurm
from zonalflow.common.locks import locked
from zonalflow.run import sharing
from zonalflow.run.records import RECORDS, BusyError, Record, busy_message, silence_of

HEARTBEAT = 30  # seconds between updates of the record's time stamp
POLL = 5  # seconds between two checks of a killed process's jobs
Log = Callable[[str], None]


def take_over(run: str, receipts: Sequence[str], command: Sequence[str], log: Log) -> "Controller":
    """Make this process the one that controls a run, and clean up after a predecessor that was killed.

    `receipts` are the files that the run reads and other runs of the working directory may read, and make, as well;
    this waits for those that another one is making.

    Raises:
        BusyError: the predecessor still lives.
        ClusterError: the predecessor's jobs may be in the queue, and SLURM does not answer.
    """
    record = RECORDS / f"{run}.json"
    with locked(record.with_suffix(".lock")):  # of several that start at the same moment only one takes over
        last = Record.read(record)
        if last and last.alive(silence_of(record)):
            raise BusyError(busy_message(f"run {run} is at work in this folder", last))
        mine = Record.own(command, last.runs if last else (), sharing.unclaimed(run, receipts))
        mine.write(record)
    # on a file system without locks, the last process to write goes on
    if Record.read(record) != mine:
        raise BusyError(
            "another run was started in this folder at the same moment, so this one ends; start it again after that one"
        )
    controller = Controller(record, mine)
    atexit.register(controller.end)
    threading.Thread(target=controller.beat, daemon=True, name="zonalflow heartbeat").start()
    if last and not last.ended:
        log(f"The run that process {last.pid} on {last.host} began at {last.since} was killed; this one continues it.")
        shutil.rmtree(sharing.LOCKS, ignore_errors=True)
    if mine.runs:
        clear_queue(mine.runs, log)
        controller.note_runs(())
    sharing.wait_for_others(run, receipts, mine, log)
    controller.note_fetches(sharing.unclaimed(run, receipts))
    return controller


def clear_queue(runs: Sequence[str], log: Log, pause: Callable[[float], None] = time.sleep) -> None:
    """Leave no job of `runs` in the queue: cancel those that wait, wait for those that run.

    Waiting jobs have done nothing yet and are submitted again; running ones finish within minutes, and their outputs
    then need no second job.
    """
    reported: set[str] = set()
    while jobs := slurm.queued_jobs(runs):
        waiting = [job for job in jobs if job.waits]
        running = {f"{job.what} (SLURM job {job.id})" for job in jobs if not job.waits}
        if waiting:
            slurm.cancel_waiting(waiting)
            jobs_waited = "1 of its jobs" if len(waiting) == 1 else f"{len(waiting)} of its jobs"
            log(f"{jobs_waited} still waited in the queue: cancelled, to be submitted again.")
        if new := running - reported:
            log(
                f"Waiting for its running jobs: {', '.join(sorted(new))}. To cancel them instead: "
                f"scancel --name {','.join(runs)}"
            )
            reported |= running
        pause(POLL)


class Controller:
    """This process as the one that controls a run: it keeps its record up to date."""

    def __init__(self, path: Path, record: Record):
        self._path = path.absolute()
        self._record = record
        self._ended = threading.Event()

    def beat(self) -> None:
        """Touch the record regularly, until the end."""
        while not self._ended.wait(HEARTBEAT):
            with suppress(OSError):  # a short fault of the file system is no reason to end
                os.utime(self._path)

    def note_runs(self, runs: Sequence[str]) -> None:
        """Record the SLURM job names under which there may be jobs in the queue from now on."""
        self._replace(runs=tuple(runs))

    def note_fetches(self, fetches: Sequence[str]) -> None:
        """Record which receipts this run is about to make."""
        self._replace(fetches=tuple(fetches))

    def end(self) -> None:
        """Record that this process controls nothing any more; the next one looks for jobs of the runs noted."""
        if not self._ended.is_set():
            self._ended.set()
            with suppress(OSError):
                self._replace(ended=True)

    def _replace(self, **changes: Any) -> None:
        self._record = replace(self._record, **changes)
        self._record.write(self._path)


def profile_file(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return the path of the profile that a command line names, for messages."""
    names = [environment.get("SNAKEMAKE_PROFILE", "")]
    for argument, following in itertools.zip_longest(arguments, arguments[1:], fillvalue=""):
        option, _, value = argument.partition("=")
        if option == "--profile":
            names.append(value or following)
    return f"{names[-1]}/profile.yaml" if names[-1] else "the profile"
