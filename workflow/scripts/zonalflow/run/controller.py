"""The controlling process of a run: one at a time, and what a dead one left behind is put in order.

Snakemake locks what it works on and knows which outputs are unfinished, but a controlling process that was killed
leaves its lock in place and its jobs in SLURM's queue, and the next one would submit those again. So each controlling
process leaves a record, with a heartbeat, and the next one of the same run reads it before anything else: if that
process lives, the new one ends with a message; if it is dead, its lock is removed, its waiting jobs are cancelled and
its running ones are waited for, so that what they finish counts. Different runs of one working directory go side by
side, unless one is fetching what the other reads.
"""

import atexit
import itertools
import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from zonalflow.run import slurm
from zonalflow.run.records import RECORDS, BusyError, Record, busy_message, live_runs, silence_of

LOCKS = Path(".snakemake/locks")
HEARTBEAT = 30  # seconds between signs of life
POLL = 5  # seconds between two looks at the jobs of a dead process
Log = Callable[[str], None]


def take_over(run: str, receipts: Sequence[str], command: Sequence[str], log: Log) -> "Controller":
    """Make this process the one that controls a run, after putting its predecessor's things in order.

    `receipts` are the files that the run reads and other runs of the working directory may read, and make, as well.

    Raises :class:`BusyError` if that one still lives, or if another run makes such a file;
    :class:`~zonalflow.run.slurm.ClusterError` if its jobs may be in the queue and SLURM does not answer.
    """
    record = RECORDS / f"{run}.json"
    last = Record.read(record)
    if last and last.alive(silence_of(record)):
        raise BusyError(busy_message(f"run {run} is at work in this folder", last))
    for name, other in sorted(live_runs().items()):
        if shared := sorted(set(receipts) & set(other.fetches)):
            what = f"run {name} is at work in this folder, and fetches or makes what this run reads: {shared[0]}"
            raise BusyError(busy_message(f"{what}{' …' if len(shared) > 1 else ''}", other))
    fetches = [path for path in receipts if not Path(path).exists()]
    mine = Record.own(command, last.runs if last else (), fetches)
    mine.write(record)
    if Record.read(record) != mine:  # two started in the same instant: the last to write goes on
        raise BusyError("another run was started in this folder in this very moment; this one ends")
    controller = Controller(record, mine)
    atexit.register(controller.end)
    threading.Thread(target=controller.beat, daemon=True, name="zonalflow heartbeat").start()
    if last and not last.ended:
        log(f"The run that process {last.pid} on {last.host} began at {last.since} was ended by force; taking it up.")
        shutil.rmtree(LOCKS, ignore_errors=True)
    if mine.runs:
        settle(mine.runs, log)
        controller.note_runs(())
    return controller


def settle(runs: Sequence[str], log: Log, pause: Callable[[float], None] = time.sleep) -> None:
    """Leave no job of `runs` in the queue: cancel those that wait, wait for those that run.

    Waiting jobs have done nothing yet and are submitted anew; running ones finish within minutes, and their outputs
    then need no second job.
    """
    told: set[str] = set()
    while jobs := slurm.queued_jobs(runs):
        waiting = [job for job in jobs if job.waits]
        running = {f"{job.what} (SLURM job {job.id})" for job in jobs if not job.waits}
        if waiting:
            slurm.cancel_waiting(waiting)
            log(f"{len(waiting)} of its jobs still waited in the queue: cancelled, to be submitted anew.")
        if new := running - told:
            log(
                f"Waiting for its jobs that run: {', '.join(sorted(new))}. To give them up instead: "
                f"scancel --name {','.join(runs)}"
            )
            told |= running
        pause(POLL)


class Controller:
    """A process in this role: it shows signs of life, knows its SLURM runs, and says when it ends."""

    def __init__(self, path: Path, record: Record):
        self._path = path.absolute()
        self._record = record
        self._ended = threading.Event()

    def beat(self) -> None:
        """Touch the record now and then, until the end."""
        while not self._ended.wait(HEARTBEAT):
            with suppress(OSError):  # a file system's hiccup is not a reason to end
                os.utime(self._path)

    def note_runs(self, runs: Sequence[str]) -> None:
        """Write down under which SLURM job names there may be jobs in the queue from now on."""
        self._replace(runs=tuple(runs))

    def end(self) -> None:
        """Log that it controls nothing any more. Runs noted and not taken back are looked for next time."""
        if not self._ended.is_set():
            self._ended.set()
            with suppress(OSError):
                self._replace(ended=True)

    def _replace(self, **changes: object) -> None:
        self._record = Record(**{**asdict(self._record), **changes})
        self._record.write(self._path)


def profile_file(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return the path of the profile that a command line names, for messages."""
    names = [environment.get("SNAKEMAKE_PROFILE", "")]
    for argument, following in itertools.zip_longest(arguments, arguments[1:], fillvalue=""):
        option, _, value = argument.partition("=")
        if option == "--profile":
            names.append(value or following)
    return f"{names[-1]}/profile.yaml" if names[-1] else "the profile"
