"""Zip archives from a server, read without trusting them.

Nothing is unpacked before every member is checked: a name that leads out of the folder, a link, a device, two members
with one name, an encrypted member, an archive within the archive or more data than the limits allow refuses the whole
archive, with the member's name. Unpacked files carry the time of unpacking, since some file systems delete old files.
"""

import posixpath
import re
import stat
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from zonalflow.common.errors import FetchError, PermanentFetchError
from zonalflow.common.files import atomic_path

_MB = 1 << 20
_CHUNK = _MB
_ENCRYPTED = 0x1  # bit 0 of a member's flags (PKWARE APPNOTE 4.4.4)
_NESTED_SUFFIX = re.compile(r"\.(zip|kmz|7z|rar|tar|tgz|gz|bz2|xz|zst|jar)$", re.IGNORECASE)
_NESTED_MAGIC = (  # the first bytes of packed archives
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x1f\x8b",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!",
    b"BZh",
    b"\xfd7zXZ\x00",
)
_TIFF, _SHAPE = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), (b"\0\0\x27\x0a",)
_MAGIC = {".tif": _TIFF, ".tiff": _TIFF, ".shp": _SHAPE, ".shx": _SHAPE, ".xml": (b"<", b"\xef\xbb\xbf<")}
_LONGEST_MAGIC = max(map(len, _NESTED_MAGIC))
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\]")


@dataclass(frozen=True)
class Limits:
    """How much an archive may hold: members, bytes when unpacked, and unpacked over packed bytes.

    The ratio counts only above `free` unpacked bytes, since a grid that is nearly all nodata is packed to a hundredth.
    """

    members: int = 5000
    bytes: int = 8 << 30
    ratio: float = 200.0
    free: int = 256 * _MB


DEFAULT_LIMITS = Limits()


class ArchiveError(PermanentFetchError):
    """An archive that is refused for what it holds."""


def check_members(path: Path, limits: Limits = DEFAULT_LIMITS) -> list[zipfile.ZipInfo]:
    """Return the files (not the folders) of a zip after a check of every member.

    Raises:
        FetchError: when the file is not a readable zip.
        ArchiveError: naming the first member that is refused.
    """
    with _open(path) as archive:
        return _checked(archive, path, limits)


def unpack(
    path: Path,
    folder: Path,
    *,
    wanted: Callable[[str], bool] = lambda name: True,
    limits: Limits = DEFAULT_LIMITS,
) -> list[Path]:
    """Unpack the members whose name is `wanted` into `folder`, each atomically; return their paths in order.

    Raises:
        FetchError: for a damaged archive; members before the damaged one may be in `folder`.
        ArchiveError: for a refused archive, of which nothing is unpacked.
    """
    with _open(path) as archive:
        unpacked = []
        for member in _checked(archive, path, limits):
            if not wanted(member.filename):
                continue
            target = folder / member.filename
            with atomic_path(target) as temporary:
                with temporary.open("wb") as stream:
                    for chunk in _content(archive, member, path):
                        stream.write(chunk)
                _check_magic(temporary, member.filename)
            unpacked.append(target)
        return unpacked


def _check_magic(file: Path, name: str) -> None:
    """Raise FetchError unless a file begins as its name says: GDAL opens files by their content.

    Sources: TIFF 6.0, section 2; BigTIFF; ESRI Shapefile Technical Description, for the first four bytes.
    """
    wanted = _MAGIC.get(PurePosixPath(name).suffix.lower())
    with file.open("rb") as stream:
        start = stream.read(16)
    if wanted and not start.startswith(wanted):
        raise FetchError(f"{name} cannot be read as what its name says: it begins with {start!r}")


def _open(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except FileNotFoundError:
        raise
    except Exception as error:  # on hostile bytes zipfile raises nearly anything: struct.error, ValueError …
        raise FetchError(f"{path.name} is not a readable zip archive ({error})") from error


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, size: int = _CHUNK) -> Iterator[bytes]:
    """Yield the content of a member in chunks of `size` bytes; FetchError, naming the archive, for damage."""
    try:
        with archive.open(member) as stream:
            while chunk := stream.read(size):
                yield chunk
    except Exception as error:  # see _open; a consumer's error is not raised here
        raise FetchError(f"{path.name} is a damaged zip archive ({error})") from error


def _checked(archive: zipfile.ZipFile, path: Path, limits: Limits) -> list[zipfile.ZipInfo]:
    members = archive.infolist()
    if len(members) > limits.members:
        raise ArchiveError(f"{path.name} holds {len(members)} members, more than {limits.members}; it is refused")
    for member in members:
        if reason := _objection(member):
            raise ArchiveError(f"{path.name} is refused: its member {member.orig_filename!r} {reason}")
    files = [member for member in members if not member.is_dir()]
    _check_names(members, files, path)
    _check_size(members, path, limits)
    for member in files:
        start = next(_content(archive, member, path, _LONGEST_MAGIC), b"")
        if start.startswith(_NESTED_MAGIC):
            raise ArchiveError(f"{path.name} is refused: its member {member.filename!r} is itself a packed archive")
    return files


def _objection(member: zipfile.ZipInfo) -> str | None:
    """Return why a member is refused by its header alone, or None."""
    name = member.orig_filename
    mode = member.external_attr >> 16  # the Unix mode, or 0 where the archive was made elsewhere
    if not name or _FORBIDDEN.search(name):
        return "has a name with control characters or backslashes"
    if name.startswith("/") or re.match(r"^[A-Za-z]:", name):
        return "has an absolute name"
    if ".." in name.split("/"):
        return "would be written outside the folder ('..')"
    if any(len(part.encode(errors="replace")) > 200 for part in name.split("/")):
        return "has too long a name"
    if stat.S_ISLNK(mode):
        return "is a link"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a device, pipe or socket"
    if member.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if not member.is_dir() and _NESTED_SUFFIX.search(name):
        return "is itself a packed archive"
    return None


def _check_names(members: list[zipfile.ZipInfo], files: list[zipfile.ZipInfo], path: Path) -> None:
    """Refuse a file that another member of the archive would overwrite or need as a folder."""
    folders = {_key(parent) for member in members for parent in PurePosixPath(member.filename).parents}
    folders |= {_key(member.filename) for member in members if member.is_dir()}
    seen: set[str] = set()
    for member in files:
        key = _key(member.filename)
        if key in seen:
            raise ArchiveError(f"{path.name} is refused: its member {member.filename!r} occurs twice")
        if key in folders:
            raise ArchiveError(f"{path.name} is refused: its member {member.filename!r} is also a folder")
        seen.add(key)


def _key(name: str | PurePosixPath) -> str:
    """Return a name in the form in which a file system without upper and lower case compares it."""
    return posixpath.normpath(str(name)).casefold()


def _check_size(members: list[zipfile.ZipInfo], path: Path, limits: Limits) -> None:
    """Refuse a zip bomb by the declared sizes of its members; zipfile never unpacks more than declared."""
    packed, unpacked = path.stat().st_size, 0
    if sum(member.compress_size for member in members) > packed:
        raise ArchiveError(f"{path.name} is refused: its members overlap (a zip bomb)")
    for member in members:
        unpacked += member.file_size
        if unpacked > limits.bytes:
            raise ArchiveError(
                f"{path.name} is refused: with its member {member.filename!r} it unpacks to "
                f"{unpacked / _MB:.0f} MB, more than {limits.bytes / _MB:.0f} MB (a zip bomb?)"
            )
        if unpacked > limits.free and unpacked > limits.ratio * packed:
            raise ArchiveError(
                f"{path.name} is refused: its member {member.filename!r} unpacks to more than "
                f"{limits.ratio:.0f} times what was packed (a zip bomb?)"
            )
