"""What a raster source is: one variable in one open file, whatever the library that reads it.

:mod:`zonalflow.readers.files` has the source for all that GDAL reads as a raster, :mod:`zonalflow.readers.arrays` that
for NetCDF.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from zonalflow.geometry.grid import Grid
from zonalflow.rasters.nodata import can_hold, is_missing, missing_range
from zonalflow.rasters.read import TimeStep

Span = tuple[int, int]  # the first, and the one after the last
#: Values as stored, and which of them the file masks (or None) → values in the file's unit, and the one that means no
#: data, or None. Works cell by cell, on arrays of any shape.
Decode = Callable[[np.ndarray, np.ndarray | None], tuple[np.ndarray, float | None]]


@dataclass(frozen=True)
class Block:
    """What a file decompresses together: so many time steps, rows and columns.

    Attributes:
        steps, rows, columns: the size.
        first_row, first_column: those of the grid at which the first whole block begins.
    """

    steps: int = 1
    rows: int = 1
    columns: int = 1
    first_row: int = 0
    first_column: int = 0


@dataclass(frozen=True)
class Linear:
    """A simple meaning of stored numbers: those from `low` to `high`, and NaN, are missing, others × scale + offset.

    It says the same as a :data:`Decode`, for loops that cannot call one. Of integers `low` and `high` are the one that
    is missing; where none is, the range is empty: from 1 to 0.
    """

    low: float
    high: float
    scale: float = 1.0
    offset: float = 0.0

    @property
    def is_scaled(self) -> bool:
        """Whether values differ from the stored numbers."""
        return (self.scale, self.offset) != (1.0, 0.0)

    @classmethod
    def of(cls, dtype: np.dtype, nodata: float | None, scale: float = 1.0, offset: float = 0.0) -> "Linear":
        """Return what stored numbers of a type mean, of which `nodata` (or None) means no data."""
        if nodata is None or np.isnan(nodata) or (dtype.kind in "iu" and not can_hold(dtype, nodata)):
            return cls(1, 0, scale, offset)
        return cls(*missing_range(nodata, dtype), scale, offset)


@dataclass(frozen=True)
class Stored:
    """The cells of a window at one time step, as the file stores them.

    Attributes:
        values: of the file's type [rows, columns], contiguous.
        mask: bool [rows, columns], where the file's mask says that there is no data; None without a mask.
        decode: what the values mean.
        split: the same in fewer steps: values, arbitrary where they are missing, and where they are missing or NaN.
        linear: the same in four numbers; None where these do not suffice.
    """

    values: np.ndarray
    mask: np.ndarray | None
    decode: Decode
    split: Callable[[np.ndarray, np.ndarray | None], tuple[np.ndarray, np.ndarray]] | None = None
    linear: Linear | None = None

    def decoded(self, which: slice | np.ndarray = slice(None)) -> tuple[np.ndarray, float | None]:
        """Return the values of some cells, by flat numbers, and the value that means no data, or None."""
        return self.decode(*self._some(which))

    def present(self, which: slice | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the values of some cells, and which of them are missing or NaN, where the values are arbitrary."""
        if self.split is not None:
            return self.split(*self._some(which))
        values, nodata = self.decoded(which)
        return values, is_missing(values, nodata)

    def _some(self, which: slice | np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        def some(array: np.ndarray) -> np.ndarray:
            flat = array.reshape(-1)
            taken: np.ndarray = flat[which] if isinstance(which, slice) else flat.take(which)
            return taken

        return some(self.values), None if self.mask is None else some(self.mask)


class RasterSource(Protocol):
    """A variable in an open file, at some time steps."""

    steps: Sequence[TimeStep]

    @property
    def grid(self) -> Grid:
        """Where its cells lie."""

    @property
    def dtype(self) -> np.dtype:
        """The type of the stored values."""

    @property
    def block(self) -> Block:
        """What is decompressed together."""

    def read(self, steps: Sequence[int], rows: Span, columns: Span) -> list[Stored]:
        """Return the cells of a window at some of the `steps`, by their position among them.

        Raises:
            RasterError: for cells that cannot be read, or a file that does not declare what is missing.
        """
