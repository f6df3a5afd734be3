r"""Zonal statistics: an index and a raster give a number for each zone.

Definitions. Zone z holds cells i with values vᵢ that are data (not nodata, not NaN). cᵢ is the fraction of
the cell that counts: 1 under ``center`` and ``all_touched``, the covered share under ``coverage``. wᵢ = cᵢ ×
the cell's weight (1 unless weights are set). Everything is computed in float64.

==============  ===========================================================================================
count           Σ cᵢ
min, max        smallest and largest vᵢ; ``range`` is their difference
sum             Σ wᵢ vᵢ
mean            m = Σ wᵢ vᵢ / Σ wᵢ
std             √(Σ wᵢ (vᵢ − m)² / Σ wᵢ): of the population, in two passes
unique          the number of different vᵢ
majority        the value with the largest Σ cᵢ; of several, the smallest (with fractions: the largest)
minority        the value with the smallest Σ cᵢ; of several, the smallest
percentile_q    without fractions: numpy's ``linear``, type 7 of Hyndman & Fan (1996), Am. Stat. 50, 361.
                With fractions, its generalisation to weights, exactextract's: of n cells in the order of
                their values x₁ ≤ … ≤ xₙ, with Sₖ = (k − 1) cₖ + (n − 1) (c₁ + … + cₖ₋₁), linear between
                the points (Sₖ, xₖ) at q/100 · (n − 1) Σ c; cells of equal value share their Σ c equally, so
                that it is type 7 where all cᵢ are 1 (exactextract counts them as one cell instead)
median          percentile_50
nodata          Σ cᵢ of the cells that hold the nodata value, or lie off the grid
nan             Σ cᵢ of the cells that hold NaN
categorical     for each value that occurs, Σ cᵢ of each zone
valid_fraction  Σ cᵢ of data / Σ cᵢ of all the zone's cells on the grid
==============  ===========================================================================================

Without fractions these are rasterstats' definitions and numbers (it sums float32 rasters in float32, hence
differs from the seventh digit on); with fractions they are exactextract's. As in exactextract, weights enter
mean, sum and std only.
"""

import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from zonalflow.common.errors import ConfigError, RasterError
from zonalflow.index.segments import QUIET, segment_reduce
from zonalflow.index.zone_index import ZoneIndex
from zonalflow.rasters.nodata import Nodata
from zonalflow.stats.blocks import reduce_raster
from zonalflow.stats.cells import Cells, Extremes, Groups, Sums, add_up, gather
from zonalflow.stats.threads import share

__all__ = ["STATISTICS", "parse_stats", "zonal_statistics"]

_MAX_CLASSES = 4096  # of a categorical raster; measurements have as many values as cells, and would fill the memory


def _where(condition: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.where(condition, values, np.nan)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)


def _std(c: Cells) -> np.ndarray:
    value = c.value.astype(np.float64)

    def weighted_sum(array: np.ndarray) -> np.ndarray:
        return segment_reduce(np.add, array if c.weight is None else c.weight * array, c.ptr, 0.0)

    total = c.size if c.weight is None else segment_reduce(np.add, c.weight, c.ptr, 0.0)
    value -= np.repeat(_ratio(weighted_sum(value), total), c.size)
    value *= value
    return np.sqrt(_ratio(weighted_sum(value), total))


def _percentile(q: float) -> Callable[[Cells], np.ndarray]:
    def percentile(c: Cells) -> np.ndarray:
        if c.fraction is not None:
            return _weighted_percentile(c, q)
        value, _ = c.ordered
        result = np.full(len(c.size), np.nan)
        some = c.size > 0
        at = q / 100 * (c.size[some] - 1)
        below = np.floor(at).astype(np.int64)
        low = value[c.ptr[:-1][some] + below].astype(np.float64)
        high = value[c.ptr[:-1][some] + np.minimum(below + 1, c.size[some] - 1)].astype(np.float64)
        result[some] = low + (at - below) * (high - low)
        return result

    return percentile


def _weighted_percentile(c: Cells, q: float) -> np.ndarray:
    groups = c.groups
    result = np.full(len(groups.size), np.nan)
    some = np.flatnonzero(groups.size)
    first, last = groups.ptr[some], groups.ptr[some + 1] - 1
    share = groups.count / groups.cells  # of each cell of a group
    cells_before = np.append(0, np.cumsum(groups.cells))  # and those of the zones before, which differences leave out
    count_before = np.append(0, np.cumsum(groups.count))
    n = cells_before[last + 1] - cells_before[first]

    def score(group: np.ndarray, cell: np.ndarray | int) -> np.ndarray:
        """Return S of the cell (from 0) of a group."""
        k = cells_before[group] - cells_before[first] + cell
        return k * share[group] + (n - 1) * (count_before[group] - count_before[first] + cell * share[group])

    # S rises from cell to cell, so halving finds the last group whose first cell is not beyond the sought score
    sought = q / 100 * (n - 1) * (count_before[last + 1] - count_before[first])
    left, beyond = first.copy(), last + 1
    while np.any(beyond - left > 1):
        middle = np.minimum((left + beyond) // 2, last)
        reached = score(middle, 0) <= sought
        left, beyond = np.where(reached, middle, left), np.where(reached, beyond, middle)
    right = np.minimum(left + 1, last)
    from_score, to_score = score(left, groups.cells[left] - 1), score(right, 0)
    part = np.divide(sought - from_score, to_score - from_score, out=np.zeros(len(n)), where=right > left)
    low, high = groups.value[left].astype(np.float64), groups.value[right].astype(np.float64)
    result[some] = low + np.clip(part, 0, 1) * (high - low)
    return result


def _extreme_group(ufunc: np.ufunc, last: bool) -> Callable[[Cells], np.ndarray]:
    """Return the value of extreme count; of several the first, or with fractions and `last` the last."""

    def extreme(c: Cells) -> np.ndarray:
        groups = c.groups
        best = segment_reduce(ufunc, groups.count, groups.ptr, np.nan)
        hit = np.flatnonzero(groups.count == np.repeat(best, groups.size))
        result = np.full(len(groups.size), np.nan)
        zone = np.repeat(np.arange(len(groups.size)), groups.size)[hit]
        if last and c.fraction is not None:
            result[zone] = groups.value[hit]  # the last assignment holds
        else:
            result[zone[::-1]] = groups.value[hit[::-1]]
        return result

    return extreme


def _unique(c: Cells) -> np.ndarray:
    return _where(c.size > 0, c.groups.size.astype(np.float64))


#: name → (what it is computed from, how): the one place that knows which statistics there are. percentile_<q>
#: is made by :func:`_statistic`; nodata, nan and categorical, of another shape or of two reductions, by
#: `zonal_statistics`.
STATISTICS: dict[str, tuple[type, Callable]] = {
    "count": (Sums, lambda s: s.count),
    "min": (Extremes, lambda e: _where(e.count > 0, e.minimum)),
    "max": (Extremes, lambda e: _where(e.count > 0, e.maximum)),
    "mean": (Sums, lambda s: _ratio(s.total, s.weight)),
    "sum": (Sums, lambda s: _where(s.count > 0, s.total)),
    "range": (Extremes, lambda e: _where(e.count > 0, e.maximum - e.minimum)),
    "std": (Cells, _std),
    "median": (Cells, _percentile(50)),
    "majority": (Cells, _extreme_group(np.maximum, last=True)),
    "minority": (Cells, _extreme_group(np.minimum, last=False)),
    "unique": (Cells, _unique),
}
SPECIAL = ("nodata", "nan", "categorical")


def parse_stats(names: Sequence[str] | str) -> list[str]:
    """Return the statistics asked for, each once, in the order given.

    Raises:
        ConfigError: one is not known; the message names the nearest one that is.
    """
    names = names.split() if isinstance(names, str) else list(names)
    for name in names:
        _statistic(name)
    return list(dict.fromkeys(names))


def _statistic(name: str) -> tuple[type, Callable] | None:
    if name in STATISTICS:
        return STATISTICS[name]
    if name in SPECIAL:
        return None
    if match := re.fullmatch(r"percentile_(\d+(?:\.\d+)?)", str(name)):
        if float(match[1]) <= 100:
            return Cells, _percentile(float(match[1]))
        raise ConfigError(f"stats: {name!r} is beyond 100; a percentile lies between percentile_0 and percentile_100")
    from zonalflow.common.text import nearest  # only for a mistake

    known = [*STATISTICS, *SPECIAL, "percentile_90"]
    hint = nearest(name, known) or "."
    raise ConfigError(f"stats: {name!r} is not a statistic{hint} Known are {', '.join(known[:-1])}, percentile_<0…100>")


@QUIET
def zonal_statistics(
    index: ZoneIndex, values: np.ndarray, nodata: Nodata = None, stats: Sequence[str] = ("mean",), *, workers: int = 1
) -> dict[str, np.ndarray | dict[float, np.ndarray]]:
    """Return statistics of a raster for every zone of an index.

    Args:
        index: built for the raster's grid
        values: 2-D, the index's window of the raster, or the whole grid
        nodata: the value that means no data; None or ``"none"`` if no value does. NaN never is data.
        stats: names, see the head of this module
        workers: threads that share the work; the numbers do not depend on how many there are

    Returns:
        name → float64 [n_zones], NaN where a zone has no data (``nodata`` and ``nan``: no cell). ``count``
        alone is never NaN: int64, or under ``coverage`` a float64 sum of fractions. ``count`` and
        ``valid_fraction`` are always there, the latter NaN for a zone without a cell. ``categorical`` is a
        dict: value (int or float, rising) → its count in each zone, of the type of ``count``.
    """
    stats = parse_stats(stats)
    values = _window_of(index, values)
    chosen = {name: _statistic(name) for name in dict.fromkeys([*stats, "count"]) if name not in SPECIAL}

    def of(kind: type) -> dict[str, Callable]:
        return {name: how for name, (source, how) in chosen.items() if source is kind}

    extremes_too, classes_too = bool(of(Extremes)), "categorical" in stats
    classes: list[tuple[int, Groups]] = []
    if index.is_small or of(Cells) or classes_too:
        sums, extremes, result, classes = _zone_by_zone(
            index, values, nodata, of(Cells), extremes_too, classes_too, workers
        )
    else:
        sums, extremes = reduce_raster(index, values, nodata, extremes=extremes_too, workers=workers)
        result = {}
    result |= {name: how(sums) for name, how in of(Sums).items()}
    result |= {name: how(extremes) for name, how in of(Extremes).items()}

    def as_count(array: np.ndarray) -> np.ndarray:
        return array if index.is_fractional else np.rint(array).astype(np.int64)

    result["count"] = as_count(sums.count)
    result["valid_fraction"] = np.minimum(_ratio(sums.count, index.n_cells), 1)
    if "categorical" in stats:
        result["categorical"] = _categorical(classes, index.n_zones, as_count)
    if "nodata" in stats or "nan" in stats:
        result |= _missing_cells(index, values, nodata, sums)
    return {name: result[name] for name in dict.fromkeys([*stats, "count", "valid_fraction"])}


def _zone_by_zone(
    index: ZoneIndex, values: np.ndarray, nodata: Nodata, statistics: dict[str, Callable[[Cells], np.ndarray]],
    extremes_too: bool, classes_too: bool, workers: int,
) -> tuple[Sums, Extremes, dict[str, np.ndarray], list[tuple[int, Groups]]]:  # fmt: skip
    """Return sums, extremes (if asked for), some statistics, and first zone and groups of each batch (if asked for)."""
    n = index.n_zones
    sums = Sums(*(np.empty(n) for _ in range(3)))
    extremes = Extremes(np.empty(n), np.empty(n), sums.count)
    result = {name: np.empty(n) for name in statistics}
    classes: list[tuple[int, Groups]] = []

    @QUIET
    def work(batches: Iterator[slice]) -> None:
        for zones in batches:
            layout = index.layout(zones)
            value, missing = gather(layout, values, nodata)
            part = add_up(layout, value, missing)
            sums.count[zones], sums.weight[zones], sums.total[zones] = part.count, part.weight, part.total
            cells = Cells.of(layout, value, missing) if statistics or extremes_too or classes_too else None
            for name, how in statistics.items():
                result[name][zones] = how(cells)
            if extremes_too:
                extremes.minimum[zones], extremes.maximum[zones] = cells.extremes
            if classes_too:
                classes.append((zones.start, cells.groups))

    share(work, index.batches, workers)
    return sums, extremes, result, classes


def _missing_cells(index: ZoneIndex, values: np.ndarray, nodata: Nodata, sums: Sums) -> dict[str, np.ndarray]:
    """Return ``nodata`` and ``nan``; where NaN is the nodata value, its cells count under both names."""
    if nodata is None or nodata == "none" or np.isnan(nodata):
        not_nan = sums.count
    else:
        not_nan = zonal_statistics(index, values, None, ["count"])["count"]
    nan = index.n_cells - not_nan
    is_nodata = not_nan - sums.count if nodata in (None, "none") or not np.isnan(nodata) else nan
    some = index.n_cells + index.off_grid > 0
    return {
        "nodata": _where(some, index.off_grid + np.maximum(is_nodata, 0)),
        "nan": _where(some, np.maximum(nan, 0)),
    }


def _categorical(classes: list[tuple[int, Groups]], n_zones: int, as_count: Callable) -> dict[float, np.ndarray]:
    """Return value → Σ cᵢ of each zone, for every value that occurs, rising."""
    if not classes:
        return {}
    values = np.unique(np.concatenate([groups.value for _, groups in classes]))
    if len(values) > _MAX_CLASSES:
        raise RasterError(
            f"stats: categorical counts classes, and the raster holds {len(values)} different values; "
            "for measurements take mean, std or percentile_<q>"
        )
    table = np.zeros((len(values), n_zones))
    for first, groups in classes:
        zone = first + np.repeat(np.arange(len(groups.size)), groups.size)
        table[np.searchsorted(values, groups.value), zone] = groups.count
    return {value.item(): as_count(row) for value, row in zip(values, table, strict=True)}


def _window_of(index: ZoneIndex, values: np.ndarray) -> np.ndarray:
    """Return the index's window of `values` as a contiguous array."""
    if values.shape == index.shape:
        return np.ascontiguousarray(values)
    if values.shape == index.grid.shape:
        row0, row1, col0, col1 = index.window
        return np.ascontiguousarray(values[row0:row1, col0:col1])
    raise RasterError(
        f"the raster has {values.shape} cells, neither those of the index's window {index.shape} "
        f"nor of its grid {index.grid.shape}"
    )
