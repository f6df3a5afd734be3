"""What keeps jobs from starting: lasting reasons in the queue, submissions that wait, submissions that are refused."""

import re
import time
from collections.abc import Callable
from typing import Protocol

from zonalflow.cluster import slurm
from zonalflow.cluster.commands import Note
from zonalflow.cluster.submit import LIMIT, REFUSED
from zonalflow.common.text import count_of, few

TICK = 2  # seconds between two checks of the notes
QUEUE_TICKS = 15  # ticks between two checks of the queue; what two checks in a row find is reported
REPEAT_TICKS = 30  # ticks after which a submission that still waits is reported again

# SLURM's reasons (squeue(1)) that last until someone changes something, and what they mean
_LASTING = (
    (r"PartitionTimeLimit", "they ask for more time than their partition allows; lower `runtime` in the profile"),
    (
        r"PartitionNodeLimit|PartitionConfig|BadConstraints|MaxMemPerLimit",
        "their partition has no node for what they ask for",
    ),
    (r"PartitionDown|PartitionInactive", "their partition starts no jobs at present"),
    (r"ReqNodeNotAvail.*|NodeDown", "the nodes that they need are down, or reserved, for example for maintenance"),
    (r"DependencyNeverSatisfied", "the job that they wait for has failed"),
    (r"JobHeld\w*", "they are held; scontrol release JOB lets them go on"),
    (r".*requeue\w* ?.*held.*", "SLURM holds them after a failed start; scontrol release JOB lets them go on"),
    (
        r"(Assoc|QOS)\w*(PerJob|PerNode|Wall|Minutes|Mins|UsageThreshold|TimeLimit)\w*",
        "they ask for more than their account or QOS allows, or it is used up",
    ),
    (
        r"QOSMin\w*|InvalidQOS|InvalidAccount|QOSNotAllowed|AccountNotAllowed",
        "their account or QOS is not allowed here",
    ),
    (r"Reservation\w*|RequiresReservation", "the reservation that they need is over or not named"),
)

Log = Callable[[str], None]


def lasting(reason: str) -> str:
    """Return what a lasting reason means; empty for reasons that pass by themselves."""
    return next((meaning for pattern, meaning in _LASTING if re.fullmatch(pattern, reason)), "")


class Follower(Protocol):
    """What :class:`Pending` needs to know of the jobs of a run; :class:`zonalflow.run.watch.Watch` provides it."""

    @property
    def in_slurm(self) -> dict[str, str]:
        """The jobs that SLURM has: number and name."""

    @property
    def here(self) -> list[str]:
        """The names of the jobs that run on this machine."""

    @property
    def to_submit(self) -> list[str]:
        """The names of the jobs that SLURM does not have yet."""


class Pending:
    """Reports what keeps the jobs of a run from starting, and ends the run when nothing more can start.

    Args:
        run: the SLURM name of all jobs of the run.
        notes: returns the submissions that wait or were refused.
        jobs: the jobs of the run.
        log: reports a line.
        end: ends the run.
    """

    def __init__(self, run: str, notes: Callable[[], list[Note]], jobs: Follower, log: Log, end: Callable[[], None]):
        self._run = run
        self._notes = notes
        self._jobs = jobs
        self._log = log
        self._end = end
        self.refused = ""  # why SLURM refuses jobs of this run
        self._seen: dict[str, set[str]] = {}  # lasting reason to the numbers of its jobs, at the last check
        self._reported: dict[str, set[str]] = {}
        self._waited = 0  # checks in a row that found a submission waiting

    def follow(self, pause: Callable[[float], None] = time.sleep) -> None:
        """Check repeatedly, until the run ends."""
        ticks = 0
        while not self.refused or self._jobs.in_slurm or self._jobs.here:
            pause(TICK)
            ticks += 1
            self.look_at_submissions()
            if ticks % QUEUE_TICKS == 0:
                self.look_at_queue()
        self._end()

    def look_at_submissions(self) -> None:
        """Report submissions that are refused, once, and those that wait, once a minute."""
        notes = self._notes()
        for note in notes:
            if note.kind == REFUSED and not self.refused:
                self.refused = note.reason
                self._log(
                    f"SLURM refuses {slurm.purpose(note.comment)}: {note.reason}. Nothing more is submitted; the run "
                    "ends as soon as its running jobs have ended. Results of earlier runs are kept."
                )
        waiting = [note for note in notes if note.kind != REFUSED]
        if not waiting:
            if self._waited > REPEAT_TICKS:
                self._log("SLURM takes jobs again.")
            self._waited = 0
            return
        if self._waited % REPEAT_TICKS == 1:  # not a wait that is over by the next check
            jobs = count_of(max(len(self._jobs.to_submit), len(waiting)), "job waits", "jobs wait")
            what = "takes no more jobs at present" if waiting[0].kind == LIMIT else "does not answer at present"
            self._log(f"SLURM {what} ({waiting[0].reason}). {jobs} here, to be submitted as soon as it does.")
        self._waited += 1

    def look_at_queue(self) -> None:
        """Report jobs that wait for a lasting reason, once two checks in a row have found them."""
        try:
            jobs = slurm.pending_jobs(self._run)
        except slurm.ClusterError:
            return  # an outage: nothing is known
        found: dict[str, dict[str, str]] = {}
        for number, reason, what in jobs:
            if lasting(reason):
                found.setdefault(reason, {})[number] = what
        for reason, named in found.items():
            stayed = set(named) & self._seen.get(reason, set())
            if stayed - self._reported.get(reason, set()):
                self._reported[reason] = self._reported.get(reason, set()) | stayed
                names = few(f"{named[number]} (SLURM job {number})" for number in sorted(stayed, key=int))
                count, meaning = count_of(len(stayed), "job waits", "jobs wait"), lasting(reason)
                self._log(
                    f"{count} in the queue and cannot start unless something changes ({reason}): {meaning}. {names}"
                )
        self._seen = {reason: set(named) for reason, named in found.items()}
