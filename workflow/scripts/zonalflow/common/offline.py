"""A user's files are read without the network: what names an address is refused before any request is sent.

GDAL opens a file by its content, whatever its name is: a small text may describe a web service, and a VRT, or the CRS
of a GeoJSON file, may name an address. Remote files are not supported.
"""

import contextlib
import mmap
import os
import re
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator
from pathlib import Path

from zonalflow.common.errors import ConfigError
from zonalflow.common.text import printable

_HEAD = 1 << 16  # bytes in which GDAL's drivers look for signatures
_MOST_MEMBERS = 200  # of an archive that are checked
#: GDAL's drivers for text look no further than the first zero byte, which TIFF and NetCDF-3 have at once.
_BINARY = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"CDF\1\0", b"CDF\2\0", b"CDF\5\0")
_LARGEST_VRT = 64 << 20  # bytes
_DEEPEST = 8  # VRTs within VRTs
_ADDRESS = re.compile(r"://|^\s*/vsi(?!zip/|gzip/|tar/|7z/|rar/|sparse/)|^\s*(WMS|WMTS|WCS|WFS\d?|OAPIF\w*|CSW|HTTP|DODS|"
                      r"EEDAI?|DAAS|NGW|STACTA|STACIT|TILEDB|PLMOSAIC|PLSCENES|CARTO|AMIGOCLOUD|ELASTIC|ES|PG|MYSQL|MSSQL|"
                      r"GNMFILE|S57|ODBC|OCI|HANA|MONGODBV3)\s*:", re.IGNORECASE)  # fmt: skip
_SERVICE = re.compile(
    rb"<\s*(\w+:)?(GDAL_WMS|GDAL_WMTS|WMS_\w+|WCS_GDAL|WMT_MS_Capabilities|WMS_Capabilities|OGRWFSDataSource|WFS_Capabilities"
    rb"|OGRCSWDataSource|CachedSource|TiledWMS\w*)\b|\"stac_version\"|\"stac_extensions\"",
    re.IGNORECASE,
)
_VRT = re.compile(rb"<\s*(OGR)?VRTData(set|Source)\b", re.IGNORECASE)
_LINKED_CRS = re.compile(rb"\"crs\"\s*:\s*\{[^{}]{0,400}?\"link\"|\"crs\"\s*:\s*\{[^}]{0,800}?\"href\"", re.DOTALL)
_SKIPPED = (
    "WMS WMTS WCS WFS OAPIF CSW HTTP DAAS EEDA EEDAI NGW STACTA STACIT PLMOSAIC PLSCENES Carto AmigoCloud Elasticsearch"
)


def forbid_network() -> None:
    """Keep GDAL and PROJ of this process, and of those that it starts, away from the network.

    A second barrier, behind :func:`check_local`. Call it before GDAL is loaded.
    """
    os.environ["GDAL_SKIP"] = _SKIPPED
    os.environ["CPL_VSIL_CURL_ALLOWED_EXTENSIONS"] = ".no-remote-files"
    os.environ["GDAL_HTTP_PROXY"] = "127.0.0.1:9"  # where no server listens
    os.environ["GDAL_HTTP_MAX_RETRY"] = "0"
    os.environ["GML_DOWNLOAD_SCHEMA"] = "NO"
    os.environ.setdefault("PROJ_NETWORK", "OFF")


def check_local(path: str | os.PathLike[str], _depth: int = 0) -> None:
    """Raise ConfigError if a file, or a file that it names, is not a local one; a missing file passes."""
    text = str(path)
    if _ADDRESS.search(text):
        raise _refused(text, "names an address or a web service")
    file = Path(path)
    if not file.is_file():
        return
    for name, head in _heads(file):
        if _SERVICE.search(head):
            raise _refused(name, "describes a web service")
        if _VRT.search(head):
            if name != text:
                raise _refused(name, "is a VRT within an archive, which may name any file; unpack it")
            _check_sources(file, _depth)
        if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and name == text and _links_its_crs(file):
            raise _refused(name, "has a CRS that is a link; write its CRS into the file instead")


def _refused(name: str, what: str) -> ConfigError:
    return ConfigError(f"{printable(name)} {what}: zonalflow reads local files only, and no request was sent")


def _heads(file: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and first bytes of a file, or of the members of an archive, where these may name an address."""
    with contextlib.suppress(OSError), file.open("rb") as stream:
        head = stream.read(8)
        if head.startswith(_BINARY):  # looking through it takes as long as reading a small raster
            return
        head += stream.read(_HEAD)
        if not head.startswith(b"PK"):
            yield str(file), head
            return
    # a zip that zipfile cannot read is refused later, by GDAL
    with contextlib.suppress(Exception), zipfile.ZipFile(file) as archive:
        for member in archive.infolist()[:_MOST_MEMBERS]:
            if not member.is_dir():
                with archive.open(member) as packed:
                    yield f"{file}/{member.filename}", packed.read(_HEAD)


def _links_its_crs(file: Path) -> bool:
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return _LINKED_CRS.search(content) is not None


def _check_sources(file: Path, depth: int) -> None:
    """Check all that a VRT names."""
    if file.stat().st_size > _LARGEST_VRT or depth > _DEEPEST:
        raise ConfigError(f"{file} is a VRT that is too large, or within too many others")
    content = file.read_bytes()
    if b"<!" in content.replace(b"<!--", b"").replace(b"<![CDATA[", b""):
        raise ConfigError(f"{file} is a VRT that defines entities, which is refused")
    try:
        root = ET.fromstring(content)
    except (ET.ParseError, ValueError, RecursionError) as error:
        raise ConfigError(f"{file} is a VRT that cannot be read: {error}") from None
    for element in root.iter():
        tag = element.tag.rpartition("}")[2].lower()
        if tag not in _NAMES_A_FILE or not element.text:
            continue
        source = element.text.strip()
        if source.startswith("<"):
            raise _refused(str(file), "holds the description of another source")
        relative = (element.get("relativeToVRT") or element.get("relativetoVRT") or "0").strip() in ("1", "true", "yes")
        check_local(file.parent / source if relative and not _ADDRESS.search(source) else source, depth + 1)


_NAMES_A_FILE = {"sourcefilename", "sourcedataset", "srcdatasource", "srcds", "sourcearray", "filename", "href", "url"}
