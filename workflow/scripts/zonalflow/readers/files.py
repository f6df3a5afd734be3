"""The raster source of all that GDAL reads as a raster: GeoTIFF, COG, BIL, VRT, rasters in zips, GRIB."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np

from zonalflow.common.errors import RasterError
from zonalflow.geometry.grid import Grid
from zonalflow.rasters.nodata import DECLARED, MISSING, Nodata, has_mask, is_missing, nodata_of
from zonalflow.rasters.read import TimeStep, raster_grid, with_band
from zonalflow.rasters.unreadable import describe_failure
from zonalflow.readers.source import Block, Linear, Span, Stored

if TYPE_CHECKING:
    from rasterio.io import DatasetReader


@dataclass(frozen=True)
class Scaling:
    """What the stored values of a band mean: value = stored × scale + offset, but for the nodata value."""

    nodata: float | None
    scale: float
    offset: float

    def decode(self, stored: np.ndarray, mask: np.ndarray | None) -> tuple[np.ndarray, float | None]:
        """Return values and the one that means no data: the stored ones if they are neither scaled nor masked."""
        if mask is None and (self.scale, self.offset) == (1.0, 0.0):
            return stored, self.nodata
        missing = is_missing(stored, self.nodata, nan=self.nodata is not None and bool(np.isnan(self.nodata)))
        if mask is not None:
            missing |= mask
        values = np.multiply(stored, self.scale, dtype=np.float64)
        values += self.offset
        if missing.any():
            values = np.where(missing, MISSING, values)
        return values, MISSING

    def linear(self, dtype: np.dtype) -> Linear:
        """Return the same for stored numbers of a type, beside a mask."""
        return Linear.of(dtype, self.nodata, self.scale, self.offset)

    def split(self, stored: np.ndarray, mask: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Return values, and which are missing or NaN, see :class:`zonalflow.readers.source.Stored`."""
        missing = is_missing(stored, self.nodata)
        if mask is not None:
            missing |= mask
        if (self.scale, self.offset) == (1.0, 0.0):
            return stored, missing
        values = np.multiply(stored, self.scale, dtype=np.float64)
        values += self.offset
        return values, missing


class FileSource:
    """A raster file, opened once for all its bands."""

    def __init__(self, dataset: "DatasetReader", steps: Sequence[TimeStep], crs: str | None, nodata: Nodata) -> None:
        self.dataset, self.steps, self.nodata = dataset, steps, nodata
        self.grid: Grid = raster_grid(dataset, crs)
        self._scalings: dict[int, Scaling] = {}

    @cached_property
    def bands(self) -> list[int]:
        """The number of each time step's band."""
        return [with_band(self.dataset, step).band for step in self.steps]

    @cached_property
    def dtype(self) -> np.dtype:
        """The type of the first band."""
        dtype: np.dtype = np.dtype(self.dataset.dtypes[self.bands[0] - 1])
        return dtype

    @cached_property
    def block(self) -> Block:
        """A block of all bands if the file has their cells side by side, else of one."""
        rows, columns = self.dataset.block_shapes[self.bands[0] - 1]
        together = str(self.dataset.tags(ns="IMAGE_STRUCTURE").get("INTERLEAVE", "")).upper() == "PIXEL"
        return Block(len(self.steps) if together else 1, rows, columns)

    @cached_property
    def masked(self) -> bool:
        """Whether a mask of the file says where its data are."""
        return self.nodata in (None, DECLARED) and has_mask(self.dataset, self.bands[0])

    def _scaling(self, position: int) -> Scaling:
        if position not in self._scalings:
            band, step = self.bands[position], self.steps[position]
            dtype = self.dataset.dtypes[band - 1]
            if dtype.startswith("complex"):
                raise RasterError(
                    f"{step.path} holds complex numbers ({dtype}), which have no mean; write the part "
                    "that you need as a raster of its own"
                )
            masked = self.masked
            value = None if masked else nodata_of(self.dataset, band, f"{step.path} ({step.date})", self.nodata)
            self._scalings[position] = Scaling(value, self.dataset.scales[band - 1], self.dataset.offsets[band - 1])
        return self._scalings[position]

    def read(self, steps: Sequence[int], rows: Span, columns: Span) -> list[Stored]:
        """Return the cells of a window at some time steps, see :class:`zonalflow.readers.source.RasterSource`."""
        from rasterio.errors import RasterioError
        from rasterio.windows import Window

        scalings = [self._scaling(position) for position in steps]
        bands = [self.bands[position] for position in steps]
        read = partial(
            self.dataset.read, window=Window(columns[0], rows[0], columns[1] - columns[0], rows[1] - rows[0])
        )
        one_type = len({self.dataset.dtypes[band - 1] for band in bands}) == 1
        try:
            values = read(bands) if one_type else [read(band) for band in bands]
            mask = None
            if self.masked:
                mask = self.dataset.read_masks(bands[0], window=read.keywords["window"]) == 0
        except RasterioError as error:
            file = f"{self.steps[steps[0]].path} ({self.steps[steps[0]].date})"
            raise RasterError(describe_failure(file, error.__cause__ or error)) from error
        return [
            Stored(part, mask, scaling.decode, scaling.split, scaling.linear(part.dtype))
            for part, scaling in zip(values, scalings, strict=True)
        ]
