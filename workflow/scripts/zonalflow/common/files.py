"""Files that exist only when they are whole, and the checksums that tell whether they still are.

A file is written under a hidden name beside its target, flushed to the disk and renamed onto the target, so that a
reader, or the next run after a kill, sees the old content, the new content or nothing: never a part.

The manifest is written long after the results, and must not vouch for one that was damaged or edited in between. So
each job records the checksums of its own files, in the format of ``sha256sum`` (``sha256sum -c FILE`` checks them), and
whoever reads such a file later can tell whether it still is what the job wrote.
"""

import contextlib
import errno
import glob
import hashlib
import json
import os
import secrets
import shutil
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

_CHUNK = 1 << 20  # bytes hashed at a time
_TEMPORARY = ".{stem}~{owner}{suffixes}"


def temporary_name(target: str | os.PathLike[str]) -> Path:
    """Return a hidden, unique path beside `target` with its suffixes: format drivers go by the suffix."""
    target = Path(target)
    owner = f"{os.getpid()}-{secrets.token_hex(4)}"
    return target.with_name(_TEMPORARY.format(stem=_stem(target), owner=owner, suffixes=_suffixes(target)))


def _suffixes(target: Path) -> str:
    return "".join(target.suffixes)


def _stem(target: Path) -> str:
    return target.name.removesuffix(_suffixes(target))[:80]


@contextlib.contextmanager
def atomic_path(target: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a path to write; when the block ends without an error, the file takes the place of `target`.

    Parent folders are created. On an error whatever was written is removed and `target` is as it was. After a
    SIGKILL the hidden temporary file may stay behind (its name holds ``~``); it is never read.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(target)
    try:
        yield temporary
        _flush(temporary)
        temporary.replace(target)
        _flush(target.parent)
    finally:
        remove(temporary)


def sweep(target: str | os.PathLike[str]) -> None:
    """Remove what killed writers of `target` left; only for a caller that knows that none is at work."""
    target = Path(target)
    pattern = _TEMPORARY.format(stem=glob.escape(_stem(target)), owner="*", suffixes=glob.escape(_suffixes(target)))
    for leftover in target.parent.glob(pattern):
        remove(leftover)


def write_text(target: str | os.PathLike[str], text: str) -> None:
    """Write `text` as UTF-8, with line ends as they are, atomically."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(text.encode())


def write_json(target: str | os.PathLike[str], value: Any) -> None:
    """Write `value` as JSON (UTF-8, keys in their order, one indent, a final newline), atomically.

    NaN and infinities are a ValueError: JSON has no word for them.
    """
    write_text(target, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def sha256(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def remove(path: Path) -> None:
    """Remove a file or a folder with what it holds, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Force a file, or a folder's list of names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        # Some network file systems refuse to sync a folder; the rename is atomic all the same.
        if not path.is_dir():
            raise
    finally:
        os.close(descriptor)


def record_checksums(target: str | Path, paths: Iterable[str | Path]) -> None:
    """Write the checksums of `paths` (of a folder: of its files) to `target`, as ``sha256sum`` does."""
    write_text(target, "".join(f"{sha256(path)}  {path}\n" for path in files_of(paths)))


def read_checksums(records: Iterable[str | Path]) -> dict[str, str]:
    """Return path to checksum of all that `records` hold; a damaged line counts for nothing."""
    found = {}
    for record in records:
        for line in Path(record).read_text(encoding="utf-8", errors="replace").splitlines():
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


def read_json(path: str) -> dict:
    """Return the JSON object in ``path``."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def check_written(path: Path) -> None:
    """Raise OSError when a file is shorter than it says: GDAL closes what a full disk has cut short without complaint.

    Sources: ESRI Shapefile Technical Description (1998) for the length in 16-bit words at byte 24; dBASE table file
    format; SQLite database file format, section 1.3, for the number of pages at byte 28.
    """
    with path.open("rb") as stream:
        head, size = stream.read(100), path.stat().st_size
    try:
        if path.suffix in (".shp", ".shx"):
            whole = size == 2 * struct.unpack_from(">i", head, 24)[0]
        elif path.suffix == ".dbf":
            records, header, record = struct.unpack_from("<IHH", head, 4)
            whole = header > 0 and size >= header + records * record
        elif path.suffix == ".gpkg":
            page, pages = struct.unpack_from(">H", head, 16)[0], struct.unpack_from(">I", head, 28)[0]
            whole = size == (65536 if page == 1 else page) * pages > 0
        elif path.suffix == ".geojson":
            whole = path.read_bytes().rstrip().endswith(b"]\n}")
        else:
            whole = size > 0
    except struct.error:  # shorter than a head
        whole = False
    if not whole:
        raise OSError(errno.ENOSPC, "cut short as it was written", str(path))
