"""GeoCDL's datasets: what each holds, and what can be asked for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from zonalflow.common.dates import dates_of, format_years
from zonalflow.common.errors import ConfigError
from zonalflow.common.text import nearest

GRAINS = ("annual", "monthly", "daily")


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
