"""A run's jobs on SLURM, from the checks before the first submission to the end."""

import atexit
import os
import signal
import threading
from collections.abc import Mapping
from contextlib import suppress

from zonalflow.cluster import slurm
from zonalflow.cluster.commands import Commands, missing_commands
from zonalflow.cluster.pending import Follower, Log, Pending


class Session:
    """The commands of a run, and the thread that watches its queue.

    Args:
        run: the SLURM name of all jobs of the run.
        accounts: those of the profile.
        attempts: how often a submission that SLURM does not answer is tried.
        jobs: the jobs of the run.
        log: reports a line.
    """

    def __init__(self, run: str, accounts: str, attempts: int, jobs: Follower, log: Log):
        self._run = run
        self._commands = Commands(accounts, attempts)
        self._pending = Pending(run, self._commands.notes, jobs, log, lambda: os.kill(os.getpid(), signal.SIGTERM))
        atexit.register(self._commands.remove)
        threading.Thread(target=self._pending.follow, daemon=True, name="zonalflow queue").start()

    @property
    def refused(self) -> str:
        """Why SLURM refuses jobs of this run; empty if it does not."""
        return self._pending.refused

    def end(self) -> None:
        """Stop submitting, and cancel all jobs: the plugin misses those whose state it is querying."""
        self._commands.end()
        self.cancel()

    def cancel(self) -> None:
        """Cancel all jobs of the run; called again at its end, for jobs whose submission was under way."""
        with suppress(slurm.ClusterError):
            slurm.cancel_run(self._run)


def check_cluster(resources: Mapping[str, object], requests: Mapping[str, Mapping[str, object]], profile: str) -> None:
    """Raise :class:`zonalflow.cluster.slurm.ClusterError` if SLURM is not here, refuses the jobs, or never starts them.

    Args:
        resources: Snakemake's default resources, as given to the run.
        requests: the resources of one job of each rule.
        profile: the file where resources are set, for messages.
    """
    if missing := missing_commands(os.environ):
        raise slurm.ClusterError(
            f"SLURM's commands are not on the PATH of this shell: there is no {', '.join(missing)}. Start the run on a "
            "login node, or load the module that has them. To run on this machine alone: --profile profiles/local"
        )
    slurm.check_account(resources, slurm.known_accounts(), profile)
    wants_qos = any(request.get("qos") for request in requests.values())
    slurm.check_requests(requests, slurm.partition_limits(), profile, slurm.known_qos() if wants_qos else ())
