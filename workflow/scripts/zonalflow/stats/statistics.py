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
variance        std²
cv              std / m: the coefficient of variation, of the sign of m; none where m is 0
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
mean, sum, std, variance and cv only.
"""

from collections.abc import Callable, Sequence

import numpy as np

from zonalflow.common.errors import RasterError
from zonalflow.index.segments import QUIET
from zonalflow.index.zone_index import ZoneIndex
from zonalflow.rasters.nodata import Nodata
from zonalflow.stats.blocks import reduce_by_blocks
from zonalflow.stats.by_zone import Reduced, Wanted, reduce_by_zone
from zonalflow.stats.cells import Groups
from zonalflow.stats.formulas import OF_EXTREMES, OF_SUMS, STATISTICS, of_cells, ratio, where

__all__ = ["STATISTICS", "parse_stats", "zonal_statistics"]

_MAX_CLASSES = 4096  # of a categorical raster; measurements have as many values as cells, and would fill the memory


def parse_stats(names: Sequence[str] | str) -> list[str]:
    """Return the statistics asked for, each once, in the order given.

    Raises:
        ConfigError: one is not known; the message names the nearest one that is.
    """
    names = names.split() if isinstance(names, str) else list(names)
    for name in names:
        of_cells(name)
    return list(dict.fromkeys(names))


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

    Raises:
        ConfigError: a statistic is not known
        RasterError: the values have another shape, or too many to be classes
    """
    stats = parse_stats(stats)
    values = _window_of(index, values)
    reduced = _reduce(index, values, nodata, stats, workers)
    sums = reduced.sums

    def as_count(array: np.ndarray) -> np.ndarray:
        return array if index.is_fractional else np.rint(array).astype(np.int64)

    result: dict[str, np.ndarray | dict[float, np.ndarray]] = {**reduced.results}
    result |= {name: formula(sums) for name, formula in OF_SUMS.items() if name in stats}
    result |= {name: formula(reduced.extremes) for name, formula in OF_EXTREMES.items() if name in stats}
    result["count"] = as_count(sums.count)
    result["valid_fraction"] = np.minimum(ratio(sums.count, index.n_cells), 1)
    if "categorical" in stats:
        result["categorical"] = _categorical(reduced.classes, index.n_zones, as_count)
    if "nodata" in stats or "nan" in stats:
        result |= _missing_cells(index, values, nodata, sums.count)
    return {name: result[name] for name in dict.fromkeys([*stats, "count", "valid_fraction"])}


def _reduce(index: ZoneIndex, values: np.ndarray, nodata: Nodata, stats: Sequence[str], workers: int) -> Reduced:
    """Reduce a raster to what the statistics need, in the way that is fastest."""
    formulas = {name: formula for name in stats if (formula := of_cells(name))}
    wanted = Wanted(not OF_EXTREMES.keys().isdisjoint(stats), "categorical" in stats, formulas)
    if index.is_small or wanted.cells:
        return reduce_by_zone(index, values, nodata, wanted, workers)
    return Reduced(*reduce_by_blocks(index, values, nodata, extremes=wanted.extremes, workers=workers))


def _missing_cells(index: ZoneIndex, values: np.ndarray, nodata: Nodata, count: np.ndarray) -> dict[str, np.ndarray]:
    """Return ``nodata`` and ``nan``; where NaN is the nodata value, its cells count under both names."""
    if nodata is None or nodata == "none" or np.isnan(nodata):
        not_nan = count
    else:
        not_nan = _reduce(index, values, None, [], 1).sums.count
    nan = index.n_cells - not_nan
    is_nodata = not_nan - count if nodata in (None, "none") or not np.isnan(nodata) else nan
    some = index.n_cells + index.off_grid > 0
    return {
        "nodata": where(some, index.off_grid + np.maximum(is_nodata, 0)),
        "nan": where(some, np.maximum(nan, 0)),
    }


def _categorical(
    classes: list[tuple[int, Groups]], n_zones: int, as_count: Callable[[np.ndarray], np.ndarray]
) -> dict[float, np.ndarray]:
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
