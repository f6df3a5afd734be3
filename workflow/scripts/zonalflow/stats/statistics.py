r"""Zonal statistics: an index and a raster give a number for each zone.

Definitions. Zone z holds cells i with values vᵢ that are data (not nodata, not NaN). cᵢ is the fraction of
the cell that counts: 1 under ``center`` and ``all_touched``, the covered share under ``coverage``. wᵢ = cᵢ ×
the cell's weight (1 unless weights are set). Everything is computed in float64.

==============  ===========================================================================================
count           Σ cᵢ
min, max        smallest and largest vᵢ; ``range`` is their difference
sum             Σ wᵢ vᵢ
mean            m = Σ wᵢ vᵢ / Σ wᵢ
std             √(Σ wᵢ (vᵢ − m)² / Σ wᵢ): of the population, about the mean of each run of cells first
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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from zonalflow.common.errors import RasterError
from zonalflow.geometry.grid import Window
from zonalflow.index.zone_index import ZoneIndex
from zonalflow.kernels.choice import kernels_for
from zonalflow.rasters.nodata import Nodata
from zonalflow.readers.source import Block, Linear, Stored
from zonalflow.stats.formulas import STATISTICS, of_cells
from zonalflow.stats.parts import Part
from zonalflow.stats.plan import make_plan
from zonalflow.stats.reduce import Result, reduce_parts

__all__ = ["STATISTICS", "parse_stats", "zonal_statistics"]


def parse_stats(names: Sequence[str] | str) -> list[str]:
    """Return the statistics asked for, each once, in the order given.

    Raises:
        ConfigError: one is not known; the message names the nearest one that is.
    """
    names = names.split() if isinstance(names, str) else list(names)
    for name in names:
        of_cells(name)
    return list(dict.fromkeys(names))


def zonal_statistics(
    index: ZoneIndex, values: np.ndarray, nodata: Nodata = None, stats: Sequence[str] = ("mean",), *, workers: int = 1
) -> Result:
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
    parts = _parts(index, _window_of(index, values), None if nodata == "none" else nodata)
    ((_, (result,)),) = reduce_parts(parts, parse_stats(stats), workers, kernels_for(values.size))
    return result


@dataclass(frozen=True)
class _Where:
    """An index whose window is in memory."""

    index: ZoneIndex

    @property
    def raster_window(self) -> Window:
        return self.index.window


def _parts(index: ZoneIndex, values: np.ndarray, nodata: Nodata) -> Iterator[Part]:
    """Yield the strips of an array, as if they were read."""
    declared = None if nodata is None else nodata if isinstance(nodata, int) else float(nodata)
    linear = Linear.of(values.dtype, declared)
    strips = list(make_plan(index, Block(columns=index.shape[1]), index.window[::2]).strips())
    for strip in strips:
        cells = [np.ascontiguousarray(values[slice(*strip.rows), start:stop]) for start, stop in strip.tiles]
        tiles = [[Stored(part, None, lambda some, _: (some, declared), linear=linear)] for part in cells]
        yield Part(_Where(index), [""], strip, tiles, strip is strips[0], strip is strips[-1])


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
