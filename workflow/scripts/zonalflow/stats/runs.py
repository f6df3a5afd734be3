"""Reducing the runs of a strip's cells, each by itself, at several time steps together.

A run is reduced from its own cells alone, so that its numbers are the same in whichever strip it lies.
"""

from typing import TYPE_CHECKING

import numpy as np

from zonalflow.rasters.nodata import is_missing
from zonalflow.readers.source import Stored
from zonalflow.stats.formulas import Wanted
from zonalflow.stats.strips import Strip, SubBlock

if TYPE_CHECKING:
    from zonalflow.kernels.calls import Kernels


class Runs:
    """The reduced runs of a strip at k time steps; float64 [k, n_runs].

    Attributes:
        total: Σ v, or with a raster of weights Σ w v.
        lost: the cells without data.
        weight: Σ w of the cells with data, with a raster of weights.
        minimum, maximum: of v.
        spread: Σ w (v − m)², about the run's own mean m.
        mean: m.
        nan: the cells that hold NaN.
        nodata_is_nan: whether NaN is the nodata value [k].
    """

    def __init__(self, strip: Strip, k: int, wanted: Wanted) -> None:
        def some(needed: bool) -> np.ndarray:
            return np.zeros((k, len(strip.run_zone) if needed else 0))

        self.strip, self.wanted, self.weighted = strip, wanted, strip.has_cell_weights
        self.total, self.lost, self.weight = some(True), some(True), some(self.weighted)
        self.minimum, self.maximum = some(wanted.extremes), some(wanted.extremes)
        self.spread, self.mean = some(wanted.moments), some(wanted.moments)
        self.nan = some(wanted.missing)

    @property
    def are_sums(self) -> bool:
        """Whether nothing is asked for besides sums and counts."""
        wanted = self.wanted
        return not (self.weighted or wanted.extremes or wanted.moments or wanted.missing)

    def reduce(self, block: SubBlock, stored: list[Stored], kernels: "Kernels | None") -> None:
        """Reduce the runs in some rows of a tile, of which `stored` has all rows at each time step."""
        if kernels is None or not self.are_sums or not self._add_up(block, stored, kernels):
            self._reduce(block, stored)

    def _add_up(self, block: SubBlock, stored: list[Stored], kernels: "Kernels") -> bool:
        total, lost = np.empty((2, len(stored), len(block.length)))
        done = kernels.sum_runs(stored, block.start, block.length, total, lost)
        if done:
            self.total[:, block.runs], self.lost[:, block.runs] = total, lost
        return done

    def _reduce(self, block: SubBlock, stored: list[Stored]) -> None:
        cells = block.which
        weight = self.strip.weight(block) if self.weighted else None
        values = np.empty(block.size + 1)
        values[-1] = 0  # reduceat needs one more cell after the last run
        before, lost, gaps = None, np.empty(0), None  # what is missing in the step before, which is often the same
        for k, one in enumerate(stored):
            if self.wanted.missing:  # NaN and nodata are told apart
                value, nodata = one.decoded(cells)
                missing = is_missing(value, nodata)
            else:
                value, missing = one.present(cells)
            lacks = missing.any()
            if lacks and (before is None or not np.array_equal(before, missing)):
                before, lost = missing, block.count(missing)
                gaps = np.flatnonzero(missing) if lost.any() else None  # none where only cells between runs lack data
            if self.wanted.values:
                np.copyto(values[:-1], value)
            if not lacks or gaps is None:
                if self.wanted.values:
                    self._reduce_values(k, block, values, None, weight)
                continue
            values[gaps] = 0
            self.lost[k, block.runs] = lost
            if self.wanted.missing and value.dtype.kind == "f":
                self.nan[k, block.runs] = block.count(np.isnan(value))
            if self.wanted.values:
                self._reduce_values(k, block, values, missing, weight)

    def _reduce_values(
        self, k: int, block: SubBlock, values: np.ndarray, missing: np.ndarray | None, weight: np.ndarray | None
    ) -> None:
        """Reduce float64 values, 0 where they are missing, with one more behind them."""
        own = block.runs
        if self.wanted.extremes:
            for ufunc, to, empty in ((np.minimum, self.minimum, np.inf), (np.maximum, self.maximum, -np.inf)):
                filled = values if missing is None else np.append(np.where(missing, empty, values[:-1]), 0)
                to[k, own] = block.reduce(ufunc, filled)
        size: np.ndarray = block.length - self.lost[k, own]
        if weight is not None:
            weight = np.append(weight if missing is None else np.where(missing, 0, weight), 0)
            self.weight[k, own] = size = block.reduce(np.add, weight)
        self.total[k, own] = total = block.reduce(np.add, values if weight is None else values * weight)
        if self.wanted.moments:
            self.mean[k, own] = mean = np.divide(total, size, out=np.zeros(len(size)), where=size > 0)
            self.spread[k, own] = _spread(block, values, mean, missing, weight)


def _spread(
    block: SubBlock, values: np.ndarray, mean: np.ndarray, missing: np.ndarray | None, weight: np.ndarray | None
) -> np.ndarray:
    """Return Σ w (v − m)² of each run; `values` and `weight` have one more cell behind the last."""
    if block.overlaps:
        cells = block.expanded()
        square = values[cells] - np.repeat(mean, block.length)
        missing, weight = (None if array is None else array[cells] for array in (missing, weight))
    else:
        square = np.append(values[:-1] - block.spread_out(mean, 0.0), 0)
    square *= square
    if missing is not None:
        square[: len(missing)][missing] = 0
    if weight is not None:
        square *= weight
    if not block.overlaps:
        return block.reduce(np.add, square)
    reduced: np.ndarray = np.add.reduceat(square, np.cumsum(block.length) - block.length)
    return reduced
