"""What each statistic is computed from, and how: the one module that knows which statistics there are.

The definitions are those of :mod:`zonalflow.stats.statistics`. A formula takes what was reduced for n zones and returns
float64 [n], NaN for a zone without data.
"""

import re
from collections.abc import Callable

import numpy as np

from zonalflow.common.errors import ConfigError
from zonalflow.index.segments import segment_reduce
from zonalflow.stats.cells import Cells, Extremes, Sums

CellsFormula = Callable[[Cells], np.ndarray]


def where(condition: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the values, NaN where the condition does not hold."""
    return np.where(condition, values, np.nan)


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return part / whole, NaN where the whole is 0; float64 [n]."""
    result = np.full(len(whole), np.nan)
    np.divide(part, whole, out=result, where=whole > 0)
    return result


def _moments(c: Cells) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance of each zone, the latter in a second pass."""
    value = c.value.astype(np.float64)

    def weighted_sum(array: np.ndarray) -> np.ndarray:
        return segment_reduce(np.add, array if c.weight is None else c.weight * array, c.ptr, 0.0)

    total = c.size if c.weight is None else segment_reduce(np.add, c.weight, c.ptr, 0.0)
    mean = ratio(weighted_sum(value), total)
    value -= np.repeat(mean, c.size)
    value *= value
    return mean, ratio(weighted_sum(value), total)


def _std(c: Cells) -> np.ndarray:
    std: np.ndarray = np.sqrt(_moments(c)[1])
    return std


def _cv(c: Cells) -> np.ndarray:
    mean, variance = _moments(c)
    result = np.full(len(mean), np.nan)
    np.divide(np.sqrt(variance), mean, out=result, where=mean != 0)
    return result


def _percentile(q: float) -> CellsFormula:
    def percentile(c: Cells) -> np.ndarray:
        return _percentile_of_cells(c, q) if c.fraction is None else _percentile_of_fractions(c, q)

    return percentile


def _percentile_of_cells(c: Cells, q: float) -> np.ndarray:
    value, _ = c.ordered
    result = np.full(len(c.size), np.nan)
    some = c.size > 0
    at = q / 100 * (c.size[some] - 1)
    below = np.floor(at).astype(np.int64)
    low = value[c.ptr[:-1][some] + below].astype(np.float64)
    high = value[c.ptr[:-1][some] + np.minimum(below + 1, c.size[some] - 1)].astype(np.float64)
    result[some] = low + (at - below) * (high - low)
    return result


def _percentile_of_fractions(c: Cells, q: float) -> np.ndarray:
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
        s: np.ndarray = k * share[group] + (n - 1) * (count_before[group] - count_before[first] + cell * share[group])
        return s

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


def _value_of_extreme_count(ufunc: np.ufunc, last: bool) -> CellsFormula:
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
_OF_CELLS: dict[str, CellsFormula] = {
    "std": _std,
    "variance": lambda c: _moments(c)[1],
    "cv": _cv,
    "median": _percentile(50),
    "majority": _value_of_extreme_count(np.maximum, last=True),
    "minority": _value_of_extreme_count(np.minimum, last=False),
    "unique": lambda c: where(c.size > 0, c.groups.size.astype(np.float64)),
}
SPECIAL = ("nodata", "nan", "categorical")  # of another shape, or of two reductions: made by `zonal_statistics`
STATISTICS = (*OF_SUMS, *OF_EXTREMES, *_OF_CELLS)  # and percentile_<q>


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
