"""Receipts: what was fetched, from where and when, with the checksum of every file.

A receipt is JSON, written last, so that its presence shows that all its files are there and verified. Each request of a
fetch has a record of its own (a *part*) in the hidden folder ``.parts`` beside the files: when one month fails, the
months that came are not requested again.
"""

import json
import logging
from pathlib import Path
from typing import NotRequired, TypedDict

from zonalflow.common.files import sha256, sweep, write_json
from zonalflow.sources.download import RequestRecord

logger = logging.getLogger(__name__)


class FileRecord(TypedDict):
    """A verified file: its name beside the receipt, its date (None for zones and side files), SHA-256 and size."""

    name: str
    date: str | None
    sha256: str
    bytes: int


class PartRecord(TypedDict):
    """What one request brought; `asked` is its address without the server's.

    `more_requests` are those that it took beside the last one, where it had to be asked for in parts.
    """

    asked: str
    files: list[FileRecord]
    sidecars: list[FileRecord]
    request: RequestRecord
    more_requests: NotRequired[list[RequestRecord]]


class Receipt(TypedDict):
    """What a fetch brought; `sidecars` are files of GDAL's that belong to rasters, `attribution` is the citation."""

    source: str
    files: list[FileRecord]
    sidecars: list[FileRecord]
    requests: list[RequestRecord]
    attribution: str
    synthetic: bool


def describe_file(path: Path, date: str | None) -> FileRecord:
    """Return the record of a file as it is on the disk now."""
    return {"name": path.name, "date": date, "sha256": sha256(path), "bytes": path.stat().st_size}


def write_receipt(path: Path, source: str, parts: list[PartRecord], attribution: str) -> Receipt:
    """Write, and return, the receipt of `parts`, with the files in the order of their dates.

    Only for the holder of the lock on the files.
    """
    files = [file for part in parts for file in part["files"]]
    receipt: Receipt = {
        "source": source,
        "files": sorted(files, key=lambda file: (file["date"] or "", file["name"])),
        "sidecars": [file for part in parts for file in part["sidecars"]],
        "requests": [request for part in parts for request in [*part.get("more_requests", []), part["request"]]],
        "attribution": attribution,
        "synthetic": False,
    }
    sweep(path)
    write_json(path, receipt)
    return receipt


def write_part(path: Path, part: PartRecord) -> None:
    """Record that one request brought files, which are now in the folder that holds ``.parts``.

    Only for the holder of the lock on the files.
    """
    sweep(path)
    write_json(path, part)


def read_part(path: Path, asked: str) -> PartRecord | None:
    """Return what :func:`write_part` recorded, or None unless it answers `asked` and every file is unchanged."""
    try:
        part: PartRecord = json.loads(path.read_text(encoding="utf-8"))
        if part["asked"] != asked:
            return None
        folder = path.parent.parent
        for file in part["files"] + part["sidecars"]:
            if sha256(folder / file["name"]) != file["sha256"]:
                logger.warning("%s has changed since it was fetched; fetching it again", folder / file["name"])
                return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return part


def part_path(receipt_path: Path, name: str) -> Path:
    """Return the path of the record of the part `name` of a receipt."""
    return receipt_path.parent / ".parts" / f"{name}.json"
