"""The datasets of GeoCDL, and what its server advertises but cannot serve.

Source: the server's own code (https://github.com/stuckyb/gcdl, ``src/library/datasets``) as of 2024, and its answers;
the server may hold later years by now. ``snakemake datasets`` asks it.
"""

from collections.abc import Collection
from dataclasses import dataclass

from zonalflow.common.errors import ConfigError
from zonalflow.common.text import nearest
from zonalflow.sources.catalogue import prism


@dataclass(frozen=True)
class Dataset:
    """What is known of a dataset without a request.

    Attributes:
        title: the name in attributions.
        source: the address in attributions.
        variables: the names of its variables.
        grains: grain to first and last date; empty when the dataset has no dates and one file serves all years.
        cell: the size of a cell, in degrees or in the unit of `crs`.
        crs: the CRS of the grid, in which the server reads the corners of a box; None where they are degrees.
        extent: the whole grid, (west, south, east, north) in degrees; None when it is not known.
        sparse: not every date has a file, and which have is known from the answers alone.
        years: the years that it has, where these are not all of the range.
        hours: the hours of its time steps, for a dataset finer than daily.
        south_up: the first row of its rasters is the southernmost.
        declares_nodata: whether its rasters tell which value means no data; those that do not are masked nowhere,
            except where a cell is NaN.
        keeps: the period of the file that the server keeps loaded, and cannot cut to another box: ``year``, ``month``.
        tolerance: how far the size of a cell may deviate from `cell`, as a fraction; SoilGrids come resampled.
    """

    title: str
    source: str
    variables: tuple[str, ...]
    grains: dict[str, tuple[str, str]]
    cell: float
    crs: str | None = None
    extent: tuple[float, float, float, float] | None = None
    sparse: bool = False
    years: tuple[int, ...] = ()
    hours: tuple[int, ...] = ()
    south_up: bool = False
    declares_nodata: bool = True
    keeps: str | None = None
    tolerance: float = 1e-3


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
        prism.VARIABLES,
        {
            "annual": ("1895", "2020"),
            "monthly": ("1895-01", "2021-01"),
            "daily": ("1981-01-01", "2021-01-31"),
        },
        cell=1 / 24,
        extent=(-125.0208333, 24.0625, -66.4791667, 49.9375),
    ),
    "DaymetV4": Dataset(
        "Daymet Version 4",
        "https://daymet.ornl.gov",
        ("prcp", "tmin", "tmax", "swe", "vp"),
        {
            "annual": ("1980", "2020"),
            "monthly": ("1980-01", "2020-12"),
        },
        cell=1000,
        keeps="year",
        crs="+proj=lcc +lat_1=25 +lat_2=60 +lat_0=42.5 +lon_0=-100 +ellps=WGS84 +units=m +no_defs",
    ),
    "GTOPO30": Dataset(
        "USGS Global 30 Arc-Second Elevation", "https://doi.org/10.5066/F7DF6PQS", ("elev",), {}, cell=1 / 120
    ),
    "SRTM": Dataset("SRTM 1 Arc-Second Global", "https://doi.org/10.5066/F7PR7TFT", ("elev",), {}, cell=1 / 3600),
    "MODIS_NDVI": Dataset(
        "MODIS NDVI, Smoothed and Gap-filled, for the Conterminous US",
        "https://doi.org/10.3334/ORNLDAAC/1299",
        ("NDVI",),
        {"daily": ("2000-01-01", "2015-12-31")},
        cell=250,
        crs="+proj=laea +lat_0=45 +lon_0=-100 +R=6370997 +units=m +no_defs",
        sparse=True,
        south_up=True,
    ),
    "NASS_CDL": Dataset(
        "USDA NASS Cropland Data Layer",
        "https://www.nass.usda.gov/Research_and_Science/Cropland/SARS1a.php",
        ("cdl",),
        {"annual": ("2008", "2021")},
        cell=30,
        crs=_ALBERS,
        declares_nodata=False,
    ),
    "NLCD": Dataset(
        "National Land Cover Database",
        "https://www.mrlc.gov",
        ("land_cover",),
        {"annual": ("2001", "2019")},
        cell=30,
        crs=_ALBERS,
        years=(2001, 2004, 2006, 2008, 2011, 2013, 2016, 2019),
        declares_nodata=False,
    ),
    "VIP": Dataset(
        "Vegetation Index and Phenology V004",
        "https://doi.org/10.5067/MEaSUREs/VIP/VIP01.004",
        (
            "NDVI", "EVI2", "VI Quality", "Pixel Reliability", "RED reflectance", "NIR reflectance",
            "BLUE reflectance", "MIR reflectance", "View Zenith Angle", "Solar Zenith Angle",
            "Relative Azimuth Angle",
        ),
        {"monthly": ("1981-01", "2014-12")},
        cell=0.05,
        declares_nodata=False,
    ),
    "Soilgrids250mV2": Dataset(
        "ISRIC SoilGrids 2.0",
        "https://www.isric.org/explore/soilgrids",
        _SOILGRIDS,
        {},
        cell=250,
        tolerance=0.05,
        crs="+proj=igh +datum=WGS84 +units=m +no_defs",
    ),
    "SMAP-HB1km": Dataset(
        "SMAP HydroBlocks 1 km",
        "https://doi.org/10.5281/zenodo.5206725",
        ("sm",),
        {"hourly": ("2015-01-01", "2019-12-31")},
        cell=1 / 120,
        keeps="month",
        hours=(0, 6, 12, 18),
    ),
    "RAPV3": Dataset(
        "Rangeland Analysis Platform Version 3",
        "https://rangelands.app",
        (
            "cover_afg", "cover_bare", "cover_litter", "cover_pfg", "cover_shrub", "cover_tree",
            "biomass_afg", "biomass_pfg",
        ),
        {"annual": ("1986", "2022")},
        cell=53899 / 2e8,
        keeps="year",
    ),
}  # fmt: skip
"""The server's own id of a dataset to what is known of it, as of 2024."""

_ALSO_KNOWN_AS = {"gtopo": "GTOPO30", "smap_hb1km": "SMAP-HB1km", "smap": "SMAP-HB1km", "cdl": "NASS_CDL"}
_CODE_RAISES = "its code for these requests ends in an error, so each is answered with status 500"


@dataclass(frozen=True)
class Unserved:
    """What the server lists in its own answers and cannot serve: a grain or a variable of a dataset, or all of it."""

    dataset: str
    reason: str
    grain: str | None = None
    variable: str | None = None


UNSERVED = (
    Unserved("DaymetV4", _CODE_RAISES, grain="daily"),
    Unserved("VIP", _CODE_RAISES, grain="daily"),
    Unserved("VIP", _CODE_RAISES, grain="annual"),
    Unserved("NLCD", _CODE_RAISES, variable="change_index"),
    Unserved("RAPV3_16day", "its set of tiles raises an error, so each request is answered with status 500"),
)


def dataset_id(name: str) -> str:
    """Return the server's own id of the dataset that a user calls `name`.

    Raises:
        ConfigError: for a dataset that is not in the catalogue, with the nearest name, or that cannot be served.
    """
    ids = {key.lower(): key for key in DATASETS} | _ALSO_KNOWN_AS
    try:
        return ids[name.lower()]
    except KeyError:
        pass
    for row in UNSERVED:
        if row.dataset.lower() == name.lower():
            raise ConfigError(f"raster.dataset: GeoCDL lists {row.dataset}, but cannot serve it: {row.reason}")
    raise ConfigError(
        f"raster.dataset {name!r} is not in GeoCDL's catalogue ({', '.join(DATASETS)})"
        f"{nearest(name, [*DATASETS, *_ALSO_KNOWN_AS])}"
    )


def describe_dataset(name: str) -> Dataset:
    """Return what is known of a dataset; see :func:`dataset_id` for the errors."""
    return DATASETS[dataset_id(name)]


def check_served(dataset: str, variables: Collection[str], grain: str) -> None:
    """Refuse what the server lists but cannot serve.

    Raises:
        ConfigError: with the reason, and what it can serve.
    """
    own, known = dataset_id(dataset), describe_dataset(dataset)
    for row in UNSERVED:
        if row.dataset != own:
            continue
        if row.variable is not None and row.variable in variables:
            raise ConfigError(
                f"raster.variables: GeoCDL lists {row.variable} of {own}, but cannot serve it: {row.reason}; "
                f"write {' or '.join(known.variables)}"
            )
        if row.variable is None and row.grain == grain:
            raise ConfigError(
                f"raster.grain {grain}: GeoCDL lists it for {own}, but cannot serve it: {row.reason}; "
                f"write {' or '.join(known.grains)}"
            )
