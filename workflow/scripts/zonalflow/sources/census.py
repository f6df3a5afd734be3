"""Fetching a cartographic boundary file from the Census Bureau.

Which files exist, and where, is in :mod:`zonalflow.sources.catalogue.census`.
"""

import re
import zipfile
import zlib
from pathlib import Path

from zonalflow.common.errors import FetchError, PermanentFetchError
from zonalflow.common.files import sweep
from zonalflow.sources.archive import check_members
from zonalflow.sources.download import download
from zonalflow.sources.fetch import Part, Plan, fetch
from zonalflow.sources.http import CLOCK, DEFAULT_POLICY, Clock, RetryPolicy
from zonalflow.sources.receipts import PartRecord, Receipt, describe_file

_ADVICE = (
    "The Census server sometimes sends such an answer: try again later, or fetch the file by hand and name it as "
    "zones.path with zones.source: file."
)
_PARTS = {"shp", "shx", "dbf", "prj", "cpg", "xml", "sbn", "sbx", "txt", "html"}
_TEXT = re.compile(rb"<\s*\w*(VRT|GDAL|WMS|WCS|WFS|MRF)", re.IGNORECASE)  # what drivers look for near the beginning
_HEAD = 1 << 16  # bytes


def fetch_boundaries(url: str, target: Path, *, policy: RetryPolicy = DEFAULT_POLICY, clock: Clock = CLOCK) -> Receipt:
    """Fetch one boundary file to `target`, a zip, write its receipt ``<target>.json`` last and return it.

    A `target` that is unchanged since it was fetched is not fetched again.

    Raises:
        FetchError: when the file cannot be had, or is not a zip with one readable shapefile.
    """

    def fetch_file(part: Part, record: Path) -> PartRecord:
        sweep(target)
        request = download(
            url, target, verify=_check_shapefile, policy=policy, clock=clock, advice=lambda error: _ADVICE
        )
        return {"asked": part.asked, "files": [describe_file(target, None)], "sidecars": [], "request": request}

    plan = Plan(
        source="census",
        attribution=f"U.S. Census Bureau, cartographic boundary file {target.name}",
        lock=target.name,
        parts=[Part(target.name, asked=target.name)],
    )
    return fetch(plan, target.with_name(target.name + ".json"), fetch_file)


def _check_shapefile(path: Path) -> None:
    """Raise FetchError unless `path` is a zip with one shapefile that opens and has features and a CRS."""
    import pyogrio  # 0.3 s and more: only when something came

    names = [member.filename for member in check_members(path)]
    shapes = [name for name in names if name.lower().endswith(".shp")]
    if len(shapes) != 1:
        held = ", ".join(names[:5]) or "nothing"
        raise FetchError(f"{path.name} should hold one shapefile; it holds {held}")
    _check_parts(path)
    try:
        info = pyogrio.read_info(f"/vsizip/{path.resolve()}/{shapes[0]}", force_feature_count=True)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise FetchError(f"the shapefile in {path.name} does not open ({error})") from error
    if info["features"] < 1:
        raise FetchError(f"the shapefile in {path.name} has no features")
    if info["crs"] is None:
        raise FetchError(f"the shapefile in {path.name} has no coordinate reference system (.prj)")


def _check_parts(path: Path) -> None:
    """Raise unless the zip holds nothing but the parts of a shapefile, as GDAL sees them by their first bytes."""
    for part, head in _heads(path):
        suffix = part.lower().rpartition(".")[2]
        if suffix not in _PARTS:
            raise PermanentFetchError(f"{path.name} holds {part}, which is no part of a shapefile")
        if suffix in ("shp", "shx", "dbf") and _TEXT.search(head):
            raise PermanentFetchError(f"{path.name} holds {part}, which GDAL may take for something else")
        if suffix == "prj" and (len(head) == _HEAD or not head.lstrip().startswith((b"GEOGC", b"PROJC"))):
            raise FetchError(f"{path.name} holds {part}, which is no coordinate reference system")


def _heads(path: Path) -> list[tuple[str, bytes]]:
    """Return the name and the first bytes of each file of a zip, all of which is read: zipfile checks its checksum."""
    found = []
    try:
        with zipfile.ZipFile(path) as archive:
            for member in check_members(path):
                with archive.open(member) as stream:
                    found.append((Path(member.filename).name, stream.read(_HEAD)))
                    while stream.read(_HEAD):
                        pass
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise FetchError(f"{path.name} is damaged ({error})") from error
    return found
