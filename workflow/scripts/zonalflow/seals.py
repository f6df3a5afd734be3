"""Seals: the checksums of what a job has just written, kept beside its work.

The manifest is written long after the results, and must not vouch for one that was damaged or edited in
between. So each job notes the checksums of its own files, in the format of ``sha256sum`` (``sha256sum -c
FILE`` checks them), and whoever reads a sealed file later can tell whether it still is what the job wrote.
"""

from collections.abc import Iterable
from pathlib import Path

from zonalflow.atomic import sha256, write_text

SUFFIX = ".sha256"


def seal(target: str | Path, paths: Iterable[str | Path]) -> None:
    """Write the checksums of ``paths`` (of a folder: of its files) to ``<target>.sha256``."""
    lines = [f"{sha256(path)}  {path}\n" for path in files_of(paths)]
    write_text(f"{target}{SUFFIX}", "".join(lines))


def sealed(folder: str | Path) -> dict[str, str]:
    """Return path to checksum of all that is sealed under ``folder``; a damaged line counts for nothing."""
    found = {}
    for path in sorted(Path(folder).rglob(f"*{SUFFIX}")):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            checksum, _, name = line.partition("  ")
            if len(checksum) == 64 and name:
                found[name] = checksum
    return found


def files_of(paths: Iterable[str | Path]) -> list[Path]:
    """Return the files, and of folders the files within, in a fixed order."""
    files = []
    for path in map(Path, paths):
        files += sorted(part for part in path.rglob("*") if part.is_file()) if path.is_dir() else [path]
    return files
