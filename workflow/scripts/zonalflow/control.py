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
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from zonalflow import cluster
from zonalflow.atomic import temporary_name, write_json
from zonalflow.errors import ZonalflowError

RECORDS = Path(".snakemake/zonalflow")  # a record for each run, by its name
LOCKS = Path(".snakemake/locks")
HEARTBEAT = 30  # seconds between signs of life
SILENCE = 180  # seconds without one after which a process on another machine counts as dead
POLL = 5  # seconds between two looks at the jobs of a dead process
MEMORY_CHECK = 300  # seconds between two looks whether SLURM still knows what is waited for

# Snakemake reads the Snakefile for these as well, but they run nothing.
READ_ONLY = (
    *("-n", "--dry-run", "--dryrun", "-S", "--summary", "-D", "--detailed-summary", "--report", "--lint"),
    *("-l", "--list", "--list-rules", "--lt", "--list-target-rules", "--list-changes", "--list-input-changes"),
    *("--list-params-changes", "--list-untracked", "--list-conda-envs", "--print-compilation"),
    *("--dag", "--rulegraph", "--filegraph", "--d3dag", "--generate-unit-tests"),
)

Say = Callable[[str], None]


class BusyError(ZonalflowError):
    """Another controlling process is at work on the same."""


@dataclass(frozen=True)
class Record:
    """Who controls a run. `born` tells a process from a later one with the same number."""

    host: str
    pid: int
    born: str
    since: str
    command: str
    runs: tuple[str, ...] = field(default=())  # SLURM job names under which jobs may be in the queue
    fetches: tuple[str, ...] = field(default=())  # receipts that were still to be written when it began
    ended: bool = False

    @classmethod
    def own(cls, command: Sequence[str], runs: Sequence[str] = (), fetches: Sequence[str] = ()) -> "Record":
        """Return the record of this very process."""
        since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        pid = os.getpid()
        born = birth(pid) or ""
        return cls(socket.gethostname(), pid, born, since, shlex.join(command), tuple(runs), tuple(fetches))

    @classmethod
    def read(cls, path: Path) -> "Record | None":
        """Return the record in `path`; None if there is none or it cannot be read."""
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            return cls(**{**values, "runs": tuple(values["runs"]), "fetches": tuple(values["fetches"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def write(self, path: Path) -> None:
        """Write the record, whole or not at all."""
        write_json(path, asdict(self))

    def alive(self, silence: float) -> bool:
        """Whether the process lives; `silence` is the number of seconds since its last sign of life."""
        if self.ended:
            return False
        if self.host == socket.gethostname():
            return birth(self.pid) == self.born
        return silence < SILENCE


def birth(pid: int) -> str | None:
    """Return when a process of this machine started, None if there is no such process; a zombie is none.

    In clock ticks since boot, field 22 of /proc/<pid>/stat (proc(5)); the name in field 2 may hold spaces and brackets.
    Without /proc, as on macOS, in the words of ps(1).
    """
    if not Path("/proc/self/stat").exists():
        return birth_by_ps(pid)
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def birth_by_ps(pid: int) -> str | None:
    """Do as :func:`birth` does, to a second."""
    told = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True).stdout
    state, _, started = told.strip().partition(" ")
    return started.strip() if started and state[0] not in "ZX" else None


def runs_nothing(arguments: Sequence[str]) -> bool:
    """Whether these command line arguments ask Snakemake for something else than a run."""
    return any(argument.partition("=")[0] in READ_ONLY for argument in arguments)


# ------------------------------------------------------------------------------------------------- at the beginning


def take_over(run: str, receipts: Sequence[str], command: Sequence[str], say: Say) -> "Controller":
    """Make this process the one that controls a run, after putting its predecessor's things in order.

    `receipts` are the files that the run reads and other runs of the working directory may read, and make, as well.

    Raises :class:`BusyError` if that one still lives, or if another run makes such a file;
    :class:`~zonalflow.cluster.ClusterError` if its jobs may be in the queue and SLURM does not answer.
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
        say(f"The run that process {last.pid} on {last.host} began at {last.since} was ended by force; taking it up.")
        shutil.rmtree(LOCKS, ignore_errors=True)
    if mine.runs:
        settle(mine.runs, say)
        controller.note_runs(())
    return controller


def live_runs() -> dict[str, Record]:
    """Return the runs of this working directory that are under control: name to record."""
    found = {path: Record.read(path) for path in RECORDS.glob("[!.]*.json")}
    return {path.stem: record for path, record in found.items() if record and record.alive(silence_of(path))}


def silence_of(record: Path) -> float:
    """Return the seconds since `record` was last touched, by the clock of its file system, which all machines share."""
    probe = temporary_name(record)
    probe.touch()
    try:
        return probe.stat().st_mtime - record.stat().st_mtime
    finally:
        probe.unlink()


def busy_message(what: str, other: Record) -> str:
    """Say `what` is at work, who does it, and what one can do."""
    here = other.host == socket.gethostname()
    stop = f"kill {other.pid}" if here else f"ssh {other.host} kill {other.pid}"
    hint = "" if here else f" If it was killed, this becomes clear {SILENCE} s after its last sign of life."
    return (
        f"{what}: process {other.pid} on {other.host}, since {other.since}\n"
        f"    {other.command}\n"
        f"Nothing was started. Wait until it ends, or end it and its jobs with: {stop}.{hint}"
    )


def settle(runs: Sequence[str], say: Say, pause: Callable[[float], None] = time.sleep) -> None:
    """Leave no job of `runs` in the queue: cancel those that wait, wait for those that run.

    Waiting jobs have done nothing yet and are submitted anew; running ones finish within minutes, and their outputs
    then need no second job.
    """
    told: set[str] = set()
    while jobs := cluster.queued_jobs(runs):
        waiting = [job for job in jobs if job.waits]
        running = {f"{job.what} (SLURM job {job.id})" for job in jobs if not job.waits}
        if waiting:
            cluster.cancel_waiting(waiting)
            say(f"{len(waiting)} of its jobs still waited in the queue: cancelled, to be submitted anew.")
        if new := running - told:
            say(
                f"Waiting for its jobs that run: {', '.join(sorted(new))}. To give them up instead: "
                f"scancel --name {','.join(runs)}"
            )
            told |= running
        pause(POLL)


# ------------------------------------------------------------------------------------------------------ while it runs


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
        """Say that it controls nothing any more. Runs noted and not taken back are looked for next time."""
        if not self._ended.is_set():
            self._ended.set()
            with suppress(OSError):
                self._replace(ended=True)

    def _replace(self, **changes: object) -> None:
        self._record = Record(**{**asdict(self._record), **changes})
        self._record.write(self._path)


def end_in_order_on_signals() -> None:
    """Let SIGTERM and SIGHUP do what Ctrl-C does: Snakemake cancels the jobs in the queue, unlocks and exits.

    Snakemake itself waits for all jobs on SIGTERM, and dies of SIGHUP, leaving jobs and lock behind. Under nohup,
    SIGHUP stays ignored.
    """
    terminals = [descriptor for descriptor in (1, 2) if os.isatty(descriptor)]

    def interrupt(number: int, frame: object) -> None:
        if number == signal.SIGHUP:  # the terminal is gone, and writing to it would be an error
            with suppress(OSError):
                null = os.open(os.devnull, os.O_WRONLY)
                for descriptor in terminals:
                    os.dup2(null, descriptor)
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, interrupt)


def end_when_forgotten(
    run: str, awaited: Callable[[], Mapping[str, str]], say: Say, pause: Callable[[float], None] = time.sleep
) -> None:
    """End this process, by SIGTERM, when it waits only for jobs that SLURM has forgotten; it would wait for ever.

    SLURM forgets ended jobs after its MinJobAge, minutes as a rule. A process that was stopped for longer, or that
    missed them in an outage, never learns how they ended. `awaited` returns number and name of the jobs waited for.
    """
    before: set[str] = set()
    while True:
        pause(MEMORY_CHECK)
        jobs = awaited()
        try:
            known = cluster.known_jobs(run)
        except cluster.ClusterError:
            continue  # an outage; nothing can be said
        forgotten = set(jobs) if not known & set(jobs) else set()
        if forgotten & before:  # twice, so that a job which ends at this moment is not among them
            names = ", ".join(jobs[number] for number in sorted(forgotten))
            say(f"SLURM no longer knows the jobs that this run waits for: {names}. It ends; start it again to go on.")
            os.kill(os.getpid(), signal.SIGTERM)
            return
        before = forgotten


def profile_file(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return the path of the profile that a command line names, for messages."""
    names = [environment.get("SNAKEMAKE_PROFILE", "")]
    for argument, following in itertools.zip_longest(arguments, arguments[1:], fillvalue=""):
        option, _, value = argument.partition("=")
        if option == "--profile":
            names.append(value or following)
    return f"{names[-1]}/profile.yaml" if names[-1] else "the profile"
