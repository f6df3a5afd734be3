"""GeoCDL, the geospatial library inside SCINet: what it holds, what to ask, and fetching a year.

The server works on one request at a time and closes the connection after about two minutes, so little is
asked for at a time: a year of one variable at annual and monthly grain, a month at daily grain. Source of
the catalogue: the server's own (https://github.com/stuckyb/gcdl, ``src/library/datasets``), as it was in
2024; `catalogue_range` asks the server for what it holds now.
"""

import logging
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from zonalflow.archive import check_members, unpack
from zonalflow.atomic import remove
from zonalflow.download import CLOCK, PATIENT, Clock, Patience, disk_named, download, get_json
from zonalflow.errors import ConfigError, FetchError, FinalFetchError
from zonalflow.locks import locked, turn
from zonalflow.receipts import describe_file, part_path, read_part, write_part, write_receipt
from zonalflow.spelling import nearest
from zonalflow.years import dates_of, format_years

logger = logging.getLogger(__name__)

BASE_URL = "http://10.1.1.80:8000"
GRAINS = ("annual", "monthly", "daily")
_GRAIN_KEYS = {"annual": "year", "monthly": "month", "daily": "day"}  # in the answer of /ds_info

_EMPTY_HINT = "the box may lie wholly over the ocean or outside the dataset; check bbox"


@dataclass(frozen=True)
class Dataset:
    """What is known of a dataset without asking: variables, grains with their first and last date, CRS.

    `crs` is that of the grid, in which the server reads the corners of a box; None where they are degrees.
    `extent` is the whole grid (west, south, east, north). `sparse`: not every date has a file.
    `hours`: a day may have several files. No `grains`: there are no dates, and one file serves all years.
    """

    title: str
    source: str
    variables: tuple[str, ...]
    grains: dict[str, tuple[str, str]]
    crs: str | None = None
    extent: tuple[float, float, float, float] | None = None
    categorical: bool = False
    sparse: bool = False
    hours: bool = False


_SOILGRIDS = tuple(
    f"{soil}_{depth}_{quantile}"
    for soil in ("bdod", "cec", "cfvo", "clay", "nitrogen", "phh2o", "sand", "silt", "soc", "ocs", "ocd")
    for depth in ("0-5cm", "5-15cm", "15-30cm", "30-60cm", "60-100cm", "100-200cm")
    for quantile in ("mean", "Q0.05", "Q0.5", "Q0.95", "uncertainty")
)
_ALBERS = "EPSG:5070"  # of the contiguous states

DATASETS = {
    "PRISM": Dataset(
        "PRISM Group, Oregon State University",
        "https://prism.oregonstate.edu",
        ("ppt", "tmean", "tmin", "tmax", "tdmean", "vpdmin", "vpdmax"),
        {
            "annual": ("1895", "2020"),
            "monthly": ("1895-01", "2021-01"),
            "daily": ("1981-01-01", "2021-01-31"),
        },
        extent=(-125.0208333, 24.0625, -66.4791667, 49.9375),
    ),
    "DaymetV4": Dataset(
        "Daymet Version 4",
        "https://daymet.ornl.gov",
        ("prcp", "tmin", "tmax", "swe", "vp"),
        {
            "annual": ("1980", "2020"),
            "monthly": ("1980-01", "2020-12"),
            "daily": ("1980-01-01", "2020-12-31"),
        },
        crs="+proj=lcc +lat_1=25 +lat_2=60 +lat_0=42.5 +lon_0=-100 +ellps=WGS84 +units=m +no_defs",
    ),
    "GTOPO30": Dataset(
        "USGS Global 30 Arc-Second Elevation", "https://doi.org/10.5066/F7DF6PQS", ("elev",), {}
    ),
    "SRTM": Dataset("SRTM 1 Arc-Second Global", "https://doi.org/10.5066/F7PR7TFT", ("elev",), {}),
    "MODIS_NDVI": Dataset(
        "MODIS NDVI, Smoothed and Gap-filled, for the Conterminous US",
        "https://doi.org/10.3334/ORNLDAAC/1299",
        ("NDVI",),
        {"daily": ("2000-01-01", "2015-12-31")},
        crs="+proj=laea +lat_0=45 +lon_0=-100 +R=6370997 +units=m +no_defs",
        sparse=True,
    ),
    "NASS_CDL": Dataset(
        "USDA NASS Cropland Data Layer",
        "https://www.nass.usda.gov/Research_and_Science/Cropland/SARS1a.php",
        ("cdl",),
        {"annual": ("2008", "2021")},
        crs=_ALBERS,
        categorical=True,
    ),
    "NLCD": Dataset(
        "National Land Cover Database",
        "https://www.mrlc.gov",
        ("land_cover", "change_index"),
        {"annual": ("2001", "2019")},
        crs=_ALBERS,
        categorical=True,
        sparse=True,
    ),
    "VIP": Dataset(
        "Vegetation Index and Phenology V004",
        "https://doi.org/10.5067/MEaSUREs/VIP/VIP01.004",
        (
            "NDVI", "EVI2", "VI Quality", "Pixel Reliability", "RED reflectance", "NIR reflectance",
            "BLUE reflectance", "MIR reflectance", "View Zenith Angle", "Solar Zenith Angle",
            "Relative Azimuth Angle",
        ),
        {"daily": ("1981-01-01", "2014-12-31")},
    ),
    "Soilgrids250mV2": Dataset(
        "ISRIC SoilGrids 2.0",
        "https://www.isric.org/explore/soilgrids",
        _SOILGRIDS,
        {},
        crs="+proj=igh +datum=WGS84 +units=m +no_defs",
    ),
    "SMAP-HB1km": Dataset(
        "SMAP HydroBlocks 1 km",
        "https://doi.org/10.5281/zenodo.5206725",
        ("sm",),
        {"daily": ("2015-01-01", "2019-12-31")},
        sparse=True,
        hours=True,
    ),
    "RAPV3": Dataset(
        "Rangeland Analysis Platform Version 3",
        "https://rangelands.app",
        (
            "cover_afg", "cover_bare", "cover_litter", "cover_pfg", "cover_shrub", "cover_tree",
            "biomass_afg", "biomass_pfg",
        ),
        {"annual": ("1986", "2022")},
    ),
}  # fmt: skip
"""The catalogue as known in 2024; the server may hold later years by now."""

_ALSO_KNOWN_AS = {"GTOPO": "GTOPO30", "SMAP_HB1km": "SMAP-HB1km"}


def describe_dataset(name: str) -> Dataset:
    """Return what is known of a dataset; ConfigError, with the nearest name, for one not in the catalogue."""
    try:
        return DATASETS[_ALSO_KNOWN_AS.get(name, name)]
    except KeyError:
        raise ConfigError(
            f"raster.dataset {name!r} is not in GeoCDL's catalogue ({', '.join(DATASETS)}){nearest(name, DATASETS)}"
        ) from None


def check_request(dataset: str, variables: Iterable[str], grain: str, bbox: Sequence[float] | None) -> None:
    """Raise ConfigError for a dataset, variable or grain that GeoCDL does not have, asking nobody."""
    known = describe_dataset(dataset)
    for variable in variables:
        if variable not in known.variables:
            listed = ", ".join(known.variables[:12]) + (", …" if len(known.variables) > 12 else "")
            raise ConfigError(
                f"raster.variables: {dataset} has no variable {variable!r}; it has {listed}"
                f"{nearest(variable, known.variables)}"
            )
    if grain not in (known.grains or ("annual",)):
        held = " and ".join(known.grains) + " only" if known.grains else "without dates; write annual"
        raise ConfigError(f"raster.grain {grain}: {dataset} is {held}")
    if bbox is None and known.extent is None:
        raise ConfigError(f"bbox: GeoCDL cuts {dataset} to a box; write [west, south, east, north] in degrees")


def check_years(dataset: str, grain: str, years: Sequence[int], span: tuple[str, str] | None = None) -> None:
    """Raise ConfigError naming the years that lie, in whole or in part, outside the catalogue.

    `span` is the first and last date that the server holds, from `catalogue_range`. Without it only years
    before the dataset's known beginning are refused: later ones may have been added.
    """
    known = describe_dataset(dataset).grains.get(grain)
    if known is None:
        return
    first, last = span or (known[0], "9999-12-31")
    outside = [year for year in years if dates_of(year, grain)[0] < first or dates_of(year, grain)[-1] > last]
    if outside:
        held = f"{first} to {last}" if span else f"{first} on"
        raise ConfigError(
            f"years: {format_years(outside)} not, or not wholly, in GeoCDL's {grain} {dataset}, which holds {held}"
        )


def catalogue_range(base: str, dataset: str, grain: str, *, patience: Patience = PATIENT) -> tuple[str, str] | None:
    """Return the first and last date (``2020``, ``2020-12``, …) that the server says it holds, or None.

    None stands for a server out of reach, an answer that is not understood, and a dataset without dates.
    """
    try:
        answer = get_json(f"{base.rstrip('/')}/ds_info?id={quote(dataset, safe='')}", patience=patience)
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
    patience: Patience = PATIENT,
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
    with disk_named(receipt_path), locked(lock):
        for ask in _requests(dataset, variable, year, grain, bbox):
            path = part_path(receipt_path, ask.name)
            part = read_part(path, ask.address)
            if part is None:
                try:
                    with turn(base, at_once, clock=clock):
                        part = _fetch_part(base, ask, known, prefix, path, patience, clock)
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
    base: str, ask: _Request, known: Dataset, prefix: str, part: Path, patience: Patience, clock: Clock
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
            patience=patience,
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
        raise FinalFetchError(
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
    from zonalflow.rastercheck import check_rasters  # brings rasterio: only when something came

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
