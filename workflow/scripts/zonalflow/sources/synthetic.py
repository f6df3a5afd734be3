"""Synthetic rasters on PRISM's own grid, for the demo: plausible to look at and the same every time.

Every value follows from the variable's name, the date and the position of the cell on the full grid, so that any box,
in any order, on any day, gives the same cells. Precipitation is an annual total that seasons and weather distribute
(months do not add up to the year exactly); temperature follows latitude and season. Years differ, and all have a slow
trend, so that maps, trends and anomalies have something to show. Each file says ``SYNTHETIC=YES``, and each receipt
``"synthetic": true``.
"""

import calendar
import hashlib
from collections.abc import Iterable, Sequence
from datetime import date as Day
from pathlib import Path

import numpy as np

from zonalflow.common.dates import dates_of
from zonalflow.common.errors import ConfigError, GridError
from zonalflow.common.files import atomic_path, write_json
from zonalflow.common.text import format_bounds, nearest
from zonalflow.geometry.grid import Grid
from zonalflow.sources.check import check_raster
from zonalflow.sources.receipts import Receipt, describe_file

NODATA = -9999.0
VARIABLES = ("ppt", "tmean")
ATTRIBUTION = "Synthetic data made by zonalflow for its demo; these are no measurements."

# The header of PRISM's 4 km grids: cell size and outer edges of the upper left cell, in degrees, with PRISM's digits.
WIDTH, HEIGHT = 1405, 621
CELL = 0.0416666666667
WEST, NORTH = -125 - CELL / 2, 49.9166666666664 + CELL / 2
CRS = "EPSG:4269"

# The mainland of the contiguous United States, generalised to about 10 km: degrees west, degrees north, in
# tenths. From the outlines that config/demo/README.md describes.
LAND = """
1243,472 1248,482 1247,484 1240,482 1228,482 1228,484 1232,485 1233,487 1228,488 1228,490 952,490
952,494 950,494 945,487 937,486 929,487 924,483 920,484 914,481 909,483 907,481 895,480 908,475 919,467
904,471 904,469 907,467 904,466 880,475 877,474 883,470 877,469 873,465 869,465 861,467 850,468 849,465
841,466 840,461 836,461 834,460 843,459 843,457 835,454 832,450 833,443 838,439 839,437 837,437 834,440
828,441 824,430 825,426 828,425 834,418 829,416 828,418 825,414 817,415 792,426 789,428 791,431 791,433
784,434 770,433 763,436 763,438 765,439 763,442 750,450 716,451 715,453 709,454 705,458 700,467 692,475
690,475 689,472 682,474 678,471 677,457 674,456 674,453 671,452 669,448 676,444 678,445 686,440 688,440
689,438 690,440 701,436 705,433 708,429 706,426 709,424 705,418 701,418 703,421 700,420 700,415 704,416
704,413 708,413 710,415 714,414 715,411 716,413 719,413 721,412 719,410 739,405 741,397 748,390 750,389
750,391 753,392 750,388 750,384 760,370 761,373 759,378 760,378 761,382 763,383 762,379 763,372 762,370
760,369 754,357 755,352 760,350 765,346 768,347 774,344 779,338 788,337 793,330 804,324 811,317 814,311
814,305 812,297 805,285 805,281 800,270 801,258 802,254 805,249 811,247 820,245 822,246 814,249 812,247
805,251 812,251 813,256 817,258 820,264 822,265 829,279 829,282 827,285 828,289 840,301 850,295 854,296
856,300 864,303 890,302 895,295 890,292 894,289 895,292 898,293 902,290 909,290 916,296 918,294 932,297
941,296 970,279 973,271 971,259 974,258 991,264 995,270 996,275 1003,283 1007,291 1014,297 1023,298
1026,297 1029,292 1033,289 1045,296 1049,306 1064,317 1081,317 1082,313 1111,313 1148,325 1149,327
1171,325 1175,333 1181,337 1184,337 1185,340 1191,341 1196,344 1207,345 1207,351 1219,363 1220,366
1219,367 1219,369 1224,371 1226,378 1230,380 1232,384 1238,389 1239,398 1245,404 1242,409 1241,415
1246,428 1242,439 1240,461 1243,472"""


def check_variables(variables: Iterable[str]) -> None:
    """Check that the demo has all `variables`.

    Raises:
        ConfigError: naming one that it does not have.
    """
    for variable in variables:
        if variable not in VARIABLES:
            raise ConfigError(
                f"raster.variables: the demo has no {variable!r}; it has {' and '.join(VARIABLES)}"
                f"{nearest(variable, VARIABLES)}"
            )


def demo_raster(variable: str, date: str, bbox: Sequence[float] | None = None) -> tuple[np.ndarray, Grid]:
    """Make the raster of one variable and date.

    `date` is ``2000`` (annual), ``2000-01`` (monthly) or ``2000-01-31`` (daily); `bbox` is (west, south, east, north)
    in degrees and is extended to whole cells, as GeoCDL does; None is the whole grid. Returns float32 values
    [height, width] in the variable's unit, :data:`NODATA` over the sea and abroad, and their grid.

    Raises:
        ConfigError: for an unknown variable.
        GridError: for a box without a cell.
    """
    check_variables([variable])
    field = _Field(*_touched(bbox))
    exact = field.precipitation(date) if variable == "ppt" else field.mean_temperature(date)
    values = exact.round(2).astype("float32")
    values[~field.land()] = NODATA
    return values, field.grid


def write_year(variable: str, year: int, grain: str, bbox: Sequence[float] | None, receipt_path: str | Path) -> Receipt:
    """Write the rasters of one year beside `receipt_path`, then the receipt, and return the receipt.

    The files are named like GeoCDL's (``PRISM_ppt_2000-01.tif``): one float32 band, nodata −9999, EPSG:4269.
    """
    folder = Path(receipt_path).parent
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for date in dates_of(year, grain):
        path = folder / f"PRISM_{variable}_{date}.tif"
        _write_tif(path, variable, *demo_raster(variable, date, bbox))
        files.append(describe_file(path, date))
    receipt: Receipt = {
        "source": "demo",
        "files": files,
        "sidecars": [],
        "requests": [],
        "attribution": ATTRIBUTION,
        "synthetic": True,
    }
    write_json(receipt_path, receipt)
    return receipt


def _write_tif(path: Path, variable: str, values: np.ndarray, grid: Grid) -> None:
    import rasterio  # here, so that importing this module stays cheap

    profile = {
        "driver": "GTiff",
        "dtype": "float32",
        "count": 1,
        "width": grid.width,
        "height": grid.height,
        "crs": grid.crs,
        "transform": rasterio.Affine(*grid.transform),
        "nodata": NODATA,
        "compress": "deflate",
        "predictor": 3,
    }
    with atomic_path(path) as temporary:
        with rasterio.open(temporary, "w", **profile) as target:
            target.write(values, 1)
            target.set_band_description(1, variable)
            target.update_tags(SYNTHETIC="YES", DESCRIPTION=ATTRIBUTION)
        check_raster(temporary)  # on a full disk GDAL cuts a file short and closes it without an error


def _touched(bbox: Sequence[float] | None) -> tuple[slice, slice]:
    """Return the rows and columns of the full grid that a box touches by more than a millionth of a cell."""
    if bbox is None:
        return slice(0, HEIGHT), slice(0, WIDTH)
    west, south, east, north = bbox
    tolerance = 1e-6
    left, right = (west - WEST) / CELL + tolerance, (east - WEST) / CELL - tolerance
    top, bottom = (NORTH - north) / CELL + tolerance, (NORTH - south) / CELL - tolerance
    rows = slice(max(int(np.floor(top)), 0), min(int(np.ceil(bottom)), HEIGHT))
    columns = slice(max(int(np.floor(left)), 0), min(int(np.ceil(right)), WIDTH))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        raise GridError(
            f"bbox: {tuple(bbox)} lies outside the demo's rasters, which cover "
            f"{format_bounds((WEST, NORTH - HEIGHT * CELL, WEST + WIDTH * CELL, NORTH))}; write a box inside"
        )
    return rows, columns


def _uniform(label: str, shape: tuple[int, int]) -> np.ndarray:
    """Return float64 numbers in [0, 1) of a shape that depend only on `label`: a hash has no state and no version."""
    count = int(np.prod(shape))
    integers = np.frombuffer(hashlib.shake_256(label.encode()).digest(8 * count), dtype="<u8")
    numbers: np.ndarray = (integers >> 11).reshape(shape) * 2.0**-53
    return numbers


def _logistic(x: np.ndarray) -> np.ndarray:
    y: np.ndarray = 1 / (1 + np.exp(-x))
    return y


class _Field:
    """The synthetic climate and weather over a window of the full grid; one method for each variable.

    Waves are evaluated along the full grid's axes and cut to the window, so that a cell's value does not depend on the
    box of the request. Methods that return an array return float64 [height, width] of the window.
    """

    def __init__(self, rows: slice, columns: slice):
        self.rows, self.columns = rows, columns
        self.longitudes = WEST + (np.arange(WIDTH) + 0.5) * CELL
        self.latitudes = NORTH - (np.arange(HEIGHT) + 0.5) * CELL
        self.lon = self.longitudes[None, columns]
        self.lat = self.latitudes[rows, None]
        corner = (WEST + columns.start * CELL, NORTH - rows.start * CELL)
        transform = (CELL, 0.0, corner[0], 0.0, -CELL, corner[1])
        self.grid = Grid(CRS, transform, columns.stop - columns.start, rows.stop - rows.start)

    def land(self) -> np.ndarray:
        """Return which cells have their centre on land, bool [height, width]: an odd number of coasts to their west."""
        coast = np.array([pair.split(",") for pair in LAND.split()], dtype=float) * (-0.1, 0.1)
        (x0, y0), (x1, y1) = coast.T, np.roll(coast, -1, axis=0).T
        land = np.zeros(self.grid.shape, dtype=bool)
        for row, y in enumerate(self.latitudes[self.rows]):
            crosses = (y0 <= y) != (y1 <= y)
            slope = (x1[crosses] - x0[crosses]) / (y1[crosses] - y0[crosses])
            x = np.sort(x0[crosses] + (y - y0[crosses]) * slope)
            land[row] = np.searchsorted(x, self.lon[0]) % 2 == 1
        return land

    def noise(self, label: str, shortest: float, longest: float, waves: int = 12) -> np.ndarray:
        """Return a smooth random field, mean 0 and variance 1, of waves between these lengths in degrees."""
        length, angle, phase = _uniform(label, (3, waves))
        frequency = 2 * np.pi / (shortest * (longest / shortest) ** length)
        total: np.ndarray = np.zeros(self.grid.shape)
        for f, a, p in zip(frequency, 2 * np.pi * angle, 2 * np.pi * phase, strict=True):
            x = f * np.cos(a) * self.longitudes
            y = f * np.sin(a) * self.latitudes + p
            total += np.cos(x)[None, self.columns] * np.cos(y)[self.rows, None]
            total -= np.sin(x)[None, self.columns] * np.sin(y)[self.rows, None]
        total *= np.sqrt(2 / waves)
        return total

    def decades(self, date: str) -> float:
        """Return the decades since 2000, when the trends are zero."""
        return (int(date[:4]) - 2000) / 10

    def precipitation(self, date: str) -> np.ndarray:
        """Return precipitation in mm: annual total, monthly total, or that of a day, with dry regions."""
        year, month, day = date[:4], date[5:7], date[8:]
        normal = 400 + 1000 * _logistic((self.lon + 97) / 3)
        normal = normal * np.exp(0.12 * self.noise("ppt relief", 1, 8, waves=30))
        wetness = 1 + 0.12 * self.noise(f"ppt {year}", 6, 20) + 0.05 * self.noise(f"ppt {year} local", 1, 4)
        wetness += 0.07 * self.decades(date) * self.noise("ppt trend", 3, 12)
        total = normal * np.maximum(wetness, 0.1)
        if month:
            share = (1 + 0.6 * np.cos(2 * np.pi * (int(month) - 7.5) / 12)) / 12
            weather = 1 + 0.4 * self.noise(f"ppt {date[:7]}", 2, 12)
            total *= share * np.maximum(weather, 0.05)
        if day:
            # Rain where the noise exceeds 0.3; 0.2668 is the mean of max(0, Z − 0.3) for a standard normal Z.
            weather = np.maximum(self.noise(f"ppt {date}", 1.5, 8) - 0.3, 0) / 0.2668
            total *= weather / calendar.monthrange(int(year), int(month))[1]
        return total

    def mean_temperature(self, date: str) -> np.ndarray:
        """Return mean temperature in °C: colder and more seasonal to the north, warming by 0.3 °C a decade."""
        celsius = 25 - 0.95 * (self.lat - 26) + 0.8 * self.noise("t relief", 1, 8, waves=30)
        celsius += 0.5 * self.noise(f"t {date[:4]}", 8, 25)
        celsius += self.decades(date) * (0.3 + 0.1 * self.noise("t trend", 4, 15))
        if month := date[5:7]:
            middle = Day(2001, int(month), int(date[8:] or 15) if date[5:] != "02-29" else 28)
            season = np.cos(2 * np.pi * (middle.timetuple().tm_yday - 201) / 365)
            celsius = celsius + season * (4.5 + 0.45 * (self.lat - 26))
            celsius += 1.2 * self.noise(f"t {date[:7]}", 6, 25)
        if date[8:]:
            celsius += 2.5 * self.noise(f"t {date}", 4, 20)
        return celsius
