"""Gathering the cells of each zone, strip by strip, for what needs their order: percentiles of floating numbers.

The cells of a zone are held only while strips still bring some.
"""

import threading
from collections.abc import Callable, Mapping

import numpy as np

from zonalflow.index.segments import expand
from zonalflow.index.zone_index import ZoneIndex
from zonalflow.rasters.nodata import is_missing
from zonalflow.readers.source import Stored
from zonalflow.stats.cells import Cells, Groups
from zonalflow.stats.strips import SUB_BLOCK, Elements, Strip

Formulas = Mapping[str, Callable[[Cells | Groups], np.ndarray]]


class _Held:
    """The cells that strips have brought of a zone."""

    def __init__(self, size: int, dtype: np.dtype, fractional: bool) -> None:
        self.value = np.empty(size, dtype)
        self.fraction = np.empty(size, np.float32) if fractional else None
        self.seen = self.filled = 0

    def add(self, value: np.ndarray, fraction: np.ndarray | None, seen: int) -> None:
        end = self.filled + len(value)
        self.value[self.filled : end] = value
        if self.fraction is not None:
            self.fraction[self.filled : end] = fraction
        self.filled, self.seen = end, self.seen + seen

    def cells(self) -> Cells:
        fraction = None if self.fraction is None else self.fraction[: self.filled].astype(np.float64)
        return Cells(np.array([0, self.filled]), self.value[: self.filled], fraction)


class Gathering:
    """The cells of the zones of an index at one time step, and what the formulas make of those that are complete."""

    def __init__(self, index: ZoneIndex, formulas: Formulas) -> None:
        self.index, self.formulas = index, formulas
        self.results = {name: np.full(index.n_zones, np.nan) for name in formulas}
        none = Cells(np.zeros(2, np.int64), np.empty(0), np.empty(0) if index.is_fractional else None)
        for name, formula in formulas.items():
            self.results[name][:] = formula(none)  # of a zone without a cell
        self._held: dict[int, _Held] = {}
        self._lock = threading.Lock()

    def add(self, strip: Strip, some: slice, stored: Stored) -> None:
        """Add the cells of a batch of a strip's elements; batches may be added in several threads."""
        elements = strip.elements
        if elements.length[some].sum() <= 2 * SUB_BLOCK:
            self._add(strip, some, stored)
            return
        size = np.cumsum(elements.length[some])  # a single zone
        cuts = np.unique(np.searchsorted(size, np.arange(0, size[-1], SUB_BLOCK)))
        for first, stop in zip(cuts, np.append(cuts[1:], len(size)), strict=True):
            self._add(strip, slice(some.start + int(first), some.start + int(stop)), stored)

    def _add(self, strip: Strip, some: slice, stored: Stored) -> None:
        zones, ptr, cell = expand_elements(strip.elements, some)
        value, nodata = stored.decoded(cell)
        fraction = None
        if self.index.is_fractional:
            fraction = np.repeat(strip.elements.fraction[some], strip.elements.length[some])
        sizes = np.diff(ptr)
        missing = is_missing(value, nodata)
        if missing.any():
            value, fraction = value[~missing], None if fraction is None else fraction[~missing]
            ptr = np.append(0, np.cumsum(~missing))[ptr]
        complete = sizes == self.index.members[zones]
        for k in np.flatnonzero(~complete).tolist():
            own = slice(int(ptr[k]), int(ptr[k + 1]))
            part = None if fraction is None else fraction[own]
            self._hold(int(zones[k]), value[own], part, int(sizes[k]))
        if complete.all():
            self._reduce(zones, Cells(ptr, value, None if fraction is None else fraction.astype(np.float64)))
        elif complete.any():
            kept = np.repeat(complete, np.diff(ptr))
            part = None if fraction is None else fraction[kept].astype(np.float64)
            ends = np.append(0, np.cumsum(np.diff(ptr)[complete]))
            self._reduce(zones[complete], Cells(ends, value[kept], part))

    def _hold(self, zone: int, value: np.ndarray, fraction: np.ndarray | None, seen: int) -> None:
        with self._lock:
            held = self._held.get(zone)
            if held is None:
                size = int(self.index.members[zone])
                held = self._held[zone] = _Held(size, value.dtype, fraction is not None)
        held.add(value, fraction, seen)
        if held.seen == len(held.value):
            del self._held[zone]
            self._reduce(np.array([zone]), held.cells())

    def _reduce(self, zones: np.ndarray, cells: Cells) -> None:
        for name, formula in self.formulas.items():
            self.results[name][zones] = formula(cells)


def expand_elements(elements: Elements, some: slice | np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the zones of some elements, where each zone's cells begin among theirs (and end), and their cells."""
    zone, length = elements.zone[some], elements.length[some]
    opens = np.flatnonzero(np.append(True, zone[1:] != zone[:-1])[: len(zone)])
    ptr = np.append(0, np.cumsum(length))[np.append(opens, len(zone))]
    return zone[opens], ptr, expand(elements.start[some], length)
