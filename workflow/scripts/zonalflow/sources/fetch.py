"""Fetching the files of one receipt: under a lock, only what is missing, and each request recorded as it succeeds."""

import contextlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from zonalflow.common.disk import disk_errors_explained
from zonalflow.common.errors import FetchError
from zonalflow.common.locks import locked
from zonalflow.sources.receipts import (
    PartRecord,
    Receipt,
    part_path,
    read_part,
    write_part,
    write_receipt,
)


@dataclass(frozen=True)
class Part:
    """One request of a fetch.

    Attributes:
        name: the name of its record, unique in the receipt's folder.
        asked: its address without the server's; a record that answers another address is not used.
        title: what messages about it begin with, if anything: ``PRISM ppt 2000-03``.
        dates: the dates of the rasters that must come.
    """

    name: str
    asked: str
    title: str = ""
    dates: Sequence[str] = ()


@dataclass(frozen=True)
class Plan:
    """What a receipt is to hold.

    Attributes:
        source: the name of the source in the receipt.
        attribution: the citation, to which the date of access is added.
        lock: the name of the lock that all who fetch these files take.
        parts: the requests, at least one.
        unit: what messages call the parts of a year: ``months``.
    """

    source: str
    attribution: str
    lock: str
    parts: Sequence[Part]
    unit: str = "files"


def fetch(
    plan: Plan,
    receipt_path: Path,
    fetch_part: Callable[[Part, Path], PartRecord],
    *,
    turn: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
    adapt: Callable[[PartRecord], PartRecord] = lambda record: record,
) -> Receipt:
    """Fetch the files of `plan` beside `receipt_path`, write the receipt last, and return it.

    A part whose files are unchanged since an earlier run is not requested again: a year that failed in May continues
    in May.

    Args:
        plan: the requests, and what the receipt says about them.
        receipt_path: the receipt; its folder gets the files.
        fetch_part: makes the request of a part, puts its verified files beside the receipt, and returns the record,
            whose path it is given: it may keep the answer there as a zip until this function has written the record.
        turn: waits for a turn at the server, see :func:`zonalflow.sources.locks.turn`.
        adapt: returns the record of a part as the receipt is to hold it.

    Raises:
        FetchError: for a part that cannot be fetched; the message says how many are kept.
    """
    records: list[PartRecord] = []
    lock = part_path(receipt_path, plan.lock).with_suffix(".lock")
    with disk_errors_explained(receipt_path), locked(lock):
        for part in plan.parts:
            path = part_path(receipt_path, part.name)
            record = read_part(path, part.asked)
            if record is None:
                try:
                    with turn():
                        record = fetch_part(part, path)
                except FetchError as error:
                    title = f"{part.title}: " if part.title else ""
                    raise type(error)(f"{title}{error}{_what_is_kept(plan, len(records))}") from error
                write_part(path, record)
            path.with_suffix(".zip").unlink(missing_ok=True)
            records.append(adapt(record))
        accessed = records[-1]["request"]["accessed"][:10]
        return write_receipt(receipt_path, plan.source, records, f"{plan.attribution}, accessed {accessed}")


def _what_is_kept(plan: Plan, count: int) -> str:
    if count == 0:
        return ""
    verb = "is" if count == 1 else "are"
    return f"\n{count} of the year's {len(plan.parts)} {plan.unit} {verb} here and kept."
