"""End a run cleanly: on a signal, or when it waits only for jobs that SLURM has forgotten."""

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from zonalflow.cluster import slurm
from zonalflow.run.controller import Log

MEMORY_CHECK = 300  # seconds between two checks whether SLURM still knows the jobs that are waited for


def end_in_order_on_signals(note: Callable[[], None], finish: Callable[[], None]) -> None:
    """Let SIGTERM and SIGHUP do what Ctrl-C does: Snakemake cancels the jobs in the queue, unlocks and exits.

    Snakemake itself waits for all jobs on SIGTERM, and dies of SIGHUP, leaving jobs and lock behind. Under nohup,
    SIGHUP stays ignored. The first signal calls `note` at once, wherever the main thread is, and `finish` in a thread
    of its own; a second one changes nothing, since the run is ending.
    """
    terminals = [descriptor for descriptor in (1, 2) if os.isatty(descriptor)]
    ending = threading.Event()

    def wait_and_finish() -> None:
        ending.wait()
        finish()

    threading.Thread(target=wait_and_finish, daemon=True, name="zonalflow ending").start()

    def interrupt(number: int, frame: object) -> None:
        if number == signal.SIGHUP:  # the terminal is closed, and writing to it would be an error
            with suppress(OSError):
                null = os.open(os.devnull, os.O_WRONLY)
                for descriptor in terminals:
                    os.dup2(null, descriptor)
        if not ending.is_set():
            note()
            ending.set()
            raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, interrupt)


def shield_from_ctrl_c() -> None:
    """Keep Ctrl-C, which reaches all processes of a terminal, from those that this thread starts."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def end_when_forgotten(
    run: str, awaited: Callable[[], Mapping[str, str]], log: Log, pause: Callable[[float], None] = time.sleep
) -> None:
    """End this process, by SIGTERM, when it waits only for jobs that SLURM has forgotten; it would wait forever.

    SLURM forgets ended jobs after its MinJobAge, minutes as a rule. A process that was stopped for longer, or that
    missed them in an outage, never learns how they ended. `awaited` returns number and name of the jobs waited for.
    """
    before: set[str] = set()
    while True:
        pause(MEMORY_CHECK)
        jobs = awaited()
        try:
            known = slurm.known_jobs(run)
        except slurm.ClusterError:
            continue  # an outage: nothing is known
        forgotten = set(jobs) if not known & set(jobs) else set()
        if forgotten & before:  # twice, so that a job which ends at this moment is not among them
            names = ", ".join(jobs[number] for number in sorted(forgotten))
            log(f"SLURM no longer knows the jobs that this run waits for: {names}. It ends; start it again to go on.")
            os.kill(os.getpid(), signal.SIGTERM)
            return
        before = forgotten
