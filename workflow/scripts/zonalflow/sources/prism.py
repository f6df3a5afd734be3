"""PRISM's own web service, for people outside SCINet: one grid of the contiguous states a request.

Source: https://prism.oregonstate.edu/documents/PRISM_downloads_web_service.pdf. A file asked for twice
within a day is refused and repeated abuse blocks the address, so what came is kept before anything else is
done with it, and is never asked for again.
"""

import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from zonalflow.common.dates import dates_of
from zonalflow.common.disk import disk_errors_explained
from zonalflow.common.errors import ConfigError, FetchError, PermanentFetchError
from zonalflow.common.files import remove, sha256, sweep
from zonalflow.sources.archive import check_members, unpack
from zonalflow.sources.download import Request, download
from zonalflow.sources.http import CLOCK, DEFAULT_POLICY, Clock, RetryPolicy
from zonalflow.sources.locks import locked, turn
from zonalflow.sources.receipts import describe_file, part_path, read_part, write_part, write_receipt

BASE_URL = "https://services.nacse.org/prism/data/get"
VARIABLES = ("ppt", "tmean", "tmin", "tmax", "tdmean", "vpdmin", "vpdmax")
RESOLUTIONS = ("4km", "800m")
FIRST_YEAR = {"annual": 1895, "monthly": 1895, "daily": 1981}

_ADVICE = (
    "PRISM refuses a file that was asked for within the last 24 hours; if so, run again tomorrow. What came "
    "already is kept and will not be asked for again. Do not run it in a loop: they block addresses that do."
)
_EMPTY_HINT = "PRISM sent a grid without data; look at the file and run again tomorrow"


def check_request(variables: Iterable[str], resolution: str, grain: str, years: Iterable[int]) -> None:
    """Raise ConfigError for what the service does not have, asking nobody."""
    for variable in variables:
        if variable not in VARIABLES:
            raise ConfigError(f"raster.variables: PRISM has no {variable!r}; it has {', '.join(VARIABLES)}")
    if resolution not in RESOLUTIONS:
        raise ConfigError(f"raster.resolution {resolution!r}: PRISM has {' and '.join(RESOLUTIONS)}")
    early = [str(year) for year in years if year < FIRST_YEAR[grain]]
    if early:
        raise ConfigError(f"years: PRISM's {grain} grids begin in {FIRST_YEAR[grain]}, not {', '.join(early)}")


def grid_url(base: str, resolution: str, variable: str, date: str) -> str:
    """Return the address of one grid; `date` is ``2000``, ``2000-01`` or ``2000-01-31``."""
    return f"{base.rstrip('/')}/us/{resolution}/{variable}/{date.replace('-', '')}"


def fetch_year(
    base: str,
    resolution: str,
    variable: str,
    year: int,
    grain: str,
    receipt_path: Path,
    *,
    policy: RetryPolicy = DEFAULT_POLICY,
    clock: Clock = CLOCK,
    at_once: int = 1,
) -> dict[str, Any]:
    """Fetch a year of a variable, 1, 12 or 365 grids, beside `receipt_path`; write the receipt last.

    Grids that are here unchanged are not asked for again. Raises FetchError, with the words of a refusal.
    """
    check_request([variable], resolution, grain, [year])
    dates = dates_of(year, grain)
    parts = []
    lock = part_path(receipt_path, f"{variable}_{year}").with_suffix(".lock")
    with disk_errors_explained(receipt_path), locked(lock):
        for date in dates:
            path = part_path(receipt_path, f"{variable}_{date}")
            part = read_part(path, grid_url("", resolution, variable, date))
            if part is None:
                try:
                    with turn(base, at_once, clock=clock):
                        part = _fetch_grid(base, resolution, variable, date, path, policy, clock)
                except FetchError as error:
                    kept = f"\n{len(parts)} of the year's {len(dates)} grids are here and kept." if parts else ""
                    raise type(error)(f"PRISM {variable} {date}: {error}{kept}") from error
            path.with_suffix(".zip").unlink(missing_ok=True)  # kept until the grid is in place and recorded
            parts.append(part)
        accessed = parts[-1]["request"]["accessed"][:10]
        return write_receipt(
            receipt_path,
            "prism",
            parts,
            f"PRISM Group, Oregon State University, https://prism.oregonstate.edu, accessed {accessed}",
        )


def _fetch_grid(
    base: str, resolution: str, variable: str, date: str, part: Path, policy: RetryPolicy, clock: Clock
) -> dict[str, Any]:
    """Fetch one grid, or take the zip that a killed run left, put its raster in place and record it."""
    folder, packed = part.parent.parent, part.with_suffix(".zip")
    url = grid_url(base, resolution, variable, date)
    if packed.exists():
        _check_answer(packed, date, part.stem)
        request = _left_behind(packed, url)
    else:
        sweep(packed)
        request = download(
            url,
            packed,
            verify=lambda answer: _check_answer(answer, date, part.stem),
            policy=policy,
            clock=clock,
            rejected=folder / f"{part.stem}.rejected",
            advice=lambda error: _ADVICE,
            ask_again=False,
        )
    raster = _raster_in(packed, date)
    wanted = {raster, f"{raster}.aux.xml"}
    for name in wanted:
        sweep(folder / name)
    files = unpack(packed, folder, wanted=wanted.__contains__)
    return write_part(
        part,
        grid_url("", resolution, variable, date),
        [describe_file(path, date) for path in files if path.name == raster],
        [describe_file(path, None) for path in files if path.name != raster],
        request,
    )


def _left_behind(packed: Path, url: str) -> Request:
    """Return the record of a download that was killed before it was recorded."""
    status = packed.stat()
    accessed = datetime.fromtimestamp(status.st_mtime, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Request(url, accessed, 0, sha256(packed), status.st_size)


def _check_answer(answer: Path, date: str, name: str) -> None:
    """Raise FetchError unless `answer` is a zip with one sound grid of `date`."""
    from zonalflow.sources.check import check_rasters  # brings rasterio: only when something came

    with answer.open("rb") as stream:
        start = stream.read(500)
    if not start.startswith(b"PK"):
        said = " ".join(start.decode(errors="replace").split())
        raise PermanentFetchError(f"PRISM refuses, in its words: {said!r}")
    for leftover in answer.parent.glob(f".{name}~check~*"):  # of a killed run: we hold the year's lock
        remove(leftover)
    with tempfile.TemporaryDirectory(dir=answer.parent, prefix=f".{name}~check~") as scratch:
        check_rasters(unpack(answer, Path(scratch), wanted=_raster_in(answer, date).__eq__), _EMPTY_HINT)


def _raster_in(packed: Path, date: str) -> str:
    """Return the name of the one GeoTIFF of `date` in a zip."""
    names = [member.filename for member in check_members(packed)]
    rasters = [name for name in names if name.endswith(f"_{date.replace('-', '')}.tif") and "/" not in name]
    if len(rasters) != 1:
        raise FetchError(f"the zip should hold one GeoTIFF of {date}; it holds {', '.join(names[:5])}")
    return rasters[0]
