"""What adds up, strip by strip: counts, sums, extremes and moments of the zones at one or several time steps.

Each run of cells is reduced by itself (:mod:`zonalflow.stats.runs`); then the runs of a zone are added up in the order
of the raster, and so are its boundary cells. What is added to what, and in which order, depends neither on the strips
nor on the threads.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from zonalflow.index.zone_index import ZoneIndex
from zonalflow.rasters.nodata import is_missing
from zonalflow.readers.source import Stored
from zonalflow.stats.cells import Extremes, Moments, Sums
from zonalflow.stats.formulas import Wanted
from zonalflow.stats.runs import Runs
from zonalflow.stats.strips import Strip

if TYPE_CHECKING:
    from zonalflow.kernels.calls import Kernels

FOUR = 4  # steps that a compiled loop reduces side by side


class _Parts:
    """Sums over the runs, or over the boundary cells, of n zones at k time steps; float64 [k, n]."""

    def __init__(self, k: int, n: int) -> None:
        self.count, self.weight, self.total, self.nan, self.nodata = np.zeros((5, k, n))


@dataclass(frozen=True)
class _Present:
    """What a strip's boundary cells with data are, at the time steps at which the same cells have data.

    Attributes:
        missing: bool [n], which lack data; `lacks`, whether any does.
        fraction: of each cell, float64 [n]; 0 where data are missing.
        count: the sum of these for each zone.
    """

    missing: np.ndarray
    lacks: bool
    fraction: np.ndarray
    count: np.ndarray

    @classmethod
    def of(cls, missing: np.ndarray, strip: Strip, n_zones: int) -> "_Present":
        lacks = bool(missing.any())
        fraction = np.where(missing, 0, strip.fraction) if lacks else strip.fraction
        return cls(missing, lacks, fraction, np.bincount(strip.boundary_zone, fraction, minlength=n_zones))


@dataclass
class _Spread:
    """What the variances of a time step are made of.

    Attributes:
        within: Σ w (v − m)² of each run about its own mean m, summed over each zone.
        runs, boundary: zone, weight and mean of each run, and of each boundary cell, strip by strip.
    """

    within: np.ndarray
    runs: list[tuple[np.ndarray, ...]] = field(default_factory=list)
    boundary: list[tuple[np.ndarray, ...]] = field(default_factory=list)


class Streamed:
    """The sums, extremes and moments of the zones of an index at k time steps."""

    def __init__(self, index: ZoneIndex, k: int, wanted: Wanted) -> None:
        self.index, self.k, self.wanted = index, k, wanted
        n = index.n_zones
        self.runs, self.boundary = _Parts(k, n), _Parts(k, n)
        self.runs.count += index.n_whole_cells
        self.minimum, self.maximum = np.full((k, n), np.inf), np.full((k, n), -np.inf)
        self.spreads = [_Spread(np.zeros(n)) for _ in range(k)]
        self.nodata_is_nan = np.zeros(k, bool)

    def add_at_once(self, strip: Strip, tiles: list[list[Stored]], kernels: "Kernels | None") -> bool:
        """Add all of a small strip by a compiled loop; return whether it can."""
        wanted = self.wanted
        more = wanted.extremes or wanted.moments or wanted.missing or self.index.weight is not None
        if kernels is None or more or self.k < FOUR or not strip.is_small:
            return False
        runs = strip.run_position[1], strip.run_length, strip.run_zone
        boundary = strip.boundary_position, strip.boundary_zone, strip.fraction
        to = (self.runs.total, self.runs.count), (self.boundary.total, self.boundary.count)
        return kernels.sum_steps(tiles[0], strip.spans, runs, boundary, *to)

    def add_runs(self, runs: Runs, kernels: "Kernels | None", is_first: bool) -> None:
        """Add the reduced runs of the next strip."""
        strip, zone, to = runs.strip, runs.strip.run_zone, self.runs
        plain = runs.are_sums and self.index.weight is None
        if kernels and plain and kernels.add_to_zones(runs.total, runs.lost, zone, to.total, to.count):
            return
        row_weight = None
        if self.index.weight is not None and not runs.weighted:
            row_weight = np.asarray(self.index.weight)[strip.run_row, 0]
        for k in range(self.k):
            lost, total = runs.lost[k], runs.total[k]
            some = np.flatnonzero(lost)
            if len(some):
                np.subtract.at(to.count[k], zone[some], lost[some])
            weight: np.ndarray = strip.run_length - lost
            factor = 1.0
            if runs.weighted:
                weight = runs.weight[k]
            elif row_weight is not None:
                weight, total, factor = weight * row_weight, total * row_weight, row_weight
            if self.index.weight is not None:
                np.add.at(to.weight[k], zone, weight)
            _add(to.total[k], zone, total, is_first)
            if self.wanted.extremes:
                np.minimum.at(self.minimum[k], zone, runs.minimum[k])
                np.maximum.at(self.maximum[k], zone, runs.maximum[k])
            if self.wanted.missing and len(some):
                np.add.at(to.nan[k], zone[some], runs.nan[k][some])
                np.add.at(to.nodata[k], zone[some], (lost - runs.nan[k])[some])
            if self.wanted.moments:
                np.add.at(self.spreads[k].within, zone, runs.spread[k] * factor)
                self.spreads[k].runs.append((zone, weight, runs.mean[k]))

    def add_boundary(self, runs: Runs, stored: list[Stored], kernels: "Kernels | None", is_first: bool) -> None:
        """Add the boundary cells of the next strip, `stored` having all cells of its tiles at each time step."""
        strip, to = runs.strip, self.boundary
        if kernels is not None and runs.are_sums and self.index.weight is None:
            cells = strip.boundary_position, strip.boundary_zone, strip.fraction
            if kernels.sum_boundary(stored, *cells, to.count, to.total):
                return
        present = None
        for k, one in enumerate(stored):
            value, nodata = one.decoded(strip.boundary_position)
            missing = is_missing(value, nodata)
            if present is None or not np.array_equal(present.missing, missing):
                present = _Present.of(missing, strip, self.index.n_zones)
            self._add_boundary(runs, k, value, present, is_first)

    def _add_boundary(self, runs: Runs, k: int, value: np.ndarray, present: "_Present", is_first: bool) -> None:
        strip, to = runs.strip, self.boundary
        zone, fraction, missing = strip.boundary_zone, present.fraction, present.missing
        if present.lacks:
            if self.wanted.missing:
                nan = np.isnan(value) if value.dtype.kind == "f" else np.zeros(len(value), bool)
                np.add.at(to.nan[k], zone[nan], strip.fraction[nan])
                np.add.at(to.nodata[k], zone[missing & ~nan], strip.fraction[missing & ~nan])
            value = np.where(missing, value.dtype.type(0), value)
        value = value.astype(np.float64)
        if is_first:
            to.count[k] = present.count
        else:
            np.add.at(to.count[k], zone, fraction)
        weight = fraction
        if self.index.weight is not None:
            weight = fraction * strip.boundary_weight
            np.add.at(to.weight[k], zone, weight)
        _add(to.total[k], zone, weight * value, is_first)
        if self.wanted.extremes:
            there = ~missing
            np.minimum.at(self.minimum[k], zone[there], value[there])
            np.maximum.at(self.maximum[k], zone[there], value[there])
        if self.wanted.moments:
            self.spreads[k].boundary.append((zone, weight, value))

    def sums(self, k: int) -> Sums:
        """Return the sums of time step k."""
        count = self.runs.count[k] + self.boundary.count[k]
        weight = count if self.index.weight is None else self.runs.weight[k] + self.boundary.weight[k]
        return Sums(count, weight, self.runs.total[k] + self.boundary.total[k])

    def extremes(self, k: int) -> Extremes:
        """Return the extremes of time step k."""
        return Extremes(self.minimum[k], self.maximum[k], self.sums(k).count)

    def missing(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return Σ cᵢ of the cells of each zone that hold the nodata value, and of those that hold NaN."""
        nan = self.runs.nan[k] + self.boundary.nan[k]
        return (nan if self.nodata_is_nan[k] else self.runs.nodata[k] + self.boundary.nodata[k]), nan

    def moments(self, k: int) -> Moments:
        """Return the mean and the variance of time step k.

        Σ w (v − m)² over a zone is that within its runs, about their own means, and that of these means.
        """
        sums, spread, n = self.sums(k), self.spreads[k], self.index.n_zones
        some = sums.weight > 0
        mean = np.divide(sums.total, sums.weight, out=np.full(n, np.nan), where=some)
        parts = zip(*spread.runs, *spread.boundary, strict=True)
        zone, weight, means = (np.concatenate(arrays) for arrays in parts)
        apart = means - mean[zone]
        apart *= apart
        between = np.bincount(zone, np.where(weight > 0, weight * apart, 0), minlength=n)
        variance = np.divide(spread.within + between, sums.weight, out=np.full(n, np.nan), where=some)
        return Moments(mean, variance)


def _add(to: np.ndarray, zone: np.ndarray, values: np.ndarray, is_first: bool) -> None:
    """Add values to those of their zones, one after the other; to zeros if they are the first, which is faster."""
    if is_first:
        to[:] = np.bincount(zone, values, minlength=len(to))
    else:
        np.add.at(to, zone, values)
