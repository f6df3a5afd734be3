"""The stand-in's datasets: their grids, and synthetic values, another picture for every variable and date."""

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
    """A dataset on a grid of square cells: western and northern edge, CRS, variables, dates, values."""

    title: str
    cell: float
    west: float
    north: float
    width: int
    height: int
    crs: str
    variables: tuple[str, ...]
    values: Callable[[np.ndarray, np.ndarray, int], np.ndarray]
    ranges: dict[str, tuple[str, str]] = field(default_factory=dict)
    classes: dict[int, str] = field(default_factory=dict)

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
        """Return the float32 values of a window, [height, width]."""
        row, column, height, width = window
        seed = int.from_bytes(hashlib.sha256(f"{variable} {date}".encode()).digest()[:4], "big")
        x = self.west + (column + np.arange(width) + 0.5) * self.cell
        y = (self.north - (row + np.arange(height) + 0.5) * self.cell)[:, np.newaxis]
        return self.values(x, y, seed).astype(np.float32)

    def geotiff(self, picture: np.ndarray, window: Window, name: str, every: int = 1, **profile: object) -> bytes:
        """Return a GeoTIFF of a window as GeoCDL writes it: float32, nodata −9999, one named band.

        `every` is for a picture of each `every`-th cell only, which then stand for larger ones.
        """
        cell = self.cell * every
        transform = Affine(cell, 0, self.west + window[1] * self.cell, 0, -cell, self.north - window[0] * self.cell)
        with MemoryFile() as memory:
            with memory.open(
                driver="GTiff", height=picture.shape[0], width=picture.shape[1], count=1, dtype="float32",
                crs=self.crs, transform=transform, nodata=NODATA, **profile,
            ) as dataset:  # fmt: skip
                dataset.write(picture, 1)
                dataset.set_band_description(1, name)
            return bytes(memory.read())


def _climate(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    """A plane and two waves, about 1000; nothing on the open oceans, roughly, by straight lines."""
    wave = np.sin(x / 3 + seed % 7) * np.cos(y / 2 + seed % 11)
    values = 1000 + (seed % 100) + 5 * (x + 100) - 12 * (y - 37) + 200 * wave
    ocean = (x > -79 + np.maximum(y - 31, 0) * 0.95) | (x < -124.6)
    return np.where(ocean, NODATA, values)


def _crops(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    """Fields of 240 m, each with one of the classes."""
    number = (np.floor(x / 240) * 7 + np.floor(y / 240) * 13 + seed).astype(np.int64)
    return np.array(list(CROPS))[number % len(CROPS)]


def _heights(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    return np.round(100 * (np.sin(x) + np.cos(y)) + 200)


CROPS = {0: "Background", 1: "Corn", 5: "Soybeans", 24: "Winter Wheat", 61: "Fallow/Idle Cropland"}

DATASETS = {
    "PRISM": Dataset(
        "PRISM", PRISM_CELL, -125.0208333333335, 49.9375, 1405, 621, "EPSG:4269",
        ("ppt", "tmean", "tmin", "tmax", "tdmean", "vpdmin", "vpdmax"), _climate,
        {"year": ("1895", "2020"), "month": ("1895-01", "2021-01"), "day": ("1981-01-01", "2021-01-31")},
    ),
    "NASS_CDL": Dataset(
        "NASS Cropland Data Layer", 30.0, -2356095.0, 3172605.0, 153811, 96523, "EPSG:5070", ("cdl",), _crops,
        {"year": ("2008", "2021")}, CROPS,
    ),
    "GTOPO30": Dataset(
        "Global 30 Arc-Second Elevation", 1 / 120, -180.0, 90.0, 43200, 21600, "EPSG:4326", ("elev",),
        _heights,
    ),
}  # fmt: skip


def class_names(classes: dict[int, str]) -> bytes:
    """Return the sidecar (.aux.xml) with a raster attribute table, a row for each value from 0."""
    rows = "".join(f'<Row index="{value}"><F>{classes.get(value, "")}</F></Row>' for value in range(max(classes) + 1))
    return (
        '<PAMDataset><PAMRasterBand band="1"><GDALRasterAttributeTable tableType="thematic">'
        '<FieldDefn index="0"><Name>CLASS</Name><Type>2</Type><Usage>0</Usage></FieldDefn>'
        f"{rows}</GDALRasterAttributeTable></PAMRasterBand></PAMDataset>\n"
    ).encode()
