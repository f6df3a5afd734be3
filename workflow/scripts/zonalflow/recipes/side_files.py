"""The files that belong to an input: what GDAL reads besides the file that is named.

They are found by their names in the folder's listing, since opening 16,000 rasters to ask GDAL takes minutes: headers,
projections, world files, masks, overviews, ``.aux.xml``, the parts of a shapefile. The sources of a VRT are found in
it. A folder, such as a file geodatabase or a Zarr store, stands for all files in it.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

# Suffixes of side files, by the documentation of GDAL's drivers; `aux`, `msk` and `ovr` also stand in a row.
_SIDE_SUFFIXES = """
aux xml msk ovr hdr prj cpg shx dbf csvt rrd ige clr stx rpb imd gri grd rdc ref sgrd mgrd sdat prm lbl dat map id ind
mid idx wld
"""
_SIDE = frozenset(_SIDE_SUFFIXES.split())
_WORLD_FILE = re.compile(r"[a-z]{2,4}w")  # .tfw, .tifw, .blw, …
_APPENDED = ("-wal", "-journal")  # what SQLite has not yet merged into a GeoPackage
_SOURCES = ("SourceFilename", "SourceDataset", "SrcDataSource")  # elements of raster and vector VRTs
_ARCHIVE = re.compile(r"/vsi(?:zip|tar|gzip|7z|rar|subfile|sparse)/\{?([^{}]+)\}?")


class Folders:
    """Listings of folders, each read once."""

    def __init__(self) -> None:
        self._by_stem: dict[str, dict[str, list[str]]] = {}

    def files_of(self, inputs: Iterable[str]) -> list[str]:
        """Return the inputs with their side files, sources and, for folders, contents; each once, in a fixed order."""
        found: dict[str, None] = {}
        waiting = list(inputs)[::-1]
        while waiting:
            path = waiting.pop()
            if path in found:
                continue
            found[path] = None
            if Path(path).suffix.lower() == ".vrt":
                waiting += reversed(vrt_sources(Path(path)))
            waiting += reversed(self._side_files(path))
        return [part for path in found for part in (_contents(path) if os.path.isdir(path) else [path])]  # noqa: PTH112 - in a loop over thousands

    def _side_files(self, path: str) -> list[str]:
        folder, _, name = path.rpartition("/")
        if folder not in self._by_stem:
            self._by_stem[folder] = _listing(folder or ("/" if path.startswith("/") else "."))
        listing, stem = self._by_stem[folder], name.rpartition(".")[0]
        names = {*listing.get(name, ()), *listing.get(stem, ())} - {name}
        parts = {other: (other[len(name) :] if other.startswith(name) else other[len(stem) :]) for other in names}
        side = [other for other, rest in parts.items() if rest in _APPENDED or all(map(_is_side, rest[1:].split(".")))]
        side += _of_two_formats(folder or ".", stem, name[len(stem) :].lower())
        return [f"{folder}/{other}" if folder or path.startswith("/") else other for other in sorted(side)]


def _is_side(suffix: str) -> bool:
    suffix = suffix.lower()
    return suffix in _SIDE or _WORLD_FILE.fullmatch(suffix) is not None


def _of_two_formats(folder: str, stem: str, suffix: str) -> list[str]:
    """Return the side files of two formats: of ERMapper a file without suffix, of an ArcInfo grid the whole folder."""
    if suffix == ".adf":
        return [path.name for path in Path(folder).iterdir() if path.is_file()]
    return [stem] if suffix == ".ers" else []


def _listing(folder: str) -> dict[str, list[str]]:
    """Return the names in a folder by each of their beginnings that ends before a dot, or before SQLite's endings."""
    found: dict[str, list[str]] = {}
    try:
        names = os.listdir(folder)  # noqa: PTH208 - names alone
    except OSError:
        return found
    for name in names:
        dot = name.find(".", 1)
        while dot > 0:
            found.setdefault(name[:dot], []).append(name)
            dot = name.find(".", dot + 1)
        for end in _APPENDED:
            if name.endswith(end):
                found.setdefault(name.removesuffix(end), []).append(name)
    return found


def _contents(folder: str) -> list[str]:
    """Return the files in a folder but the locks of programs that have it open."""
    found = sorted(str(path) for path in Path(folder).rglob("*") if path.is_file())
    return [path for path in found if not path.endswith(".lock")]


def vrt_sources(path: Path) -> list[str]:
    """Return the files that a VRT names, relative ones against its folder where it says so; none if unreadable."""
    try:
        tree = ElementTree.fromstring(path.read_bytes())
    except (OSError, ElementTree.ParseError):
        return []
    found = []
    for element in tree.iter():
        if element.tag not in _SOURCES or not (text := (element.text or "").strip()):
            continue
        relative = {key.lower(): value for key, value in element.attrib.items()}.get("relativetovrt") == "1"
        if archive := _ARCHIVE.match(text):
            text = _existing_part(archive[1])
        if text.startswith(("/vsi", "http:", "https:")) or "\n" in text:
            continue
        found.append(os.path.normpath(path.parent / text) if relative else text)
    return found


def _existing_part(path: str) -> str:
    """Return the file among the beginnings of a path into an archive, the path itself if there is none."""
    parts = path.split("/")
    beginnings = ("/".join(parts[:n]) for n in range(1, len(parts) + 1))
    return next((start for start in beginnings if start and Path(start).is_file()), path)
