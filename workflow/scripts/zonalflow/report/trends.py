"""From dates to years, and the trend of a series of years: its slope, and how significant that is."""

import math
from collections.abc import Sequence

import numpy as np

from zonalflow.report.quantities import Quantity

_PAIRS_AT_ONCE = 4_000_000  # slopes in memory


def annual(values: np.ndarray, quantity: Quantity, stat: str = "mean") -> np.ndarray:
    """Reduce the dates of one year, [n_dates, n_zones], to the year's value [n_zones].

    One date is the year itself. Of several, minima give their minimum and maxima their maximum; a mean or sum of a
    quantity that adds up (precipitation) gives the sum; anything else the mean of the dates. A zone that misses a date
    has no value (NaN): eleven months do not make a year.
    """
    dates = np.asarray(values, dtype=float)
    if len(dates) == 1 or stat == "min":
        year = dates.min(axis=0)
    elif stat == "max":
        year = dates.max(axis=0)
    elif quantity.adds_up and stat in ("mean", "sum"):
        year = dates.sum(axis=0)
    else:
        year = dates.mean(axis=0)
    return np.asarray(year)


def most_common(codes: np.ndarray) -> np.ndarray:
    """Return the code that each zone has on most dates, [n_dates, n_zones] to [n_zones]; of equal ones the smallest."""
    if len(codes) == 1:
        return np.asarray(codes[0])
    known = np.unique(codes[np.isfinite(codes)])
    if not known.size:
        return np.full(codes.shape[1], np.nan)
    times = np.stack([(codes == code).sum(axis=0) for code in known])
    return np.where(times.max(axis=0) > 0, known[times.argmax(axis=0)], np.nan)


def baseline_years(baseline: list[int] | None, years: list[int]) -> list[int]:
    """Return the years of the study that are in ``baseline``, or all of them for None."""
    return years if baseline is None else sorted(set(years) & set(baseline))


def theil_sen(years: Sequence[int], table: np.ndarray) -> np.ndarray:
    """Return the median slope per year [n_zones] of ``table`` [n_years, n_zones] over all pairs of years.

    Missing years (NaN) drop out pair by pair; fewer than two years give NaN. Sen (1968),
    doi:10.1080/01621459.1968.10480934.
    """
    time, table = np.asarray(years, dtype=float), np.asarray(table, dtype=float)
    first, second = np.triu_indices(len(time), 1)
    run = time[second] - time[first]
    slopes = np.full(table.shape[1], np.nan)
    if not run.size:
        return slopes
    step = max(1, _PAIRS_AT_ONCE // run.size)
    for start in range(0, table.shape[1], step):
        part = table[:, start : start + step]
        slopes[start : start + step] = _median((part[second] - part[first]) / run[:, None])
    return slopes


def slope_interval(years: Sequence[int], table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the two ends [n_zones] of the 95 % confidence interval of :func:`theil_sen`, per year.

    The ends are two of the ordered slopes between pairs of years, by Kendall's variance with the correction for ties
    (Sen 1968, eq. 2.6; as ``scipy.stats.theilslopes``). Fewer than five years give NaN: of four, even the smallest and
    the largest of the slopes hold it with 1 - 2 / 4! = 92 % only.
    """
    time, table = np.asarray(years, dtype=float), np.asarray(table, dtype=float)
    n_zones = table.shape[1]
    low, high = np.full(n_zones, np.nan), np.full(n_zones, np.nan)
    if len(time) < 5:
        return low, high
    first, second = np.triu_indices(len(time), 1)
    run = (time[second] - time[first])[:, None]
    half = 1.959963984540054 * np.sqrt(_score_variance(table))
    step = max(1, _PAIRS_AT_ONCE // run.size)
    for start in range(0, n_zones, step):
        zones = slice(start, start + step)
        slopes = np.sort((table[second, zones] - table[first, zones]) / run, axis=0)  # NaN comes last
        n = np.isfinite(slopes).sum(axis=0)
        columns = np.arange(slopes.shape[1])
        lower = np.maximum(np.round((n - half[zones]) / 2).astype(int) - 1, 0)
        upper = np.minimum(np.round((n + half[zones]) / 2).astype(int), np.maximum(n - 1, 0))
        enough = np.isfinite(table[:, zones]).sum(axis=0) >= 5
        low[zones] = np.where(enough, slopes[lower, columns], np.nan)
        high[zones] = np.where(enough, slopes[upper, columns], np.nan)
    return low, high


def _score_variance(table: np.ndarray) -> np.ndarray:
    """Return the variance of Kendall's score [n_zones] without a trend, with the correction for ties."""
    count = np.isfinite(table).sum(axis=0)
    return np.asarray((count * (count - 1) * (2 * count + 5) - _tie_terms(table)) / 18)


def _median(values: np.ndarray) -> np.ndarray:
    """Return the median of each column, without its NaNs; NaN for a column that has nothing else."""
    ordered = np.sort(values, axis=0)  # NaN comes last
    count = np.isfinite(ordered).sum(axis=0)
    columns = np.arange(values.shape[1])
    low = ordered[np.maximum(count - 1, 0) // 2, columns]
    high = ordered[np.minimum(count // 2, len(values) - 1), columns]
    return np.where(count > 0, (low + high) / 2, np.nan)


def mann_kendall(table: np.ndarray) -> np.ndarray:
    """Return the two-sided p-value [n_zones] of no trend in ``table`` [n_years, n_zones], in order of time.

    Normal approximation with the correction for ties and for continuity: Kendall (1975), as in Gilbert
    (1987), Statistical Methods for Environmental Pollution Monitoring, eq. 16.3 to 16.5. It assumes that the years
    are independent of one another. Fewer than four years give NaN, and so does a zone that never changes.
    """
    table = np.asarray(table, dtype=float)
    n_years, n_zones = table.shape
    score = np.zeros(n_zones)
    for i in range(n_years - 1):
        score += np.nansum(np.sign(table[i + 1 :] - table[i]), axis=0)
    count = np.isfinite(table).sum(axis=0)
    variance = _score_variance(table)
    p = np.full(n_zones, np.nan)
    for zone in np.flatnonzero((count >= 4) & (variance > 0)):
        z = (abs(score[zone]) - (score[zone] != 0)) / math.sqrt(variance[zone])
        p[zone] = math.erfc(z / math.sqrt(2))
    return p


def _tie_terms(table: np.ndarray) -> np.ndarray:
    """Return the sum of t (t − 1) (2 t + 5) over each zone's groups of t equal values."""
    terms = np.zeros(table.shape[1])
    ordered = np.sort(table, axis=0)
    for zone in np.flatnonzero((ordered[1:] == ordered[:-1]).any(axis=0)):
        column = ordered[:, zone]
        t = np.unique(column[np.isfinite(column)], return_counts=True)[1].astype(float)
        terms[zone] = (t * (t - 1) * (2 * t + 5)).sum()
    return terms


def false_discovery_rate(p: np.ndarray) -> np.ndarray:
    """Return the q-value of each p-value: the share of chance findings among the zones at least as significant.

    Benjamini and Hochberg (1995); Wilks (2016), doi:10.1175/BAMS-D-15-00267.1, explains why maps of many tests
    need it. NaN stays NaN and does not count as a test.
    """
    p = np.asarray(p, dtype=float)
    q = np.full(p.shape, np.nan)
    tested = np.flatnonzero(np.isfinite(p))
    order = tested[np.argsort(p[tested])]
    scaled = p[order] * order.size / np.arange(1, order.size + 1)
    q[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    return q
