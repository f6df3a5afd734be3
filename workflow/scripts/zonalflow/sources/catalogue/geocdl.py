"""GeoCDL, the geospatial library inside SCINet: its address, its datasets, and the address of a request.

Source of the datasets: the server's own (https://github.com/stuckyb/gcdl, ``src/library/datasets``) as of 2024; the
server may hold later years by now.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from zonalflow.common.dates import dates_of, format_years
from zonalflow.common.errors import ConfigError
from zonalflow.common.text import nearest
from zonalflow.sources.catalogue import prism

BASE_URL = "http://10.1.1.80:8000"


@dataclass(frozen=True)
class Dataset:
    """What is known of a dataset without a request.

    Attributes:
        title: the name in attributions.
        source: the address in attributions.
        variables: the names of its variables.
        grains: grain to first and last date; empty when the dataset has no dates and one file serves all years.
        crs: the CRS of the grid, in which the server reads the corners of a box; None where they are degrees.
        extent: the whole grid, (west, south, east, north) in degrees; None when it is not known.
        sparse: not every date has a file.
        hours: a day may have several files.
    """

    title: str
    source: str
    variables: tuple[str, ...]
    grains: dict[str, tuple[str, str]]
    crs: str | None = None
    extent: tuple[float, float, float, float] | None = None
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
        prism.VARIABLES,
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
    ),
    "NLCD": Dataset(
        "National Land Cover Database",
        "https://www.mrlc.gov",
        ("land_cover", "change_index"),
        {"annual": ("2001", "2019")},
        crs=_ALBERS,
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
"""Name to dataset, as of 2024."""
_ALSO_KNOWN_AS = {"GTOPO": "GTOPO30", "SMAP_HB1km": "SMAP-HB1km"}


def describe_dataset(name: str) -> Dataset:
    """Return what is known of a dataset.

    Raises:
        ConfigError: for a dataset that is not in the catalogue, with the nearest name.
    """
    try:
        return DATASETS[_ALSO_KNOWN_AS.get(name, name)]
    except KeyError:
        raise ConfigError(
            f"raster.dataset {name!r} is not in GeoCDL's catalogue ({', '.join(DATASETS)}){nearest(name, DATASETS)}"
        ) from None


def check_request(dataset: str, variables: Iterable[str], grain: str, bbox: Sequence[float] | None) -> None:
    """Check, without a request, that GeoCDL has all that a study asks for.

    Raises:
        ConfigError: naming the dataset, variable or grain that it does not have, or a missing `bbox`.
    """
    known = describe_dataset(dataset)
    for variable in variables:
        if variable not in known.variables:
            listed = ", ".join(known.variables[:12]) + (", …" if len(known.variables) > 12 else "")
            raise ConfigError(
                f"raster.variables: {dataset} has no variable {variable!r}; it has {listed}"
                f"{nearest(variable, known.variables)}"
            )
    if grain not in (known.grains or ("annual",)):
        offered = " and ".join(known.grains) + " only" if known.grains else "without dates; write annual"
        raise ConfigError(f"raster.grain {grain}: {dataset} is {offered}")
    if bbox is None and known.extent is None:
        raise ConfigError(f"bbox: GeoCDL cuts {dataset} to a box; write [west, south, east, north] in degrees")


def check_years(dataset: str, grain: str, years: Sequence[int], held: tuple[str, str] | None = None) -> None:
    """Check that a dataset holds every year in full.

    `held` is the first and last date that the server holds, from :func:`zonalflow.sources.geocdl.catalogue_range`.
    Without it only years before the dataset's known beginning are refused: later ones may have been added.

    Raises:
        ConfigError: naming the years that are missing in whole or in part.
    """
    known = describe_dataset(dataset).grains.get(grain)
    if known is None:
        return
    first, last = held or (known[0], "9999-12-31")
    outside = [year for year in years if dates_of(year, grain)[0] < first or dates_of(year, grain)[-1] > last]
    if outside:
        period = f"{first} to {last}" if held else f"{first} on"
        raise ConfigError(
            f"years: GeoCDL's {grain} {dataset}, which holds {period}, lacks all or part of {format_years(outside)}"
        )


def subset_url(
    base: str,
    dataset: str,
    variable: str,
    bbox: Sequence[float] | None,
    year: int,
    month: int | None = None,
    grain: str = "annual",
) -> str:
    """Return the address of a request for a year of a variable (at daily grain: one `month` of it) within a box.

    `bbox` is (west, south, east, north) in degrees, None for the whole grid; the server gets its upper left and lower
    right corner in the dataset's own CRS.

    Raises:
        ConfigError: for an unknown dataset, or one that needs a box and gets none.
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


def _box(known: Dataset, bbox: Sequence[float] | None) -> Sequence[float]:
    """Return a box in the dataset's CRS that holds all of the box in degrees."""
    if bbox is None:
        if known.extent is None:
            raise ConfigError("bbox: this dataset is cut to a box; write [west, south, east, north] in degrees")
        return known.extent
    if known.crs is None:
        return bbox
    from rasterio.warp import transform_bounds

    west, south, east, north = transform_bounds("EPSG:4269", known.crs, *bbox, densify_pts=101)
    return west, south, east, north
