"""The record of the process that controls a run: written by that process, read by the next one."""

import json
import os
import shlex
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from zonalflow.common.errors import ZonalflowError
from zonalflow.common.files import temporary_name, write_json

RECORDS = Path(".snakemake/zonalflow")  # a record for each run, by its name
SILENCE = 180  # seconds without a heartbeat after which a process on another machine counts as dead


class BusyError(ZonalflowError):
    """Another process controls this run, or makes what it reads."""


@dataclass(frozen=True)
class Record:
    """Who controls a run.

    `started` tells a process from a later one with the same number, `machine` its machine from another one, or another
    container, with the same name.
    """

    host: str
    pid: int
    started: str
    since: str
    command: str
    runs: tuple[str, ...] = field(default=())  # SLURM job names under which jobs may be in the queue
    fetches: tuple[str, ...] = field(default=())  # receipts that were still to be written when it began
    ended: bool = False
    machine: str = ""

    @classmethod
    def own(cls, command: Sequence[str], runs: Sequence[str] = (), fetches: Sequence[str] = ()) -> "Record":
        """Return the record of this very process."""
        since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        pid = os.getpid()
        started = process_start(pid) or ""
        what = (shlex.join(command), tuple(runs), tuple(fetches))
        return cls(socket.gethostname(), pid, started, since, *what, machine=this_machine())

    @classmethod
    def read(cls, path: Path) -> "Record | None":
        """Return the record in `path`; None if there is none or it cannot be read."""
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            return cls(**{**values, "runs": tuple(values["runs"]), "fetches": tuple(values["fetches"])})
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None

    def write(self, path: Path) -> None:
        """Write the record, whole or not at all."""
        write_json(path, asdict(self))

    def alive(self, silence: float) -> bool:
        """Whether the process lives; `silence` is the number of seconds since its last heartbeat."""
        if self.ended:
            return False
        if self.is_local:
            return process_start(self.pid) == self.started
        return silence < SILENCE

    @property
    def is_local(self) -> bool:
        """Whether this process can see the other by its number: on the same machine, in the same container."""
        return self.host == socket.gethostname() and self.machine == this_machine()


def this_machine() -> str:
    """Return an identifier of this boot of this machine, and of the namespace of its process numbers.

    From the kernel's random boot id (random(4)) and pid_namespaces(7); empty where there are none, as on macOS.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def process_start(pid: int) -> str | None:
    """Return when a process of this machine started, None if there is no such process; a zombie is none.

    In clock ticks since boot, field 22 of /proc/<pid>/stat (proc(5)); the name in field 2 may hold spaces and brackets.
    Without /proc, as on macOS, as ps(1) prints it.
    """
    if not Path("/proc/self/stat").exists():
        return start_by_ps(pid)
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def start_by_ps(pid: int) -> str | None:
    """Do as :func:`process_start` does, to a second."""
    answer = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True).stdout
    state, _, started = answer.strip().partition(" ")
    return started.strip() if started and state[0] not in "ZX" else None


def live_runs() -> dict[str, Record]:
    """Return the runs of this working directory whose controlling process lives: name to record."""
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
    """Return the message on a run that is at work: `what`, by which process, and what to do."""
    here = other.is_local
    stop = f"kill {other.pid}" if here else f"ssh {other.host} kill {other.pid}"
    hint = "" if here else f" If it was killed, start again {SILENCE} s after its last sign of life."
    return (
        f"{what}: process {other.pid} on {other.host}, since {other.since}\n"
        f"    {other.command}\n"
        f"Nothing was started. Wait until it ends, or end it and its jobs with: {stop}.{hint}"
    )
