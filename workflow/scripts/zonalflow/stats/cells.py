"""Gathering a raster's values zone by zone, and what follows from them: sums, extremes, order, classes.

The values of each zone lie side by side then, so that a zone is one segment of an array. Taking them costs less than a
nanosecond a cell; sorting them, for medians and classes, is most of the cost where it is needed.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from zonalflow.index.segments import segment_reduce, sum_by_zone
from zonalflow.index.zone_index import Layout
from zonalflow.rasters.nodata import Nodata, is_missing


@dataclass(frozen=True)
class Sums:
    """What adds up over the cells with data of each zone; float64 [n_zones] each.

    With the fraction cᵢ and the weight wᵢ of a cell (see :mod:`zonalflow.stats.statistics`): count Σ cᵢ, weight Σ wᵢ,
    total Σ wᵢ vᵢ.
    """

    count: np.ndarray
    weight: np.ndarray
    total: np.ndarray


@dataclass(frozen=True)
class Extremes:
    """The smallest and largest value of each zone, float64 [n_zones]; ∞ and −∞ where there is no data."""

    minimum: np.ndarray
    maximum: np.ndarray
    count: np.ndarray  # Σ cᵢ, as in Sums


def gather(layout: Layout, values: np.ndarray, nodata: Nodata) -> tuple[np.ndarray, np.ndarray]:
    """Take the values of a layout's cells from the index's window of a raster (2-D, contiguous).

    Returns:
        The value of each cell, of the raster's dtype [n_cells]; the positions of those that are no data, rising, int64.
    """
    value = values.reshape(-1).take(layout.cell)
    return value, np.flatnonzero(is_missing(value, nodata))


def add_up(layout: Layout, value: np.ndarray, missing: np.ndarray) -> Sums:
    """Return the sums of a layout's zones; `value` and `missing` are what :func:`gather` returned."""
    value = value.astype(np.float64)
    fraction, weight, ptr = layout.fraction, layout.weight, layout.ptr
    count, total_weight = layout.count, layout.total_weight
    if len(missing):
        value[missing] = 0
        if fraction is None:
            count = count - np.bincount(np.searchsorted(ptr, missing, side="right") - 1, minlength=len(count))
        else:
            count = segment_reduce(np.add, _without(fraction, missing), ptr, 0.0)
        if weight is None or weight is fraction:
            total_weight = count
        else:
            total_weight = segment_reduce(np.add, _without(weight, missing), ptr, 0.0)
    if weight is not None:
        value *= weight
    return Sums(count, total_weight, segment_reduce(np.add, value, ptr, 0.0))


def _without(array: np.ndarray, missing: np.ndarray) -> np.ndarray:
    array = array.copy()
    array[missing] = 0
    return array


@dataclass(frozen=True)
class Cells:
    """The cells with data of some zones, zone after zone.

    Attributes:
        ptr: int64 [n + 1], the cells of zone i are ``ptr[i]:ptr[i + 1]``
        value: the raster's dtype [n_cells]
        fraction: float64 [n_cells] or None where all are 1
        weight: float64 [n_cells], cᵢ × the cell's weight, or None where all are 1
    """

    ptr: np.ndarray
    value: np.ndarray
    fraction: np.ndarray | None
    weight: np.ndarray | None

    @classmethod
    def of(cls, layout: Layout, value: np.ndarray, missing: np.ndarray) -> "Cells":
        """Return the cells of a layout without those that are no data; for the arguments see :func:`gather`."""
        if not len(missing):
            return cls(layout.ptr, value, layout.fraction, layout.weight)
        there = np.ones(len(value), bool)
        there[missing] = False
        fraction = None if layout.fraction is None else layout.fraction[there]
        weight = fraction
        if layout.weight is not None and layout.weight is not layout.fraction:
            weight = layout.weight[there]
        return cls(layout.ptr - np.searchsorted(missing, layout.ptr), value[there], fraction, weight)

    @cached_property
    def size(self) -> np.ndarray:
        """The number of cells of each zone, int64 [n]."""
        return np.diff(self.ptr)

    @cached_property
    def extremes(self) -> tuple[np.ndarray, np.ndarray]:
        """The smallest and the largest value of each zone, float64 [n]; ∞ and −∞ where there is no data."""
        low = segment_reduce(np.minimum, self.value.astype(np.float64), self.ptr, np.inf)
        return low, segment_reduce(np.maximum, self.value.astype(np.float64), self.ptr, -np.inf)

    @cached_property
    def ordered(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Values and fractions, within each zone by rising value.

        Zone by zone, since many short sorts are faster than a long one by two keys.
        """
        zones = list(map(slice, self.ptr[:-1].tolist(), self.ptr[1:].tolist()))
        if self.fraction is None:
            value = self.value.copy()
            for zone in zones:
                value[zone].sort()
            return value, None
        if (keys := _pack(self.value, self.fraction)) is not None:
            for zone in zones:
                keys[zone].sort()
            return _unpack(keys, self.value.dtype)
        order = np.empty(len(self.value), np.int64)
        for zone in zones:
            order[zone] = self.value[zone].argsort()
        order += np.repeat(self.ptr[:-1], self.size)
        return self.value[order], self.fraction[order]

    @cached_property
    def groups(self) -> "Groups":
        """The different values of each zone."""
        value, fraction = self.ordered
        opens = np.ones(len(value), bool)
        opens[1:] = value[1:] != value[:-1]
        opens[self.ptr[:-1][self.size > 0]] = True
        first = np.flatnonzero(opens)
        ptr = np.searchsorted(first, self.ptr)
        cells = np.diff(np.append(first, len(value)))
        count = cells.astype(np.float64)
        if fraction is not None:
            count = sum_by_zone(np.repeat(np.arange(len(first)), cells), fraction, len(first))
        return Groups(ptr, value[first], cells, count)


@dataclass(frozen=True)
class Groups:
    """The different values of some zones, zone after zone, rising within each.

    Attributes:
        ptr: int64 [n + 1], the groups of zone i are ``ptr[i]:ptr[i + 1]``
        value: the raster's dtype [n_groups]
        cells: int64 [n_groups], how many cells have the value
        count: float64 [n_groups], Σ cᵢ of them
    """

    ptr: np.ndarray
    value: np.ndarray
    cells: np.ndarray
    count: np.ndarray

    @property
    def size(self) -> np.ndarray:
        """The number of groups of each zone, int64 [n]."""
        return np.diff(self.ptr)


def _pack(value: np.ndarray, fraction: np.ndarray) -> np.ndarray | None:
    """Return values and their fractions in one integer each, int64 [n], that sort as the values do.

    Sorting these is three times faster than sorting the values indirectly and moving the fractions after them. The
    upper half is the value, the lower half the bits of the fraction, which is float32 in the index; None if a value
    takes more than 32 bits. The bits of IEEE 754 floats sort as integers do, but for the negative ones, which sort
    the other way round until all bits but the sign are flipped.
    """
    if value.dtype.kind == "f" and value.dtype.itemsize <= 4:
        bits = (value.astype(np.float32) + np.float32(0)).view(np.int32)  # + 0: there is one zero, not two
        rank = bits ^ ((bits >> 31) & 0x7FFFFFFF)
    elif np.can_cast(value.dtype, np.int32):
        rank = value
    else:
        return None
    keys = rank.astype(np.int64)
    keys <<= 32
    keys |= fraction.astype(np.float32).view(np.int32)
    return keys


def _unpack(keys: np.ndarray, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Return what :func:`_pack` packed: values of their `dtype`, and fractions, float64."""
    fraction = keys.astype(np.int32).view(np.float32).astype(np.float64)
    rank = (keys >> 32).astype(np.int32)
    if dtype.kind == "f":
        rank ^= (rank >> 31) & 0x7FFFFFFF
        return rank.view(np.float32).astype(dtype, copy=False), fraction
    return rank.astype(dtype, copy=False), fraction
