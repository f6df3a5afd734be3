"""The datasets of the stand-in GeoCDL: their grids, types and dates, and synthetic values.

Each variable and date has another picture. Grids, types, nodata and dates are as the real server has them.
"""

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from rasterio.io import MemoryFile
from rasterio.transform import Affine

NODATA = -9999.0
PRISM_CELL = 0.041666666666700033  # what PRISM's own headers come out as; 1/24 would be 0.0416666…

Window = tuple[int, int, int, int]  # row, column, height, width


class OffGridError(ValueError):
    """The box does not touch the grid."""


@dataclass(frozen=True)
class Dataset:
    """A dataset on a grid of square cells: western and northern edge, size, CRS, variables, values.

    `ranges` are first and last date of each grain that /ds_info advertises, `dead` the grains and variables for which
    the server answers 500 all the same. `dates` tells which dates within the ranges have a file. `file` names, for a
    dataset whose server keeps the last file that it loaded, the file of a variable and date. `unpublished` datasets
    are answered, but not listed.
    """

    title: str
    cell: float
    west: float
    north: float
    width: int
    height: int
    crs: str
    variables: dict[str, str]
    values: Callable[[np.ndarray, np.ndarray, int], np.ndarray]
    unit: str = "degrees"
    ranges: dict[str, tuple[str, str]] = field(default_factory=dict)
    dtype: str = "float32"
    nodata: float | None = NODATA
    classes: tuple[str, ...] = ()
    dates: Callable[[str], bool] = lambda date: True
    hours: tuple[int, ...] = ()
    dead: frozenset[str] = frozenset()
    south_up: bool = False
    file: Callable[[str, str], str] | None = None
    resolution: dict[str, str] = field(default_factory=dict)
    notes: str | None = None

    def window(self, west: float, south: float, east: float, north: float) -> Window:
        """Return the cells that a box touches."""
        near = 1e-6  # of a cell: a box drawn along the cells' edges does not touch their neighbours
        left = max(math.floor((west - self.west) / self.cell + near), 0)
        right = min(math.ceil((east - self.west) / self.cell - near), self.width)
        top = max(math.floor((self.north - north) / self.cell + near), 0)
        bottom = min(math.ceil((self.north - south) / self.cell - near), self.height)
        if left >= right or top >= bottom:
            raise OffGridError
        return top, left, bottom - top, right - left

    def picture(self, variable: str, date: str, window: Window) -> np.ndarray:
        """Return the values of a window, [height, width], in the dataset's type, the first row northernmost."""
        row, column, height, width = window
        seed = int.from_bytes(hashlib.sha256(f"{variable} {date}".encode()).digest()[:4], "big")
        x = self.west + (column + np.arange(width) + 0.5) * self.cell
        y = (self.north - (row + np.arange(height) + 0.5) * self.cell)[:, np.newaxis]
        values = np.broadcast_to(self.values(x, y, seed), (height, width))
        if self.nodata is not None:
            values = np.where(np.isnan(values), self.nodata, values)
        return values.astype(self.dtype)

    def geotiff(self, picture: np.ndarray, window: Window, name: str, every: int = 1, **profile: object) -> bytes:
        """Return a GeoTIFF of a window as GeoCDL writes it: one named band.

        `every` is for a picture of each `every`-th cell only, which then stand for larger ones.
        """
        cell = self.cell * every
        transform = Affine(cell, 0, self.west + window[1] * self.cell, 0, -cell, self.north - window[0] * self.cell)
        if self.south_up:
            south = self.north - (window[0] + window[2]) * self.cell
            picture, transform = picture[::-1], Affine(cell, 0, transform.c, 0, cell, south)
        return self.write(picture, transform, name, **profile)

    def scrambled(self, picture: np.ndarray, window: Window, name: str, odd: bool) -> bytes:
        """Return the GeoTIFF of a date whose request joined two grids that differ in a late digit.

        The coordinates of both are in it, so that cells are half as large, rows run from the south, and three quarters
        hold nothing. `odd`: the date is on the other of the two grids.
        """
        height, width = picture.shape
        joined = np.full((2 * height, 2 * width), np.nan if self.nodata is None else self.nodata, self.dtype)
        joined[int(odd) :: 2, int(odd) :: 2] = picture[::-1]
        x, y = self.cell * (width - 1) / (2 * width - 1), self.cell * (height - 1) / (2 * height - 1)
        south = self.north - (window[0] + window[2] - 0.5) * self.cell - y / 2
        west = self.west + (window[1] + 0.5) * self.cell - x / 2
        return self.write(joined, Affine(x, 0, west, 0, y, south), name)

    def write(self, picture: np.ndarray, transform: Affine, name: str, **profile: object) -> bytes:
        """Return a GeoTIFF with one band of that name."""
        with MemoryFile() as memory:
            with memory.open(
                driver="GTiff", height=picture.shape[0], width=picture.shape[1], count=1, dtype=self.dtype,
                crs=self.crs, transform=transform, nodata=self.nodata, **profile,
            ) as dataset:  # fmt: skip
                dataset.write(picture, 1)
                dataset.set_band_description(1, name)
            return bytes(memory.read())


def _climate(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    """A plane and two waves, about 1000; nothing on the open oceans, roughly, by straight lines."""
    wave = np.sin(x / 3 + seed % 7) * np.cos(y / 2 + seed % 11)
    values = 1000 + (seed % 100) + 5 * (x + 100) - 12 * (y - 37) + 200 * wave
    ocean = (x > -79 + np.maximum(y - 31, 0) * 0.95) | (x < -124.6)
    return np.where(ocean, np.nan, values)


def _waves(scale: float, high: float, gap: int = 0) -> Callable[[np.ndarray, np.ndarray, int], np.ndarray]:
    """Return values from 1 to `high` in waves of `scale`; in every `gap`-th block of cells there are none."""

    def values(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
        wave = 1 + (high - 1) * (2 + np.sin(x / scale + seed % 7) + np.cos(y / scale + seed % 11)) / 4
        if not gap:
            return wave
        block = np.floor(x / scale * 5) + np.floor(y / scale * 5)
        return np.where(block % gap == 0, np.nan, wave)

    return values


def _crops(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    """Fields of 240 m, each with one of the classes."""
    number = (np.floor(x / 240) * 7 + np.floor(y / 240) * 13 + seed).astype(np.int64)
    return np.array(list(CROPS))[number % len(CROPS)].astype(float)


def _cover(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    number = (np.floor(x / 300) * 5 + np.floor(y / 300) * 3 + seed).astype(np.int64)
    return np.array([11, 21, 41, 82, 90])[number % 5].astype(float)


def _heights(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    return np.round(100 * (np.sin(x) + np.cos(y)) + 200)


CROPS = {0: "Background", 1: "Corn", 5: "Soybeans", 24: "Winter Wheat", 61: "Fallow/Idle Cropland"}
LAND_COVER_YEARS = ("2001", "2004", "2006", "2008", "2011", "2013", "2016", "2019")
_PRISM = {
    "ppt": "total precipitation (rain + melted snow)", "tmean": "mean temperature (mean of tmin and tmax)",
    "tmin": "minimum temperature", "tmax": "maximum temperature", "tdmean": "mean dew point temperature",
    "vpdmin": "minimum vapor pressure deficit", "vpdmax": "maximum vapor pressure deficit",
}  # fmt: skip
_DEGREES_AS_METRES = (  # SMAP's CRS, in degrees but projected
    'PROJCS["World_Plate_Carree_Degrees",GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137,'
    '298.257223563]],PRIMEM["Greenwich",0],UNIT["Degree",0.017453292519943295]],PROJECTION["Plate_Carree"],'
    'PARAMETER["False_Easting",0],PARAMETER["False_Northing",0],PARAMETER["Central_Meridian",0],'
    'UNIT["Degree",111319.49079327357264771338267056]]'
)
_CLARKE = (
    'GEOGCS["Unknown datum based upon the Clarke 1866 ellipsoid",DATUM["Not specified (based on Clarke 1866 spheroid)",'
    'SPHEROID["Clarke 1866",6378206.4,294.978698213898]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]]'
)

DATASETS = {
    "PRISM": Dataset(
        "PRISM", PRISM_CELL, -125.0208333333335, 49.9375, 1405, 621, "EPSG:4269", _PRISM, _climate,
        ranges={"year": ("1895", "2020"), "month": ("1895-01", "2021-01"), "day": ("1981-01-01", "2021-01-31")},
        resolution={"year": "1 year", "month": "1 month", "day": "1 day"},
    ),
    "DaymetV4": Dataset(
        "Daymet Version 4", 1000.0, -4560750.0, 4984500.0, 7814, 8075,
        "+proj=lcc +lat_1=25 +lat_2=60 +lat_0=42.5 +lon_0=-100 +x_0=0 +y_0=0 +ellps=WGS84 +units=m +no_defs",
        {"prcp": "precipitation", "tmin": "minimum temperature", "tmax": "maximum temperature",
         "swe": "snow water equivalent", "vp": "vapor pressure"},
        _waves(2e5, 90, 7), "meters",
        ranges={"year": ("1980", "2020"), "month": ("1980-01", "2020-12"), "day": ("1980-01-01", "2020-12-31")},
        dead=frozenset({"day"}), file=lambda variable, date: f"{variable} {len(date)} {date[:4]}",
    ),
    "GTOPO30": Dataset(
        "Global 30 Arc-Second Elevation", 1 / 120, -180.0, 90.0, 43200, 21600, "EPSG:4326",
        {"elev": "elevation"}, _heights, dtype="int16",
    ),
    "SRTM": Dataset(
        "SRTM 1 Arc-Second Global Digital Elevation Model", 1 / 3600, -126.0, 50.0, 216000, 93600, "EPSG:4326",
        {"elev": "elevation"}, _waves(0.05, 900, 9), dtype="int16", nodata=-32767,
    ),
    "MODIS_NDVI": Dataset(
        "MODIS NDVI Data, Smoothed and Gap-filled, for the Conterminous US: 2000-2015", 250.0, -2500000.0, 1500000.0,
        20000, 16000, "+proj=laea +lat_0=45 +lon_0=-100 +x_0=0 +y_0=0 +R=6370997 +units=m +no_defs",
        {"NDVI": "Normalized Difference Vegetation Index"}, _waves(3e4, 0.9, 8), "meters",
        ranges={"day": ("2000-01-01", "2015-12-31")}, nodata=math.nan, south_up=True,
        dates=lambda date: int(date[8:]) % 8 == 1, resolution={"day": "8 days"},
    ),
    "NASS_CDL": Dataset(
        "NASS_CDL", 30.0, -2356095.0, 3172605.0, 153811, 96523, "EPSG:5070", {"cdl": "cropland data layer"}, _crops,
        "meters", ranges={"year": ("2008", "2021")}, dtype="uint8", nodata=None,
        classes=tuple(CROPS.get(value, "") for value in range(max(CROPS) + 1)), resolution={"year": "1 year"},
    ),
    "NLCD": Dataset(
        "National Land Cover Database", 30.0, -2493045.0, 3310005.0, 161190, 104424, "EPSG:5070",
        {"land_cover": "land cover classification", "change_index": "land cover change index"}, _cover, "meters",
        ranges={"year": ("2001", "2019")}, dtype="uint8", nodata=0, classes=tuple(map(str, range(96))),
        dates=LAND_COVER_YEARS.__contains__, dead=frozenset({"change_index"}),
        resolution={"year": "Non regular: 2001, 2004, 2006, 2008, 2011, 2013, 2016, and 2019"},
        notes="The irregular temporal resolution applies to the land_cover variable.",
    ),
    "VIP": Dataset(
        "Vegetation Index and Phenology (VIP) Vegetation Indices Daily Global 0.05Deg CMG V004", 0.05, -180.0, 90.0,
        7200, 3600, _CLARKE, {"NDVI": "Normalized Difference Vegetation Index", "EVI2": "", "VI Quality": ""},
        _waves(3, 0.9, 6), nodata=None,
        ranges={"year": ("1981", "2014"), "month": ("1981-01", "2014-12"), "day": ("1981-01-01", "2014-12-31")},
        dead=frozenset({"year", "day"}),
    ),
    "Soilgrids250mV2": Dataset(
        "SoilGrids — global gridded soil information", 250.0, -19949750.0, 8361000.0, 159246, 58034,
        "+proj=igh +datum=WGS84 +units=m +no_defs", {"clay_0-5cm_mean": "clay particles [g/kg] at 0-5cm - mean"},
        _waves(4e4, 600, 9), "meters", dtype="int16", nodata=-32768,
    ),
    "SMAP-HB1km": Dataset(
        "SMAP HydroBlocks - 1 km", 1 / 120, -125.0, 50.0, 6960, 3000, _DEGREES_AS_METRES,
        {"sm": "surface soil moisture [m3/m3]"}, _waves(0.7, 0.5, 9), hours=(0, 6, 12, 18),
        ranges={"day": ("2015-01-01", "2019-12-31")}, file=lambda variable, date: date[:7],
        resolution={"day": "6 hours (h = 0, 6, 12, 18)"},
    ),
    "RAPV3": Dataset(
        "Rangeland Analysis Platform Version 3", 53899 / 2e8, -125.0, 50.0, 217073, 96476, "EPSG:4326",
        {"cover_tree": "fractional vegetation cover: tree (%)", "cover_shrub": "fractional vegetation cover: shrub (%)",
         "biomass_afg": "annual aboveground biomass: annual forb and grass (lbs/acre)"},
        _waves(0.02, 100, 11), dtype="uint16", nodata=65535,
        ranges={"year": ("1986", "2022")}, file=lambda variable, date: f"{variable.partition('_')[0]} {date}",
        resolution={"year": "1 year"},
    ),
    "RAPV3_16day": Dataset(
        "Rangeland Analysis Platform Version 3: 16-Day NPP", 53899 / 2e8, -125.0, 50.0, 217073, 96476, "EPSG:4326",
        {"npp_afg": "annual forb and grass (lbs/acre)", "npp_pfg": "perennial forb and grass (lbs/acre)"},
        _waves(0.02, 100), ranges={"day": ("1986-01-01", "2024-12-18")}, dead=frozenset({"day"}),
        resolution={"day": "16 days"},
    ),
}  # fmt: skip


def class_names(classes: tuple[str, ...]) -> bytes:
    """Return the sidecar (.aux.xml) with an attribute table of one column, a row for each value from 0."""
    rows = "".join(f'<Row index="{value}"><F>{name}</F></Row>' for value, name in enumerate(classes))
    return (
        '<PAMDataset><PAMRasterBand band="1"><GDALRasterAttributeTable tableType="thematic">'
        '<FieldDefn index="0"><Name>CLASS</Name><Type>2</Type><Usage>0</Usage></FieldDefn>'
        f"{rows}</GDALRasterAttributeTable></PAMRasterBand></PAMDataset>\n"
    ).encode()
