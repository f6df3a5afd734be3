"""SLURM by its own commands: accounts, partitions, and the queue.

Each question is one command, run by :func:`ask`; the functions that read the answers are pure.
"""

import getpass
import math
import re
import subprocess
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from zonalflow.common.errors import ZonalflowError

PLACEHOLDER = "YOUR_ACCOUNT"  # what the shipped profiles say in place of an account
ANSWER_TIMEOUT = 60  # seconds; a busy controller takes ten to refuse
HOW_TO_FIND = "sacctmgr show associations where user=$USER format=account%20"


class ClusterError(ZonalflowError):
    """SLURM does not answer, or would refuse the jobs."""


def ask(*command: str) -> str:
    """Return what a SLURM command prints; :class:`ClusterError` if it fails, is missing or stays silent."""
    try:
        return subprocess.run(command, check=True, text=True, capture_output=True, timeout=ANSWER_TIMEOUT).stdout
    except FileNotFoundError:
        raise ClusterError(f"no {command[0]} here: this machine has no SLURM") from None
    except subprocess.TimeoutExpired:
        raise ClusterError(f"{command[0]} did not answer for {ANSWER_TIMEOUT} s") from None
    except subprocess.CalledProcessError as error:
        raise ClusterError(f"{command[0]} says: {error.stderr.strip() or error.stdout.strip()}") from None


# ------------------------------------------------------------------------------------------------------- accounts


def known_accounts(user: str | None = None) -> set[str] | None:
    """Return the accounts that may be charged by `user` (the one who runs this), None if SLURM cannot tell.

    The accounting service is asked first; if it is down, the controller's own list is used.
    """
    user = user or getpass.getuser()
    for command in (
        ("sacctmgr", "-n", "-P", "show", "associations", f"user={user}", "format=account"),
        ("sshare", "-n", "-P", "-u", user, "-o", "Account,User"),
    ):
        try:
            rows = ask(*command).split()
        except ClusterError:
            continue
        # sshare lists the tree; the rows of this user are those with a second field
        accounts = {row.split("|")[0] for row in rows if "|" not in row or row.endswith(f"|{user}")}
        if accounts:
            return accounts
    return None


def check_account(resources: Mapping[str, object], known: Collection[str] | None, profile: str) -> None:
    """Raise :class:`ClusterError`, with what to do, unless `resources` name an account that can be charged.

    `resources` are Snakemake's default resources as given to the run; `known` the user's accounts, None when SLURM
    cannot tell; `profile` the file where the account is set.
    """
    account = str(resources.get("slurm_account") or "")
    if not resources.get("slurm_partition"):
        raise ClusterError(
            "the jobs have no SLURM partition. --default-resources on the command line replaces all of the profile's "
            f"default-resources, account and partition included: change the values in {profile} instead, or those of "
            "one rule with --set-resources RULE:NAME=VALUE"
        )
    where = f"Set slurm_account in {profile}. Yours are listed by\n    {HOW_TO_FIND}"
    if known:
        where += f"\nwhich says now: {', '.join(sorted(known))}"
    if not account or account == PLACEHOLDER:
        raise ClusterError(f"no SLURM account is set, and this cluster runs nothing without one. {where}")
    # SLURM keeps accounts in lower case, and the plugin takes several, tried in turn
    unknown = [name for name in re.split(r"[,\s]+", account) if known and name.lower() not in known]
    if unknown:
        raise ClusterError(f"SLURM knows no account {', '.join(unknown)!r} of yours. {where}")


# ----------------------------------------------------------------------------------------------------- partitions


def partition_limits() -> dict[str, float]:
    """Return the partitions of the cluster, hidden ones too, and their longest time, in minutes."""
    rows = (row.split("|") for row in ask("sinfo", "--all", "--noheader", "--format=%R|%l").splitlines() if row)
    return {name: minutes(limit) for name, limit in rows}


def minutes(limit: str) -> float:
    """Return a time as SLURM prints it in minutes: ``21-00:00:00``, ``2:00:00``, ``30:00``, ``infinite``."""
    days, _, clock = limit.rpartition("-")
    parts = clock.split(":")
    if not all(part.isdigit() for part in [*parts, days or "0"]):
        return math.inf
    hours, minute, second = (["0"] * (3 - len(parts)) + parts)[-3:]
    return int(days or 0) * 1440 + int(hours) * 60 + int(minute) + int(second) / 60


def known_qos() -> set[str]:
    """Return the QOS that this user may ask for; none if SLURM cannot tell."""
    try:
        rows = ask("sacctmgr", "-n", "-P", "show", "associations", f"user={getpass.getuser()}", "format=qos")
    except ClusterError:
        return set()
    return {name for row in rows.split() for name in row.split(",") if name}


def check_requests(
    requests: Mapping[str, Mapping[str, object]], limits: Mapping[str, float], profile: str, qos: Collection[str] = ()
) -> None:
    """Raise :class:`ClusterError` if SLURM would never run what a rule asks for.

    Args:
        requests: the resources of one job of each rule.
        limits: the partitions and their longest time, in minutes.
        profile: the file where resources are set.
        qos: those that the user may ask for; empty if that is unknown.
    """
    for rule, asked in requests.items():
        names = str(asked.get("slurm_partition") or "").split(",")
        unknown = [name for name in names if name and name not in limits]
        if unknown:
            raise ClusterError(
                f"SLURM has no partition {unknown[0]!r}, which rule {rule} asks for. Set slurm_partition in {profile}. "
                f"There are: {', '.join(sorted(limits))}"
            )
        longest = max((limits[name] for name in names if name), default=math.inf)
        time = asked.get("runtime")
        if isinstance(time, int | float) and time > longest:
            raise ClusterError(
                f"rule {rule} asks for {time:g} minutes, and partition {','.join(names)} allows {longest:g}: its jobs "
                f"would never start. Set a shorter runtime, or another slurm_partition, in {profile}"
            )
        wanted = str(asked.get("qos") or "")
        if wanted and qos and wanted not in qos:
            raise ClusterError(
                f"you may not use the QOS {wanted!r}, which rule {rule} asks for. Set qos in {profile}. "
                f"You may use: {', '.join(sorted(qos))}"
            )


# ------------------------------------------------------------------------------------------------------ the queue


@dataclass(frozen=True)
class QueuedJob:
    """A job in the queue: its number, state, and what it is for (``zonal_stats ppt_2005``)."""

    id: str
    state: str
    what: str

    @property
    def waits(self) -> bool:
        """Whether it has done nothing yet, so that ending it loses nothing."""
        return self.state in ("PENDING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD")


def queued_jobs(runs: Collection[str]) -> list[QueuedJob]:
    """Return the jobs of `runs` (SLURM job names: one for all jobs of a run) that wait or run."""
    if not runs:
        return []
    return parse_queue(ask("squeue", "--noheader", f"--name={','.join(runs)}", "--format=%A|%T|%k"))


def known_jobs(run: str) -> set[str]:
    """Return the numbers of all jobs of a run that SLURM remembers: also of those that ended lately."""
    return set(ask("squeue", "--noheader", "--states=all", f"--name={run}", "--format=%A").split())


def parse_queue(text: str) -> list[QueuedJob]:
    """Read the rows of ``squeue --format=%A|%T|%k``."""
    rows = (line.split("|", 2) for line in text.splitlines() if line.strip())
    return [QueuedJob(number, state, purpose(comment)) for number, state, comment in rows]


def purpose(comment: str) -> str:
    """Return what a job is for from the comment that the plugin gives it (``rule_zonal_stats_wildcards_ppt_2005``)."""
    return comment.strip().removeprefix("rule_").replace("_wildcards_", " ")


def pending_jobs(run: str) -> list[tuple[str, str, str]]:
    """Return the jobs of a run that wait in the queue: number, reason, and what each is for."""
    rows = ask("squeue", "--noheader", "--states=PENDING", f"--name={run}", "--format=%A|%r|%k").splitlines()
    split = (row.split("|", 2) for row in rows if row.strip())
    return [(number, reason.strip(), purpose(comment)) for number, reason, comment in split]


def cancel_run(run: str) -> None:
    """Cancel all jobs of a run."""
    ask("scancel", f"--name={run}")


def cancel_waiting(jobs: Iterable[QueuedJob]) -> None:
    """Cancel those of `jobs` that still wait when SLURM reads this."""
    ask("scancel", "--state=PENDING", *(job.id for job in jobs))
