"""Runs of one working directory that read the same downloads: each is made by one of them, and the others wait for it.

Snakemake locks the outputs of a whole run until its end, and marks an output as incomplete until its job has ended. A
download that is finished may be read by others at once, so it is taken out of the lock.
"""

import base64
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from zonalflow.common.files import write_text
from zonalflow.common.text import few
from zonalflow.run.records import Record, live_runs

LOCKS = Path(".snakemake/locks")
INCOMPLETE = Path(".snakemake/incomplete")
POLL = 2  # seconds between two looks at the downloads of others
_MOST_CHARACTERS = 254  # of a part of a marker's name


def unclaimed(run: str, receipts: Iterable[str]) -> tuple[str, ...]:
    """Return the receipts that are still to be made, and that no other live run is making."""
    claimed = {path for name, other in live_runs().items() if name != run for path in other.fetches}
    return tuple(path for path in receipts if not is_whole(path) and path not in claimed)


def wait_for_others(run: str, receipts: Iterable[str], mine: Record, log: Callable[[str], None]) -> None:
    """Wait until no other live run is making a receipt that this run reads, and take those out of its lock.

    Where two runs claim one receipt, since they began in the same instant, the later one waits.
    """
    reads, told = set(receipts), ""
    while True:
        others = {name: other for name, other in live_runs().items() if name != run}
        waiting = _unfinished(reads, mine, others)
        if not waiting:
            break
        names = sorted(set(waiting.values()))
        text = (
            f"Waiting for run {' and '.join(names)}, which is fetching or making what this run reads as well: "
            f"{few(sorted(waiting), 3)}. Started by process {others[names[0]].pid} on {others[names[0]].host}."
        )
        if names[0] != told:  # once for each run that is waited for
            log(text)
            told = names[0]
        time.sleep(POLL)
    _unlock({path for other in others.values() for path in reads.intersection(other.fetches) if is_whole(path)})


def _unfinished(reads: set[str], mine: Record, others: Mapping[str, Record]) -> dict[str, str]:
    """Return the receipts to wait for, and which run makes each."""
    return {
        path: name
        for name, other in others.items()
        for path in reads.intersection(other.fetches)
        if not is_whole(path) and (path not in mine.fetches or _order(other) < _order(mine))
    }


def _order(record: Record) -> tuple[str, str, int]:
    return record.since, record.host, record.pid


def is_whole(path: str) -> bool:
    """Return whether an output exists and Snakemake has not marked it as incomplete, as after an interruption.

    Snakemake names the marker after the output, in base 64, and puts the parts of a long name into folders.
    """
    name = base64.urlsafe_b64encode(path.encode()).decode()
    parts = [name[i : i + _MOST_CHARACTERS] for i in range(0, len(name), _MOST_CHARACTERS)]
    marker = INCOMPLETE.joinpath(*(f"@{part}" for part in parts[:-1]), parts[-1])
    return Path(path).exists() and not marker.exists()


def _unlock(finished: set[str]) -> None:
    """Take finished outputs out of the locks of all runs."""
    for lock in sorted(LOCKS.glob("*.output.lock")) if finished else ():
        try:
            lines = lock.read_text(encoding="utf-8").splitlines()
            left = [line for line in lines if line not in finished]
            if left != lines:
                write_text(lock, "".join(f"{line}\n" for line in left))
        except FileNotFoundError:  # its run has just ended
            continue
