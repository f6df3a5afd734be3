"""The raster source of NetCDF: a variable read by xarray, northernmost row first."""

import itertools
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from zonalflow.common.errors import RasterError
from zonalflow.common.text import count_of
from zonalflow.geometry.grid import Grid
from zonalflow.rasters.arrays import RasterArray
from zonalflow.rasters.nodata import Nodata, undeclared
from zonalflow.rasters.packing import decode, one_missing_number
from zonalflow.rasters.read import TimeStep
from zonalflow.readers.source import Block, Linear, Span, Stored


class ArraySource:
    """A variable of an open NetCDF file at some time steps."""

    def __init__(self, array: RasterArray, steps: Sequence[TimeStep], crs: str | None, nodata: Nodata) -> None:
        self.array, self.steps, self.nodata = array, steps, nodata
        self.grid: Grid = array.grid(crs)

    @property
    def dtype(self) -> np.dtype:
        """The type of the stored numbers, with the sign that the file gives them."""
        return self.array.packing.dtype

    @cached_property
    def block(self) -> Block:
        """A chunk of the file; of a file without chunks, all steps and a row."""
        array = self.array
        whole, sizes = array.dataset.variables[array.name], array.variable.sizes
        chunks = whole.encoding.get("chunksizes") or whole.encoding.get("chunks")
        if not chunks:
            return Block(1, 1, self.grid.width)
        chunk = dict(zip(whole.dims, chunks, strict=True))
        x, y = array.axes["x"], array.axes["y"]
        rows, columns = chunk[y.dimension], chunk[x.dimension]
        return Block(
            chunk[array.time_dimension] if array.time_dimension else 1,
            rows,
            columns,
            sizes[y.dimension] % rows if y.reversed else 0,
            sizes[x.dimension] % columns if x.reversed else 0,
        )

    def read(self, steps: Sequence[int], rows: Span, columns: Span) -> list[Stored]:
        """Return the cells of a window at some time steps, see :class:`zonalflow.readers.source.RasterSource`."""
        array, n = self.array, self._available
        for position in steps:
            step = self.steps[position]
            if step.band > n:
                raise RasterError(
                    f"{array.path} has {count_of(n, 'time step')}; {step.date} should be number {step.band}"
                )
            if self.nodata is None and not array.packing.is_declared:
                raise undeclared(f"{array.path} ({step.date})")
        bands = [self.steps[position].band for position in steps]
        parts: list[np.ndarray] = []
        # neighbours in the file together, since each call costs as much as reading many cells
        for _, group in itertools.groupby(enumerate(bands), key=lambda pair: pair[1] - pair[0]):
            some = [band for _, band in group]
            parts += list(array.stored(slice(some[0] - 1, some[-1]), (*rows, *columns)))
        return [Stored(part, None, self._decode, linear=self._linear(part.dtype)) for part in parts]

    @property
    def _available(self) -> int:
        dimension = self.array.time_dimension
        return int(self.array.variable.sizes[dimension]) if dimension else 1

    def _decode(self, stored: np.ndarray, _: np.ndarray | None) -> tuple[np.ndarray, float | None]:
        return decode(stored, self.array.packing, self.nodata)

    def _linear(self, dtype: np.dtype) -> Linear | None:
        packing = self.array.packing
        if dtype != packing.dtype or (self.nodata is None and packing.is_declared_otherwise):
            return None
        return Linear.of(dtype, one_missing_number(packing, self.nodata), packing.scale, packing.offset)
