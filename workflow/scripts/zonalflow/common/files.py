"""Files and folders that exist only when they are complete, and checksums that tell whether they still are.

A file or folder is written under a hidden name beside its target, flushed to the disk and renamed to the target, so
that a reader, or the next run after a kill, sees the old content, the new content or nothing: never a part. Every
hidden name holds ``~``, so that :func:`sweep` finds what a killed writer left.

The manifest is written long after the results, and must not accept a file that was damaged or edited in between. So
each job records the checksums of its own files, in the format of ``sha256sum`` (``sha256sum -c FILE`` checks them).
"""

import contextlib
import errno
import glob
import hashlib
import json
import os
import shutil
import struct
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from zonalflow.common.errors import ZonalflowError

_SEAL = "sha256 of the content"
_CHUNK = 1 << 20  # bytes that are hashed in one step
_TEMPORARY = ".{stem}~{owner}{suffixes}"


def temporary_name(target: str | os.PathLike[str]) -> Path:
    """Return a hidden, unique path beside `target` with its suffixes, by which format drivers choose the format."""
    target = Path(target)
    owner = f"{os.getpid()}-{os.urandom(4).hex()}"
    return target.with_name(_TEMPORARY.format(stem=_stem(target), owner=owner, suffixes=_suffixes(target)))


def _suffixes(target: Path) -> str:
    return "".join(target.suffixes)


def _stem(target: Path) -> str:
    return target.name.removesuffix(_suffixes(target))[:80]


@contextlib.contextmanager
def atomic_path(target: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a path to write; when the block ends without an error, the file is renamed to `target`.

    Parent folders are created. On an error whatever was written is removed and `target` is as it was. After a SIGKILL
    the hidden temporary file may stay behind; it is never read.
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


@contextlib.contextmanager
def atomic_folder(
    target: str | os.PathLike[str], *, stays: Callable[[Path], bool] = lambda folder: False
) -> Iterator[Path]:
    """Yield an empty folder to fill; when the block ends without an error, it is renamed to `target`.

    An existing folder is replaced, unless `stays` returns True for it: during a replacement there is for an instant no
    folder at all. Otherwise as :func:`atomic_path`.
    """
    target = Path(target)
    with scratch_folder(target) as temporary:
        yield temporary
        for path in [*files_of([temporary]), temporary]:
            _flush(path)
        _replace_folder(temporary, target, stays)
        _flush(target.parent)


@contextlib.contextmanager
def scratch_folder(target: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield an empty hidden folder beside `target`, on the same file system; it is removed when the block ends."""
    folder = temporary_name(target)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # NFS keeps files that a process still has open


def _replace_folder(new: Path, target: Path, stays: Callable[[Path], bool]) -> None:
    """Rename the folder `new` to `target`, which may exist; no reader sees it half written."""
    try:
        new.rename(target)
    except OSError:
        if not target.exists():
            raise
        if stays(target):
            return
        with scratch_folder(target) as old:
            with contextlib.suppress(FileNotFoundError):  # another process was replacing it as well
                target.rename(old)
            new.rename(target)


def sweep(target: str | os.PathLike[str]) -> None:
    """Remove what killed writers of `target` left; only for a caller that knows that no writer is active."""
    target = Path(target)
    pattern = _TEMPORARY.format(stem=glob.escape(_stem(target)), owner="*", suffixes=glob.escape(_suffixes(target)))
    for leftover in target.parent.glob(pattern):
        remove(leftover)


def write_text(target: str | os.PathLike[str], text: str) -> None:
    """Write `text` as UTF-8, with line ends as they are, atomically."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(text.encode())


def write_json(target: str | os.PathLike[str], value: object) -> None:
    """Write `value` as JSON (UTF-8, keys in their order, indented by one space, a final newline), atomically.

    Raises:
        ValueError: for NaN and infinities, which JSON cannot store.
    """
    write_text(target, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def write_sealed_json(target: str | os.PathLike[str], value: dict[str, Any]) -> None:
    """Write an object as JSON as :func:`write_json` does, with a checksum of its content as its last key.

    For data that one job passes to another without any other check: a changed digit in a grid would give wrong numbers.
    """
    write_json(target, {**value, _SEAL: _seal_of(value)})


def _seal_of(value: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def read_json(path: str | os.PathLike[str], *, sealed: bool = False) -> dict[str, Any]:
    """Return the JSON object in the file `path`, of a ``sealed`` one the content that was written.

    Raises:
        ZonalflowError: for a file that is damaged.
    """
    try:
        value: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        if not isinstance(value, dict):
            raise ValueError("it is not a JSON object")
        seal = value.pop(_SEAL, None)
        if sealed and seal != _seal_of(value):
            raise ValueError("its content is not what was written")
    except (ValueError, RecursionError) as error:
        raise ZonalflowError(f"{path} is damaged ({error}); delete it and run again: it is then made again") from error
    return value


def sha256(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that it holds, if it exists."""
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
    """Return path to checksum of all that `records` list; a damaged line is ignored."""
    found = {}
    for record in records:
        for line in Path(record).read_text(encoding="utf-8", errors="replace").splitlines():
            checksum, _, name = line.partition("  ")
            if len(checksum) == 64 and name:
                found[name] = checksum
    return found


def files_of(paths: Iterable[str | Path]) -> list[Path]:
    """Return the files among `paths`, and the files within the folders among them, in a fixed order."""
    files: list[Path] = []
    for path in map(Path, paths):
        files += sorted(part for part in path.rglob("*") if part.is_file()) if path.is_dir() else [path]
    return files


def check_written(path: Path) -> None:
    """Raise OSError when a vector file is shorter than its header says.

    On a full disk GDAL cuts a file short and closes it without an error.

    Sources: ESRI Shapefile Technical Description (1998) for the length in 16-bit words at byte 24; dBASE table file
    format; SQLite database file format, section 1.3, for the number of pages at byte 28.
    """
    with path.open("rb") as stream:
        head, size = stream.read(100), path.stat().st_size
    try:
        if path.suffix in (".shp", ".shx"):
            complete = size == 2 * struct.unpack_from(">i", head, 24)[0]
        elif path.suffix == ".dbf":
            records, header, record = struct.unpack_from("<IHH", head, 4)
            complete = header > 0 and size >= header + records * record
        elif path.suffix == ".gpkg":
            page, pages = struct.unpack_from(">H", head, 16)[0], struct.unpack_from(">I", head, 28)[0]
            complete = size == (65536 if page == 1 else page) * pages > 0
        elif path.suffix == ".geojson":
            complete = path.read_bytes().rstrip().endswith(b"]\n}")
        else:
            complete = size > 0
    except struct.error:  # shorter than a header
        complete = False
    if not complete:
        raise OSError(errno.ENOSPC, "cut short as it was written", str(path))
