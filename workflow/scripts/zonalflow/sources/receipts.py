"""Receipts: what was fetched, from where and when, with the checksum of every file.

A receipt is JSON, written last, so that its presence says that all its files are there and verified. A year
fetched in several requests has a small receipt for each (a *part*), kept in the hidden folder ``.parts``
beside the files: when one month fails the others are not asked for again.
"""

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zonalflow.common.files import sha256, sweep, write_json
from zonalflow.sources.download import Request

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FetchedFile:
    """A verified file: its name beside the receipt, its slice's date (None for zones), SHA-256 and size."""

    name: str
    date: str | None
    sha256: str
    bytes: int


def describe_file(path: Path, date: str | None) -> FetchedFile:
    """Return the record of a file as it lies on the disk now."""
    return FetchedFile(path.name, date, sha256(path), path.stat().st_size)


def write_receipt(path: Path, source: str, parts: list[dict[str, Any]], attribution: str) -> dict[str, Any]:
    """Write, and return, the receipt of what `parts` brought: files by date, requests, whom to thank.

    Only for the holder of the lock on the files.
    """
    answer = {
        "source": source,
        "files": sorted(
            (file for part in parts for file in part["files"]),
            key=lambda file: (file["date"] or "", file["name"]),
        ),
        "sidecars": [file for part in parts for file in part["sidecars"]],
        "requests": [part["request"] for part in parts],
        "attribution": attribution,
        "synthetic": False,
    }
    sweep(path)
    write_json(path, answer)
    return answer


def write_part(
    path: Path, asked: str, files: list[FetchedFile], sidecars: list[FetchedFile], request: Request
) -> dict[str, Any]:
    """Record, and return, that one request brought these files, now in the folder above ``.parts``.

    `asked` is what was asked for: the address without the server's. Only for the holder of the lock on the
    files.
    """
    part = {
        "asked": asked,
        "files": [asdict(file) for file in files],
        "sidecars": [asdict(file) for file in sidecars],
        "request": request.to_dict(),
    }
    sweep(path)
    write_json(path, part)
    return part


def read_part(path: Path, asked: str) -> dict[str, Any] | None:
    """Return what `write_part` recorded, or None: unless it answers `asked` and every file is as it was."""
    try:
        part = json.loads(path.read_text(encoding="utf-8"))
        if part["asked"] != asked:
            return None
        folder = path.parent.parent
        for file in part["files"] + part["sidecars"]:
            if sha256(folder / file["name"]) != file["sha256"]:
                logger.warning("%s has changed since it was fetched; fetching it again", folder / file["name"])
                return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return part


def part_path(receipt_path: Path, name: str) -> Path:
    """Return where the part `name` of a receipt's files is recorded."""
    return receipt_path.parent / ".parts" / f"{name}.json"
