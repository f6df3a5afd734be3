"""Fetching a year from GeoCDL, the geospatial library inside SCINet.

What it offers is in :mod:`zonalflow.sources.catalogue.geocdl`. The server answers requests one after another and closes
a connection after about two minutes, so each request is small: a year of one variable at annual and monthly grain, a
month at daily grain.
"""

import functools
import logging
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from zonalflow.common.dates import dates_of
from zonalflow.common.errors import FetchError, PermanentFetchError
from zonalflow.common.files import remove, scratch_folder, sweep
from zonalflow.sources.archive import check_members, unpack
from zonalflow.sources.catalogue.geocdl import Dataset, check_request, describe_dataset, subset_url
from zonalflow.sources.download import download, get_json
from zonalflow.sources.fetch import Part, Plan, fetch
from zonalflow.sources.http import CLOCK, DEFAULT_POLICY, Clock, RetryPolicy
from zonalflow.sources.locks import turn
from zonalflow.sources.receipts import PartRecord, Receipt, describe_file

logger = logging.getLogger(__name__)
_GRAIN_KEYS = {"annual": "year", "monthly": "month", "daily": "day"}  # in the answer of /ds_info
_EMPTY_HINT = "the box may be over the ocean or outside the dataset; check bbox"


def catalogue_range(
    base: str, dataset: str, grain: str, *, policy: RetryPolicy = DEFAULT_POLICY
) -> tuple[str, str] | None:
    """Return the first and last date (``2020``, ``2020-12``, …) that the server holds, or None.

    None stands for a server that cannot be reached, an answer that is not understood, and a dataset without dates.
    """
    try:
        answer = get_json(f"{base.rstrip('/')}/ds_info?id={quote(dataset, safe='')}", policy=policy)
        first, last = answer["date_ranges"][_GRAIN_KEYS[grain]]
    except (FetchError, KeyError, TypeError, ValueError) as error:
        logger.info("no catalogue range of %s from %s: %s", dataset, base, error)
        return None
    return None if first is None or last is None else (str(first), str(last))


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
) -> Receipt:
    """Fetch a year of a variable beside `receipt_path`, write the receipt last, and return it.

    `bbox` is (west, south, east, north) in degrees, None for the whole grid. What an earlier run fetched is not
    requested again unless it has changed. On this machine at most `at_once` requests to the server at `base` run
    concurrently.

    Raises:
        ConfigError: for what GeoCDL does not have.
        FetchError: when the server does not send what was asked for.
    """
    check_request(dataset, [variable], grain, bbox)
    known = describe_dataset(dataset)
    files = f"{dataset}_{variable}"
    plan = Plan(
        source="geocdl",
        attribution=f"{known.title}, {known.source}, through GeoCDL of USDA-ARS SCINet",
        lock=f"{files}_{year}" if known.grains else files,
        parts=_parts(dataset, variable, year, grain, bbox),
        unit="months",
    )

    def fetch_part(part: Part, record: Path) -> PartRecord:
        return _fetch_part(base.rstrip("/") + part.asked, part, record, known, files, policy, clock)

    def with_year(record: PartRecord) -> PartRecord:
        """Return the record of files without a date as that of a year."""
        return record if known.grains else {**record, "files": [{**f, "date": str(year)} for f in record["files"]]}

    take_turn = functools.partial(turn, base, at_once, clock=clock)
    return fetch(plan, receipt_path, fetch_part, turn=take_turn, adapt=with_year)


def _parts(dataset: str, variable: str, year: int, grain: str, bbox: Sequence[float] | None) -> list[Part]:
    """Return the requests for a year; a dataset without dates has one for all years."""
    dates = dates_of(year, grain)
    if not describe_dataset(dataset).grains:
        name, title = f"{dataset}_{variable}", f"{dataset} {variable}"
    else:
        name, title = f"{dataset}_{variable}_{year}", f"{dataset} {variable} {year}"
    if grain != "daily":
        return [Part(name, subset_url("", dataset, variable, bbox, year, grain=grain), title, dates)]
    return [
        Part(
            f"{name}-{month:02}",
            subset_url("", dataset, variable, bbox, year, month, grain),
            f"{title}-{month:02}",
            [date for date in dates if date.startswith(f"{year}-{month:02}")],
        )
        for month in range(1, 13)
    ]


def _fetch_part(
    url: str, part: Part, record: Path, known: Dataset, files: str, policy: RetryPolicy, clock: Clock
) -> PartRecord:
    """Make one request and put its verified files in place; their names begin with `files`."""
    folder = record.parent.parent
    packed = folder / f"{part.name}.zip"
    sweep(packed)
    with scratch_folder(packed) as scratch:
        found: dict[str, str] = {}

        def verify(answer: Path) -> None:
            found.clear()
            found.update(_dated([member.filename for member in check_members(answer)], known, files, part.dates))
            remove(scratch / "files")
            unpack(answer, scratch / "files", wanted={*found, *map(_sidecar, found)}.__contains__)
            _check([scratch / "files" / name for name in found])

        request = download(
            url,
            scratch / packed.name,
            verify=verify,
            policy=policy,
            clock=clock,
            rejected=packed.with_name(packed.name + ".rejected"),
            advice=_advice,
        )
        sidecars = [name for name in map(_sidecar, found) if (scratch / "files" / name).exists()]
        for name in [*found, *sidecars]:
            (scratch / "files" / name).replace(folder / name)
    return {
        "asked": part.asked,
        "files": [describe_file(folder / name, date) for name, date in found.items()],
        "sidecars": [describe_file(folder / name, None) for name in sidecars],
        "request": request,
    }


def _dated(names: list[str], known: Dataset, files: str, dates: Sequence[str]) -> dict[str, str]:
    """Return the rasters that came, name to date; raise when one is missing or was not asked for."""
    rasters = [name for name in names if name.endswith(".tif")]
    if not rasters:
        raise PermanentFetchError(
            f"the server has nothing for {dates[0]}…{dates[-1]}: its zip holds no raster, only "
            f"{', '.join(names) or 'nothing'}"
        )
    if known.grains:
        start = f"{files}_"
        dated = {name: name[len(start) : -len(".tif")] for name in rasters if name.startswith(start)}
    else:
        dated = {name: dates[0] for name in rasters if name == f"{files}.tif"}
    days = {name: date[:10] if known.hours else date for name, date in dated.items()}
    unexpected = [name for name in rasters if days.get(name) not in dates]
    if unexpected:
        raise FetchError(f"the zip holds {unexpected[0]}, which was not asked for")
    missing = [date for date in dates if date not in days.values()]
    if missing and not known.sparse:
        raise FetchError(f"the zip lacks {len(missing)} of {len(dates)} rasters: {', '.join(missing[:5])}")
    return dict(sorted(dated.items(), key=lambda item: item[1]))


def _sidecar(raster: str) -> str:
    """Return the name of the file in which GDAL keeps a raster's classes and their names."""
    return f"{raster}.aux.xml"


def _check(rasters: list[Path]) -> None:
    from zonalflow.sources.check import check_rasters  # brings rasterio: only when something came

    check_rasters(rasters, _EMPTY_HINT)


def _advice(error: FetchError) -> str:
    """Return what an error of the server may mean, as far as experience tells."""
    message = str(error)
    if "answers 500" in message:
        return "GeoCDL answers 500 for an unknown variable, a box off the grid and a file that its catalogue lacks."
    if "without response" in message:
        return "GeoCDL closes the connection after two minutes: take a smaller box, or try when it is idle."
    if "connection" in message:
        return "GeoCDL can be reached from within SCINet only (Ceres); elsewhere use raster.source: prism."
    return ""
