"""The contents of input files by their SHA-256, computed once for as long as a file stays the same.

A file counts as the same while its signature is: size, modification time, inode and change time. The last is the file
system's own and cannot be set back, so that `cp -p`, `rsync -t` and `mv` show in it.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from zonalflow.common.files import sha256, write_json

Signature = tuple[int, int, int, int]
_SETTLED = 2.0  # seconds; a younger file might change again without a new time stamp, where the clock is coarse
_LARGEST_RECEIPT = 1 << 24  # bytes


@dataclass(frozen=True)
class Content:
    """A file and what is in it: `sha256` is empty for a file that is not there, `signature` None if it is not settled.

    For the receipt of a fetch `sha256` is that of the names, dates and checksums of the files that came.
    """

    path: str
    sha256: str
    signature: Signature | None

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return self.path.rpartition("/")[2]


def signature_of(path: str) -> Signature | None:
    """Return the signature of a file, None if there is none."""
    try:
        stat = os.stat(path)  # noqa: PTH116 - called thousands of times
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns, stat.st_ino, stat.st_ctime_ns


class Contents:
    """Looks up, or computes, the contents of files.

    Args:
        remembered: contents that an earlier process computed.
        receipts: whether a receipt stands for the files that came.
    """

    def __init__(self, remembered: Iterable[Content] = (), *, receipts: bool = True):
        self._receipts = receipts
        self._recorded: dict[tuple[str, Signature], Content] = {}
        self._remembered = {(one.path, one.signature): one for one in remembered if one.signature}
        self._unrecorded: dict[tuple[str, Signature], Content] = {}

    def add(self, recorded: Iterable[Content]) -> None:
        """Take note of contents that stand in a record."""
        self._recorded.update({(one.path, one.signature): one for one in recorded if one.signature})

    def of(self, path: str) -> Content:
        """Return what is in a file now."""
        signature = signature_of(path)
        if signature is None:
            return Content(path, "", None)
        key = path, signature
        known = self._recorded.get(key) or self._unrecorded.get(key)
        if known is None:
            known = self._unrecorded[key] = self._remembered.get(key) or self._computed(path, signature)
        return known

    def to_remember(self) -> list[Content]:
        """Return the contents that no record holds, and that need not be computed again."""
        return [one for one in self._unrecorded.values() if one.signature]

    def _computed(self, path: str, signature: Signature) -> Content:
        settled = max(signature[1], signature[3]) / 1e9 + _SETTLED < time.time()
        receipt = _read_receipt(path) if self._receipts and signature[0] < _LARGEST_RECEIPT else None
        if receipt is not None:
            checksum = hashlib.sha256(json.dumps(receipt, sort_keys=True).encode()).hexdigest()
        else:
            checksum = sha256(path)
        return Content(path, checksum, signature if settled else None)


def _read_receipt(path: str) -> list[Any] | None:
    """Return what a receipt says of the files that came; None for a file that is no receipt."""
    if not path.endswith(".json"):
        return None
    try:
        receipt = json.loads(Path(path).read_text(encoding="utf-8"))
        if "requests" not in receipt:
            return None
        files = [*receipt["files"], *receipt.get("sidecars", [])]
        return sorted([file["name"], file.get("date"), file["sha256"]] for file in files)
    except (OSError, ValueError, KeyError, TypeError):
        return None


@dataclass(frozen=True)
class Memory:
    """Contents of inputs and of results that no record holds, computed by an earlier process."""

    inputs: list[Content] = field(default_factory=list)
    results: list[Content] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> "Memory":
        """Return what an earlier process wrote; nothing if it is not there or damaged."""
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            return cls(*([content_of(one) for one in values[name]] for name in ("inputs", "results")))
        except (OSError, ValueError, KeyError, TypeError):
            return cls()

    def write(self, path: Path) -> None:
        """Write this for a later process, if there is anything, or was."""
        if self.inputs or self.results or path.exists():
            write_json(path, asdict(self))


def content_of(values: Mapping[str, Any]) -> Content:
    """Return a content from its JSON."""
    signature = values["signature"]
    return Content(str(values["path"]), str(values["sha256"]), tuple(signature) if signature else None)
