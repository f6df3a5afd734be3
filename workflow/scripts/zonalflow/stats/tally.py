"""Counting the different values of each zone, strip by strip: for classes, majorities, and percentiles of integers.

Of whole cells it is counted how many have a value; boundary cells are kept one by one in raster order, so that the sums
of their fractions do not depend on the strips.
"""

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from zonalflow.common.errors import RasterError
from zonalflow.index.segments import segment_reduce
from zonalflow.rasters.nodata import is_missing
from zonalflow.readers.source import Stored
from zonalflow.stats.cells import Cells, Groups
from zonalflow.stats.formulas import is_dense
from zonalflow.stats.gather import expand_elements
from zonalflow.stats.strips import Strip, SubBlock

if TYPE_CHECKING:
    from zonalflow.kernels.calls import Kernels

MAX_CLASSES = 4096  # of a categorical raster; measurements have as many values as cells, and would fill the memory
_TABLE = 1 << 22  # entries of a table of zones × values
_MANY = 1 << 20  # rows of the tally that are added up together

Rows = tuple[np.ndarray, np.ndarray, np.ndarray]  # zone, value, and how many cells or what fraction


@dataclass
class Tally:
    """The different values of n zones at one time step.

    Attributes:
        n: the number of zones.
        classes: whether the values must be classes, of which there are few.
        few: whether the type of the values has no more than these.
    """

    n: int
    classes: bool
    few: bool = False
    whole: list[Rows] = field(default_factory=list)
    boundary: list[Rows] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._pending = 0

    def add_whole(self, zone: np.ndarray, value: np.ndarray, cells: np.ndarray) -> None:
        """Add whole cells: so many of a zone have a value."""
        with self._lock:
            self.whole.append((zone, value, cells))
            self._pending += len(zone)
            if self._pending > _MANY:
                self.whole = [_added_up(_joined(self.whole))]
                self._pending = 0

    def add_boundary(self, zone: np.ndarray, value: np.ndarray, fraction: np.ndarray) -> None:
        """Add boundary cells of a strip; strips come in order."""
        self.boundary.append((zone.astype(np.int32), value, fraction.astype(np.float32)))

    def check(self) -> None:
        """Raise RasterError when there are too many values to be classes."""
        if not self.classes or self.few:
            return
        parts = [value for _, value, _ in (*self.whole, *self.boundary)]
        values = np.unique(np.concatenate(parts)) if parts else np.empty(0)
        if len(values) > MAX_CLASSES:
            raise RasterError(
                f"stats: categorical counts classes, and the raster holds {len(values)} different values; "
                "for measurements take mean, std or percentile_<q>"
            )

    def groups(self, stored: Stored | None, fractional: bool) -> Groups:
        """Return the different values of each zone; `stored` is what decodes them, None where they are values."""
        zone, value, cells = _joined(self.whole)
        if len(self.boundary):
            at, boundary, fraction = _joined(self.boundary)
            zone, value = np.concatenate([zone, at]), np.concatenate([value, boundary])
            count = np.concatenate([cells.astype(np.float64), fraction])
            cells = np.concatenate([cells, np.ones(len(at), np.int64)])
        else:
            count = cells.astype(np.float64)
        zone, value, cells, count = _summed(zone, value, cells, count, self.n)
        if stored is not None and len(value):
            codes, which = np.unique(value, return_inverse=True)
            values, nodata = stored.decode(codes.astype(stored.values.dtype), None)
            kept = ~is_missing(values, nodata)[which]
            value = values[which][kept]
            zone, cells, count = zone[kept], cells[kept], count[kept]
        order = np.lexsort((value, zone))
        zone, value = zone[order], value[order]
        opens = np.flatnonzero(_opens(zone, value))
        ends = np.append(opens, len(zone))
        ptr = np.searchsorted(zone[opens], np.arange(self.n + 1))
        cells, count = (segment_reduce(np.add, array[order], ends, 0) for array in (cells, count))
        return Groups(ptr, value[opens], cells, count, fractional)


def _summed(
    zone: np.ndarray, value: np.ndarray, cells: np.ndarray, count: np.ndarray, n: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows of each zone and value as one, by zone and value; counts are added in the order of the rows."""
    low, high = (int(value.min()), int(value.max())) if value.dtype.kind in "iu" and len(value) else (0, _TABLE)
    span = high - low + 1
    if n * span <= _TABLE and abs(low) < 1 << 62:  # some million rows are sorted in the time of a whole study
        key = zone.astype(np.int64) * span + (value.astype(np.int64) - low)
        found = np.flatnonzero(all_cells := np.bincount(key, cells, minlength=1))
        zone, code = np.divmod(found, span)
        return zone, (code + low).astype(value.dtype), all_cells[found].astype(np.int64), np.bincount(key, count)[found]
    order = np.lexsort((value, zone))
    opens = _opens(zone[order], value[order])
    group = np.empty(len(order), np.int64)
    group[order] = np.cumsum(opens) - 1
    first = order[opens]
    sums = (np.bincount(group, array, minlength=len(first)) for array in (cells, count))
    return zone[first], value[first], next(sums).astype(np.int64), next(sums)


def _joined(rows: list[Rows]) -> Rows:
    if not rows:
        return np.empty(0, np.int64), np.empty(0), np.empty(0, np.int64)
    zone, value, cells = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    return zone, value, cells


def _opens(zone: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Return which rows, being sorted, are the first of their zone and value."""
    return np.append(True, (zone[1:] != zone[:-1]) | (value[1:] != value[:-1]))[: len(zone)]


def _added_up(rows: Rows) -> Rows:
    zone, value, cells = rows
    order = np.lexsort((value, zone))
    zone, value = zone[order], value[order]
    opens = np.flatnonzero(_opens(zone, value))
    return zone[opens], value[opens], np.add.reduceat(cells[order], opens)


def count_sub_block(
    tally: Tally, strip: Strip, block: SubBlock, stored: Stored, kernels: "Kernels | None" = None
) -> None:
    """Count the stored numbers of the runs of some rows, of a type that :func:`is_dense`."""
    code = stored.values.reshape(-1)[slice(*block.cells)]
    low, high = int(code.min()), int(code.max())
    span = high - low + 1
    zones, local = strip.zones
    local = local[block.runs]
    if len(zones) * span > len(code):  # a table of all would be larger than what is counted
        some, local = np.unique(local, return_inverse=True)
        zones = zones[some]
    size, base = len(zones) * span, local * span - low
    table = np.zeros(size if kernels is not None and size <= _TABLE else 0, np.int64)
    if len(table) and kernels and kernels.count_codes(stored, block.start, block.length, base, table):
        found = np.flatnonzero(table)
        cells = table[found]
    else:
        mask = None if stored.mask is None else stored.mask.reshape(-1)[slice(*block.cells)]
        found, cells = _counted(block, code, mask, base, size, low)
    zone, value = np.divmod(found, span)
    tally.add_whole(zones[zone], value + low, cells)


def _counted(
    block: SubBlock, code: np.ndarray, mask: np.ndarray | None, base: np.ndarray, size: int, low: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the different keys, rising, and how many cells have each: a run's `base` and a cell's `code`.

    Keys are less than `size`, but for those of cells of no run, and of masked ones, which are left out; `low` is the
    smallest code.
    """
    lengths = None
    if block.overlaps:  # a cell counts several times
        cells = block.expanded()
        key, code = np.repeat(base, block.length), code[cells]
        mask = None if mask is None else mask[cells]
    elif (stretches := _stretches(block, code, mask)) is None:
        key = block.spread_out(base, size - low)
    else:
        start, segment, lengths = stretches
        key, code = block.owners(base, size - low)[segment], code[start]
        mask = None if mask is None else mask[start]
    key += code.astype(np.int64)
    if mask is not None:
        key[mask] = size
    if size <= _TABLE:
        table = np.bincount(key, lengths, minlength=size)[:size]
        found = np.flatnonzero(table)
        return found, table[found].astype(np.int64)
    found, which = np.unique(key, return_inverse=True)
    counts, some = np.bincount(which, lengths).astype(np.int64), found < size
    return found[some], counts[some]


def _stretches(
    block: SubBlock, code: np.ndarray, mask: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Return where equal neighbours begin, in which segment of the block's cuts, and how many they are.

    Classes lie in patches, so these are far fewer than cells; None where they are not.
    """
    n = len(code)
    opens = np.empty(n, bool)
    opens[0] = True
    np.not_equal(code[1:], code[:-1], out=opens[1:])
    if mask is not None:
        opens[1:] |= mask[1:] != mask[:-1]
    if 4 * np.count_nonzero(opens) > n:
        return None
    opens[block.cuts[block.cuts < n]] = True
    start = np.flatnonzero(opens)
    cut = np.zeros(n, bool)
    cut[block.cuts[block.cuts < n]] = True
    return start, np.cumsum(cut[start]), np.diff(start, append=n)


def count_boundary(tally: Tally, strip: Strip, stored: Stored) -> None:
    """Count the boundary cells of a strip, of whose tiles `stored` has the cells one after the other."""
    at = strip.boundary_position
    if is_dense(stored.values.dtype):
        value = stored.values.reshape(-1)[at]
        there = np.ones(len(at), bool) if stored.mask is None else ~stored.mask.reshape(-1)[at]
    else:
        value, nodata = stored.decoded(at)
        there = ~is_missing(value, nodata)
    tally.add_boundary(strip.boundary_zone[there], value[there], strip.fraction[there])


def count_elements(tally: Tally, strip: Strip, some: slice, stored: Stored) -> None:
    """Count the whole cells of a batch of a strip's elements, of any type, by sorting them."""
    runs = some.start + np.flatnonzero(strip.elements.whole[some])
    zones, ptr, cell = expand_elements(strip.elements, runs)
    value, nodata = stored.decoded(cell)
    there = ~is_missing(value, nodata)
    groups = Cells(np.append(0, np.cumsum(there))[ptr], value[there], None).groups
    tally.add_whole(np.repeat(zones, np.diff(groups.ptr)), groups.value, groups.cells)
