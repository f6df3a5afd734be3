"""What each statistic is computed from, and how: the one module that knows which statistics there are.

The definitions are those of :mod:`zonalflow.stats.statistics`. A formula takes what was reduced for n zones and returns
float64 [n], NaN for a zone without data.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from zonalflow.common.errors import ConfigError
from zonalflow.index.segments import segment_reduce
from zonalflow.stats.cells import Cells, Extremes, Groups, Moments, Sums

CellsFormula = Callable[[Cells | Groups], np.ndarray]


def where(condition: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the values, NaN where the condition does not hold."""
    return np.where(condition, values, np.nan)


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return part / whole, NaN where the whole is 0; float64 [n]."""
    result = np.full(len(whole), np.nan)
    np.divide(part, whole, out=result, where=whole > 0)
    return result


def _cv(m: Moments) -> np.ndarray:
    result = np.full(len(m.mean), np.nan)
    np.divide(np.sqrt(m.variance), m.mean, out=result, where=m.mean != 0)
    return result


def _percentile(q: float) -> CellsFormula:
    def percentile(c: Cells | Groups) -> np.ndarray:
        return _percentile_of_fractions(c.groups, q) if c.is_fractional else _percentile_of_cells(c, q)

    return percentile


def _percentile_of_cells(c: Cells | Groups, q: float) -> np.ndarray:
    result = np.full(len(c.size), np.nan)
    some = np.flatnonzero(c.size)
    last = c.size[some] - 1
    at = q / 100 * last
    below = np.floor(at).astype(np.int64)
    low = c.nth(some, below).astype(np.float64)
    high = c.nth(some, np.minimum(below + 1, last)).astype(np.float64)
    result[some] = low + (at - below) * (high - low)
    return result


def _percentile_of_fractions(groups: Groups, q: float) -> np.ndarray:
    result = np.full(len(groups.size), np.nan)
    some = np.flatnonzero(groups.size)
    first, last = groups.ptr[some], groups.ptr[some + 1] - 1
    share = groups.count / groups.cells  # of each cell of a group
    cells_before = np.append(0, np.cumsum(groups.cells))  # and those of the zones before, which differences leave out
    upto = np.empty(len(groups.count))  # zone by zone, lest the zones before show in the last bits
    for zone in map(slice, first.tolist(), (last + 1).tolist()):
        np.cumsum(groups.count[zone], out=upto[zone])
    count_before = np.append(0, upto)[:-1]
    count_before[first] = 0
    n = cells_before[last + 1] - cells_before[first]

    def score(group: np.ndarray, cell: np.ndarray | int) -> np.ndarray:
        """Return S of the cell (from 0) of a group."""
        k = cells_before[group] - cells_before[first] + cell
        s: np.ndarray = k * share[group] + (n - 1) * (count_before[group] + cell * share[group])
        return s

    # S rises from cell to cell, so halving finds the last group whose first cell is not beyond the sought score
    sought = q / 100 * (n - 1) * upto[last]
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


def _value_of_extreme_count(ufunc: np.ufunc, last: bool) -> CellsFormula:
    """Return the value of extreme count; of several the first, or with fractions and `last` the last."""

    def extreme(c: Cells | Groups) -> np.ndarray:
        groups = c.groups
        best = segment_reduce(ufunc, groups.count, groups.ptr, np.nan)
        n_groups = np.diff(groups.ptr)
        hit = np.flatnonzero(groups.count == np.repeat(best, n_groups))
        result = np.full(len(n_groups), np.nan)
        zone = np.repeat(np.arange(len(n_groups)), n_groups)[hit]
        if last and groups.is_fractional:
            result[zone] = groups.value[hit]  # the last assignment holds
        else:
            result[zone[::-1]] = groups.value[hit[::-1]]
        return result

    return extreme


OF_SUMS: dict[str, Callable[[Sums], np.ndarray]] = {
    "count": lambda s: s.count,
    "mean": lambda s: ratio(s.total, s.weight),
    "sum": lambda s: where(s.count > 0, s.total),
}
OF_EXTREMES: dict[str, Callable[[Extremes], np.ndarray]] = {
    "min": lambda e: where(e.count > 0, e.minimum),
    "max": lambda e: where(e.count > 0, e.maximum),
    "range": lambda e: where(e.count > 0, e.maximum - e.minimum),
}
OF_MOMENTS: dict[str, Callable[[Moments], np.ndarray]] = {
    "std": lambda m: np.sqrt(m.variance),
    "variance": lambda m: m.variance,
    "cv": _cv,
}
_OF_CELLS: dict[str, CellsFormula] = {
    "median": _percentile(50),
    "majority": _value_of_extreme_count(np.maximum, last=True),
    "minority": _value_of_extreme_count(np.minimum, last=False),
    "unique": lambda c: where(c.size > 0, np.diff(c.groups.ptr).astype(np.float64)),
}
SPECIAL = ("nodata", "nan", "categorical")  # of another shape, or of two reductions: made by `zonal_statistics`
STATISTICS = (*OF_SUMS, *OF_EXTREMES, *OF_MOMENTS, *_OF_CELLS)  # and percentile_<q>


def of_cells(name: str) -> CellsFormula | None:
    """Return how a statistic is computed from the cells of zones; None if it needs less, or is a special one.

    Raises:
        ConfigError: there is no such statistic; the message names the nearest one that is.
    """
    if name in _OF_CELLS:
        return _OF_CELLS[name]
    if name in STATISTICS or name in SPECIAL:
        return None
    if match := re.fullmatch(r"percentile_(\d+(?:\.\d+)?)", str(name)):
        if float(match[1]) <= 100:
            return _percentile(float(match[1]))
        raise ConfigError(f"stats: {name!r} is beyond 100; a percentile lies between percentile_0 and percentile_100")
    from zonalflow.common.text import nearest  # only for a mistake

    hint = nearest(name, [*STATISTICS, *SPECIAL, "percentile_90"]) or "."
    known = ", ".join((*STATISTICS, *SPECIAL, "percentile_<0…100>"))
    raise ConfigError(f"stats: {name!r} is not a statistic{hint} Known are {known}")


def is_dense(dtype: np.dtype) -> bool:
    """Return whether values of this type are so few that they are counted in a table."""
    return dtype.kind in "iu" and dtype.itemsize <= 2


@dataclass(frozen=True)
class Wanted:
    """What to stream besides the sums.

    Attributes:
        extremes: the smallest and the largest value of each zone.
        moments: mean and variance.
        missing: the cells that hold the nodata value, and those that hold NaN.
        values: whether values are needed at all, and not only which cells hold data.
    """

    extremes: bool = False
    moments: bool = False
    missing: bool = False
    values: bool = True


@dataclass(frozen=True)
class Needs:
    """What statistics are computed from.

    Attributes:
        stats: their names.
        streamed: what adds up, besides the sums.
        formulas: name → what to compute from the cells of zones, or from their different values.
    """

    stats: Sequence[str]
    streamed: Wanted
    formulas: dict[str, CellsFormula]

    @classmethod
    def of(cls, stats: Sequence[str]) -> "Needs":
        """Return what some statistics need; their names are known to be right."""
        streamed = Wanted(
            not OF_EXTREMES.keys().isdisjoint(stats),
            not OF_MOMENTS.keys().isdisjoint(stats),
            not {"nodata", "nan"}.isdisjoint(stats),
            not {"mean", "sum", *OF_EXTREMES, *OF_MOMENTS}.isdisjoint(stats),
        )
        return cls(stats, streamed, {name: formula for name in stats if (formula := of_cells(name))})

    @property
    def classes(self) -> bool:
        """Whether the different values of each zone are asked for themselves."""
        return "categorical" in self.stats

    @property
    def cells(self) -> bool:
        """Whether sums do not suffice."""
        return self.classes or bool(self.formulas)
