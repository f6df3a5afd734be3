"""What a raster is reduced to for each zone: sums, extremes, moments, its cells, or their different values."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from zonalflow.index.segments import sum_by_zone


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


@dataclass(frozen=True)
class Moments:
    """The mean and the variance of each zone, float64 [n_zones], NaN where there is no data."""

    mean: np.ndarray
    variance: np.ndarray


@dataclass(frozen=True)
class Cells:
    """The cells with data of some zones, zone after zone.

    Attributes:
        ptr: int64 [n + 1], the cells of zone i are ``ptr[i]:ptr[i + 1]``
        value: the raster's dtype [n_cells]
        fraction: float64 [n_cells] or None where all are 1
    """

    ptr: np.ndarray
    value: np.ndarray
    fraction: np.ndarray | None

    @property
    def is_fractional(self) -> bool:
        """Whether cells count by the fraction covered."""
        return self.fraction is not None

    @cached_property
    def size(self) -> np.ndarray:
        """The number of cells of each zone, int64 [n]."""
        return np.diff(self.ptr)

    @cached_property
    def ordered(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Values and fractions, within each zone by rising value, equal values by rising fraction.

        Zone by zone, since many short sorts are faster than a long one by two keys. Without fractions the values are
        sorted where they are, since a zone may be as large as the memory.
        """
        zones = list(map(slice, self.ptr[:-1].tolist(), self.ptr[1:].tolist()))
        if self.fraction is None:
            for zone in zones:
                self.value[zone].sort()
            return self.value, None
        if (keys := _pack(self.value, self.fraction)) is not None:
            for zone in zones:
                keys[zone].sort()
            return _unpack(keys, self.value.dtype)
        order = np.empty(len(self.value), np.int64)
        for zone in zones:
            order[zone] = np.lexsort((self.fraction[zone], self.value[zone]))
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
        return Groups(ptr, value[first], cells, count, self.is_fractional)

    def nth(self, zones: np.ndarray, n: np.ndarray) -> np.ndarray:
        """Return the n-th smallest value, from 0, of each of some zones."""
        value: np.ndarray = self.ordered[0][self.ptr[:-1][zones] + n]
        return value


@dataclass(frozen=True)
class Groups:
    """The different values of some zones, zone after zone, rising within each.

    Attributes:
        ptr: int64 [n + 1], the groups of zone i are ``ptr[i]:ptr[i + 1]``
        value: the raster's dtype [n_groups]
        cells: int64 [n_groups], how many cells have the value
        count: float64 [n_groups], Σ cᵢ of them
        is_fractional: whether cells count by the fraction covered
    """

    ptr: np.ndarray
    value: np.ndarray
    cells: np.ndarray
    count: np.ndarray
    is_fractional: bool

    @property
    def groups(self) -> "Groups":
        """Itself, as cells have groups."""
        return self

    @property
    def size(self) -> np.ndarray:
        """The number of cells of each zone, int64 [n]."""
        return np.diff(self._cells_before[self.ptr])

    @cached_property
    def _cells_before(self) -> np.ndarray:
        return np.append(0, np.cumsum(self.cells))

    def nth(self, zones: np.ndarray, n: np.ndarray) -> np.ndarray:
        """Return the n-th smallest value, from 0, of each of some zones."""
        before = self._cells_before
        value: np.ndarray = self.value[np.searchsorted(before, before[self.ptr[:-1][zones]] + n, side="right") - 1]
        return value


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
