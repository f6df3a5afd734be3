"""SLURM, as its own commands tell it: accounts, and the queue.

Each question is one command, run by :func:`ask`; the functions that read the answers are pure.
"""

import getpass
import re
import subprocess
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from zonalflow.common.errors import ZonalflowError

PLACEHOLDER = "YOUR_ACCOUNT"  # what the shipped profiles say in place of an account
ANSWER_TIMEOUT = 60  # seconds; a busy controller takes ten to say no
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

    The accounting service is asked first; when it is down the controller still knows.
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
    """Raise :class:`ClusterError`, with the way out, unless `resources` name an account that can be charged.

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


# ------------------------------------------------------------------------------------------------------ the queue


@dataclass(frozen=True)
class QueuedJob:
    """A job that SLURM has not done with: its number, state, and what it is for (``zonal_stats ppt_2005``)."""

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


def cancel_waiting(jobs: Iterable[QueuedJob]) -> None:
    """Cancel those of `jobs` that still wait when SLURM reads this."""
    ask("scancel", "--state=PENDING", *(job.id for job in jobs))
