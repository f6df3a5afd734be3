"""GeoCDL, the geospatial library inside SCINet: what it holds, what to ask, and fetching a year.

The server works on one request at a time and closes the connection after about two minutes, so little is
asked for at a time: a year of one variable at annual and monthly grain, a month at daily grain. Source of
the catalogue: the server's own (https://github.com/stuckyb/gcdl, ``src/library/datasets``), as it was in
2024; `catalogue_range` asks the server for what it holds now.
"""

import logging
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from zonalflow.common.dates import dates_of
from zonalflow.common.disk import disk_errors_explained
from zonalflow.common.errors import ConfigError, FetchError, PermanentFetchError
from zonalflow.common.files import remove
from zonalflow.sources.archive import check_members, unpack
from zonalflow.sources.download import download, get_json
from zonalflow.sources.geocdl_datasets import Dataset, check_request, describe_dataset
from zonalflow.sources.http import CLOCK, DEFAULT_POLICY, Clock, RetryPolicy
from zonalflow.sources.locks import locked, turn
from zonalflow.sources.receipts import describe_file, part_path, read_part, write_part, write_receipt

logger = logging.getLogger(__name__)
BASE_URL = "http://10.1.1.80:8000"
_GRAIN_KEYS = {"annual": "year", "monthly": "month", "daily": "day"}  # in the answer of /ds_info
_EMPTY_HINT = "the box may lie wholly over the ocean or outside the dataset; check bbox"


def catalogue_range(
    base: str, dataset: str, grain: str, *, policy: RetryPolicy = DEFAULT_POLICY
) -> tuple[str, str] | None:
    """Return the first and last date (``2020``, ``2020-12``, …) that the server says it holds, or None.

    None stands for a server out of reach, an answer that is not understood, and a dataset without dates.
    """
    try:
        answer = get_json(f"{base.rstrip('/')}/ds_info?id={quote(dataset, safe='')}", policy=policy)
        first, last = answer["date_ranges"][_GRAIN_KEYS[grain]]
    except (FetchError, KeyError, TypeError, ValueError) as error:
        logger.info("no catalogue range of %s from %s: %s", dataset, base, error)
        return None
    return None if first is None or last is None else (str(first), str(last))


def subset_url(
    base: str,
    dataset: str,
    variable: str,
    bbox: Sequence[float] | None,
    year: int,
    month: int | None = None,
    grain: str = "annual",
) -> str:
    """Return the address that answers a year of a variable (daily: one `month` of it) within a box.

    `bbox` is (west, south, east, north) in degrees, None for the whole grid; it is given to the server as
    its upper left and lower right corner in the dataset's own CRS.
    """
    known = describe_dataset(dataset)
    dates = {
        "annual": f"&years={year}",
        "monthly": f"&years={year}&months=1:12",
        "daily": f"&years={year}&months={month}&days=1:N",
    }[grain]
    name = f"{quote(dataset, safe='')}%3A{quote(variable, safe='')}"
    west, south, east, north = (f"{edge:.12g}" for edge in _box(known, bbox))
    clip = f"({west},{north}),({east},{south})"
    return f"{base.rstrip('/')}/subset_polygon?datasets={name}{dates if known.grains else ''}&clip={clip}"


def fetch_year(
    base: str,
    dataset: str,
    variable: str,
    year: int,
    grain: str,
    bbox: Sequence[float] | None,
    receipt_path: Path,
    *,
    policy: RetryPolicy = DEFAULT_POLICY,
    clock: Clock = CLOCK,
    at_once: int = 1,
) -> dict[str, Any]:
    """Fetch a year of a variable beside `receipt_path`, write the receipt last, and return it.

    What an earlier try brought and is unchanged is not asked for again, so a daily year that failed in May
    goes on in May. Raises FetchError; `at_once` requests to the server run at the same time on this
    machine.
    """
    check_request(dataset, [variable], grain, bbox)
    known = describe_dataset(dataset)
    prefix = f"{dataset}_{variable}"
    parts = []
    lock = part_path(receipt_path, f"{prefix}_{year}" if known.grains else prefix).with_suffix(".lock")
    with disk_errors_explained(receipt_path), locked(lock):
        for ask in _requests(dataset, variable, year, grain, bbox):
            path = part_path(receipt_path, ask.name)
            part = read_part(path, ask.address)
            if part is None:
                try:
                    with turn(base, at_once, clock=clock):
                        part = _fetch_part(base, ask, known, prefix, path, policy, clock)
                except FetchError as error:
                    done = f"\n{len(parts)} of the year's 12 months are here and kept." if parts else ""
                    when = ask.name.rsplit("_", 1)[-1] if known.grains else ""
                    raise type(error)(f"{dataset} {variable} {when}".rstrip() + f": {error}{done}") from error
            parts.append(part if known.grains else _redated(part, year))
        accessed = parts[-1]["request"]["accessed"][:10]
        return write_receipt(
            receipt_path,
            "geocdl",
            parts,
            f"{known.title}, {known.source}, through GeoCDL of USDA-ARS SCINet, accessed {accessed}",
        )


@dataclass(frozen=True)
class _Request:
    """One request: its name, the dates that must come, its address without the server's."""

    name: str
    dates: list[str]
    address: str


def _requests(dataset: str, variable: str, year: int, grain: str, bbox: Sequence[float] | None) -> list[_Request]:
    """Return a year's requests."""
    dates, name = dates_of(year, grain), f"{dataset}_{variable}_{year}"
    if not describe_dataset(dataset).grains:
        name = f"{dataset}_{variable}"
    if grain != "daily":
        return [_Request(name, dates, subset_url("", dataset, variable, bbox, year, grain=grain))]
    return [
        _Request(
            f"{name}-{month:02}",
            [date for date in dates if date.startswith(f"{year}-{month:02}")],
            subset_url("", dataset, variable, bbox, year, month, grain),
        )
        for month in range(1, 13)
    ]


def _fetch_part(
    base: str, ask: _Request, known: Dataset, prefix: str, part: Path, policy: RetryPolicy, clock: Clock
) -> dict[str, Any]:
    """Make one request, put its verified files in place and record them."""
    folder = part.parent.parent
    for leftover in folder.glob(f".{part.stem}~fetch~*"):  # of a killed run: we hold the year's lock
        remove(leftover)
    with tempfile.TemporaryDirectory(dir=folder, prefix=f".{part.stem}~fetch~") as scratch_name:
        scratch = Path(scratch_name)
        found: dict[str, str] = {}

        def verify(answer: Path) -> None:
            names = [member.filename for member in check_members(answer)]
            found.clear()
            found.update(_dated(names, known, prefix, ask.dates))
            remove(scratch / "files")
            unpack(answer, scratch / "files", wanted={*found, *map(_sidecar, found)}.__contains__)
            _check(scratch / "files", found)

        request = download(
            base.rstrip("/") + ask.address,
            scratch / f"{part.stem}.zip",
            verify=verify,
            policy=policy,
            clock=clock,
            rejected=folder / f"{part.stem}.zip.rejected",
            advice=_advice,
        )
        sidecars = [name for name in map(_sidecar, found) if (scratch / "files" / name).exists()]
        for name in [*found, *sidecars]:
            (scratch / "files" / name).replace(folder / name)
    return write_part(
        part,
        ask.address,
        [describe_file(folder / name, date) for name, date in found.items()],
        [describe_file(folder / name, None) for name in sidecars],
        request,
    )


def _dated(names: list[str], known: Dataset, prefix: str, dates: list[str]) -> dict[str, str]:
    """Return the rasters that came, name -> date; raise when one is missing or was not asked for."""
    rasters = [name for name in names if name.endswith(".tif")]
    if not rasters:
        raise PermanentFetchError(
            f"the server has nothing for {dates[0]}…{dates[-1]}: its zip holds no raster, only "
            f"{', '.join(names) or 'nothing'}"
        )
    if known.grains:
        start = f"{prefix}_"
        dated = {name: name[len(start) : -len(".tif")] for name in rasters if name.startswith(start)}
    else:
        dated = {name: dates[0] for name in rasters if name == f"{prefix}.tif"}
    asked_for = {name: date[:10] if known.hours else date for name, date in dated.items()}
    strangers = [name for name in rasters if asked_for.get(name) not in dates]
    if strangers:
        raise FetchError(f"the zip holds {strangers[0]}, which was not asked for")
    missing = [date for date in dates if date not in asked_for.values()]
    if missing and not known.sparse:
        raise FetchError(f"the zip lacks {len(missing)} of {len(dates)} rasters: {', '.join(missing[:5])}")
    return dict(sorted(dated.items(), key=lambda item: item[1]))


def _redated(part: dict[str, Any], year: int) -> dict[str, Any]:
    """Return the record of a file without a date as that of a year."""
    return {**part, "files": [{**file, "date": str(year)} for file in part["files"]]}


def _sidecar(raster: str) -> str:
    """Return the name of the file in which GDAL keeps a raster's classes and their names."""
    return f"{raster}.aux.xml"


def _check(folder: Path, found: dict[str, str]) -> None:
    from zonalflow.sources.check import check_rasters  # brings rasterio: only when something came

    check_rasters([folder / name for name in found], _EMPTY_HINT)


def _advice(error: FetchError) -> str:
    """Return what a fault of the server may mean, where experience tells."""
    said = str(error)
    if "answers 500" in said:
        return "GeoCDL says 500 for an unknown variable, a box off the grid and a file its catalogue lacks."
    if "without response" in said:
        return "GeoCDL hangs up after two minutes of work: take a smaller box, or try when it is idle."
    if "connection" in said:
        return "GeoCDL can be reached from within SCINet only (Ceres); elsewhere use raster.source: prism."
    return ""


def _box(known: Dataset, bbox: Sequence[float] | None) -> Sequence[float]:
    """Return the box in the dataset's CRS, large enough to hold all of the one in degrees."""
    if bbox is None:
        if known.extent is None:
            raise ConfigError("bbox: this dataset is cut to a box; write [west, south, east, north] in degrees")
        return known.extent
    if known.crs is None:
        return bbox
    from rasterio.warp import transform_bounds

    return transform_bounds("EPSG:4269", known.crs, *bbox, densify_pts=101)
