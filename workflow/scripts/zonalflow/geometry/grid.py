"""The grid: where the cells of a raster lie.

A cell is named by its row and column, counted from the corner at which the raster's first value lies. The
corner of cell (row, col) is at

    x = a col + c,    y = e row + f

with ``e < 0`` where the first row is the northernmost (the usual way) and ``e > 0`` where it is the
southernmost. Zones meet rasters through these six numbers alone, so rasters with the same grid can share one
zone index.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from zonalflow.common.errors import GridError
from zonalflow.geometry.plate_carree import crs_of_degrees

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

SAME_GRID = 1e-3  # cells: how far the corners of one and the same grid may differ, since files round them

Window = tuple[int, int, int, int]  # row0, row1, col0, col1: rows row0 … row1 − 1, columns col0 … col1 − 1
Bounds = tuple[float, float, float, float]  # west, south, east, north


@dataclass(frozen=True)
class Grid:
    """A raster's CRS, affine transform ``(a, b, c, d, e, f)`` and size in cells; ``b`` and ``d`` are 0.

    A Plate Carrée whose unit is a degree becomes its geographic CRS, see :mod:`zonalflow.geometry.plate_carree`.
    """

    crs: str
    transform: tuple[float, ...]
    width: int
    height: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "crs", crs_of_degrees(self.crs))

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns), as numpy has it."""
        return self.height, self.width

    @property
    def bounds(self) -> Bounds:
        """West, south, east, north in the units of the CRS."""
        a, _, c, _, e, f = self.transform
        y = sorted((f, f + e * self.height))
        return c, y[0], c + a * self.width, y[1]

    @cached_property
    def is_geographic(self) -> bool:
        """Whether x and y are longitude and latitude, in degrees unless the CRS has another unit."""
        if self.crs.startswith(("GEOGCS", "GEOGCRS")):
            return True
        if not self.crs or self.crs.startswith(("PROJCS", "PROJCRS")):
            return False
        from rasterio.crs import CRS  # only an authority code needs to be looked up

        return bool(CRS.from_user_input(self.crs).is_geographic)

    def matches(self, other: "Grid") -> bool:
        """Whether ``other`` is this grid: the same size and CRS, and corners within a thousandth of a cell.

        Equality will not do: PRISM's headers give a cell of 0.041666666666700033 degrees where others round.
        """
        if self.shape != other.shape:
            return False
        cell = np.abs(np.array(self.transform)[[0, 4, 0, 4]])
        apart = np.abs(np.subtract(self.bounds, other.bounds)) / cell
        same_way_up = (self.transform[4] > 0) == (other.transform[4] > 0)
        return bool(same_way_up and apart.max() < SAME_GRID and _same_crs(self.crs, other.crs))

    def describe(self) -> str:
        """Return one line for messages: size, cell, bounds, CRS."""
        a, _, _, _, e, _ = self.transform
        west, south, east, north = self.bounds
        up = " (first row southernmost)" if e > 0 else ""
        return (
            f"{self.width} × {self.height} cells of {a:.10g} × {abs(e):.10g}{up}, "
            f"x {west:.10g} … {east:.10g}, y {south:.10g} … {north:.10g}, {_crs_name(self.crs)}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the grid as plain data that JSON keeps exactly; :meth:`from_dict` reads it."""
        return {**asdict(self), "transform": list(self.transform)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Grid":
        """Return the grid that :meth:`to_dict` wrote."""
        transform = tuple(float(number) for number in data["transform"])
        return cls(str(data["crs"]), transform, int(data["width"]), int(data["height"]))

    def window(self, row0: int, row1: int, col0: int, col1: int) -> "Grid":
        """Return the grid of rows row0 … row1 − 1 and columns col0 … col1 − 1 of this one."""
        a, b, c, d, e, f = self.transform
        corner = (a, b, c + a * col0, d, e, f + e * row0)
        return replace(self, transform=corner, width=col1 - col0, height=row1 - row0)

    def row_areas(self) -> np.ndarray:
        """Return the relative area of a cell of each row, float64 [height].

        On a geographic grid it is cos φ of the cell's centre, where φ is the latitude. This is exact on the
        sphere, not an approximation for small cells: a cell between the latitudes φ ± δ has an area
        proportional to sin(φ + δ) − sin(φ − δ) = 2 sin δ cos φ, and δ is the same for all rows. On a
        projected grid all cells are equal.
        """
        if not self.is_geographic:
            return np.ones(self.height)
        from rasterio.crs import CRS

        e, f = self.transform[4:6]
        _, radians = CRS.from_user_input(self.crs).units_factor  # of a degree, or a grad, as in the maps of France
        areas: np.ndarray = np.clip(np.cos((f + e * (np.arange(self.height) + 0.5)) * radians), 0, None)
        return areas


def grid_of(dataset: "DatasetReader") -> Grid:
    """Return the grid of an open raster.

    Raises:
        GridError: when the raster is rotated or sheared, or its columns do not run from west to east.
    """
    a, b, c, d, e, f = tuple(dataset.transform)[:6]
    if b or d or a <= 0 or not e or not all(map(math.isfinite, (a, c, e, f))):
        raise GridError(
            f"{dataset.name}: its grid is rotated, sheared or mirrored (transform {(a, b, c, d, e, f)}); "
            "warp it to a grid whose rows run along x first, for example with gdalwarp"
        )
    crs = dataset.crs.to_wkt() if dataset.crs else ""
    return Grid(crs, (a, 0.0, c, 0.0, e, f), dataset.width, dataset.height)


def _same_crs(one: str, other: str) -> bool:
    if one == other:
        return True
    if not (one and other):
        return False
    from rasterio.crs import CRS  # two spellings may mean one CRS; seldom needed, so imported late

    if CRS.from_user_input(one) == CRS.from_user_input(other):
        return True
    import pyproj  # knows one CRS with its axes named, as beside a BIL, or not

    return pyproj.CRS(one).equals(pyproj.CRS(other), ignore_axis_order=True)


def _crs_name(crs: str) -> str:
    """Return the short name of a CRS: WKT has it as its first quoted text."""
    if not crs:
        return "no CRS"
    return crs.split('"')[1] if crs.count('"') >= 2 else crs
