"""Fetching a year from PRISM's own web service, for people outside SCINet: one request for each grid.

The service refuses a file that was requested within the last 24 hours, and repeated abuse blocks the address, so an
answer is saved first of all, and is never requested again.
"""

import functools
from collections.abc import Sequence
from pathlib import Path

from zonalflow.common.dates import dates_of
from zonalflow.common.errors import FetchError, PermanentFetchError
from zonalflow.common.files import scratch_folder, sweep
from zonalflow.geometry.grid import Grid
from zonalflow.sources.archive import check_members, unpack
from zonalflow.sources.catalogue.prism import check_request, grid_url
from zonalflow.sources.download import download, kept_request
from zonalflow.sources.fetch import Part, Plan, fetch
from zonalflow.sources.http import CLOCK, DEFAULT_POLICY, Clock, RetryPolicy
from zonalflow.sources.locks import turn
from zonalflow.sources.receipts import PartRecord, Receipt, describe_file

_ADVICE = (
    "PRISM refuses a file that was requested within the last 24 hours; if so, run again tomorrow. What was fetched "
    "is kept and will not be requested again. Do not run this in a loop: PRISM blocks addresses that do."
)
_MOST_CELLS = 30_000_000  # the contiguous states at 800 m have 22 million
_EMPTY_HINT = "look at the file that PRISM sent, and run again tomorrow"


def fetch_year(
    base: str,
    resolution: str,
    variable: str,
    year: int,
    grain: str,
    receipt_path: Path,
    *,
    months: Sequence[int] | None = None,
    policy: RetryPolicy = DEFAULT_POLICY,
    clock: Clock = CLOCK,
    at_once: int = 1,
) -> Receipt:
    """Fetch a year of a variable, or some months, grid by grid beside `receipt_path`; write the receipt and return it.

    Grids that are unchanged since an earlier run are not requested again. On this machine at most `at_once` requests to
    the server at `base` run concurrently.

    Raises:
        ConfigError: for what the service does not have.
        FetchError: with the text of a refusal.
    """
    check_request([variable], resolution, grain, [year])
    plan = Plan(
        source="prism",
        attribution="PRISM Group, Oregon State University, https://prism.oregonstate.edu",
        lock=f"{variable}_{year}",
        parts=[
            Part(f"{variable}_{date}", grid_url("", resolution, variable, date), f"PRISM {variable} {date}", [date])
            for date in dates_of(year, grain, months)
        ],
        unit="grids",
    )

    def fetch_part(part: Part, record: Path) -> PartRecord:
        return _fetch_grid(base.rstrip("/") + part.asked, part, record, policy, clock)

    return fetch(plan, receipt_path, fetch_part, turn=functools.partial(turn, base, at_once, clock=clock))


def _fetch_grid(url: str, part: Part, record: Path, policy: RetryPolicy, clock: Clock) -> PartRecord:
    """Fetch one grid, or take the zip that a killed run left, and put its raster in place."""
    folder, packed, [date] = record.parent.parent, record.with_suffix(".zip"), part.dates
    if packed.exists():
        _check_answer(packed, date, part.name)
        request = kept_request(packed, url)
    else:
        sweep(packed)
        request = download(
            url,
            packed,
            verify=lambda answer: _check_answer(answer, date, part.name),
            policy=policy,
            clock=clock,
            rejected=folder / f"{part.name}.rejected",
            advice=lambda error: _ADVICE,
            retry_rejected=False,
        )
    raster = _raster_in(packed, date)
    wanted = {raster, f"{raster}.aux.xml"}
    for name in wanted:
        sweep(folder / name)
    paths = unpack(packed, folder, wanted=wanted.__contains__)
    return {
        "asked": part.asked,
        "files": [describe_file(path, date) for path in paths if path.name == raster],
        "sidecars": [describe_file(path, None) for path in paths if path.name != raster],
        "request": request,
    }


def _check_answer(answer: Path, date: str, name: str) -> None:
    """Raise FetchError unless `answer` is a zip with one readable grid of `date`."""
    from zonalflow.sources.check import check_rasters, check_sidecar  # brings rasterio: only when something came

    with answer.open("rb") as stream:
        start = stream.read(500)
    if not start.startswith(b"PK"):
        text = " ".join(start.decode(errors="replace").split())
        raise PermanentFetchError(f"PRISM refuses the request and answers {text!r}")
    scratch = answer.with_name(f"{name}.check")
    sweep(scratch)
    with scratch_folder(scratch) as folder:
        raster = _raster_in(answer, date)
        for path in unpack(answer, folder, wanted={raster, f"{raster}.aux.xml"}.__contains__):
            if path.name == raster:
                check_rasters([path], _EMPTY_HINT, _check_size)
            else:
                check_sidecar(path)


def _check_size(path: Path, grid: Grid) -> None:
    if grid.width * grid.height > _MOST_CELLS:
        raise PermanentFetchError(f"{path.name} has {grid.width} × {grid.height} cells, more than any grid of PRISM")


def _raster_in(packed: Path, date: str) -> str:
    """Return the name of the one GeoTIFF of `date` in a zip."""
    names = [member.filename for member in check_members(packed)]
    rasters = [name for name in names if name.endswith(f"_{date.replace('-', '')}.tif") and "/" not in name]
    if len(rasters) != 1:
        raise FetchError(f"the zip should hold one GeoTIFF of {date}; it holds {', '.join(names[:5])}")
    return rasters[0]
