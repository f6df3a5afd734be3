"""Reducing a raster zone by zone, for every statistic: the values of some zones are gathered, then reduced together."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from zonalflow.index.segments import QUIET
from zonalflow.index.zone_index import ZoneIndex
from zonalflow.rasters.nodata import Nodata
from zonalflow.stats.cells import Cells, Extremes, Groups, Sums, add_up, gather
from zonalflow.stats.threads import share


@dataclass(frozen=True)
class Wanted:
    """What to reduce besides the sums.

    Attributes:
        extremes: the smallest and the largest value of each zone
        classes: the different values of each zone
        formulas: name → what to compute from the cells of some zones, float64 [n]
    """

    extremes: bool = False
    classes: bool = False
    formulas: Mapping[str, Callable[[Cells], np.ndarray]] = field(default_factory=dict)

    @property
    def cells(self) -> bool:
        """Whether the values of a zone are needed side by side."""
        return self.classes or bool(self.formulas)


@dataclass(frozen=True)
class Reduced:
    """What a raster was reduced to, for n zones.

    Attributes:
        sums: of all zones
        extremes: of all zones; without meaning if not wanted
        results: name → float64 [n], by the wanted formulas
        classes: if wanted, the different values of batches of zones, each after the number of its first zone
    """

    sums: Sums
    extremes: Extremes
    results: dict[str, np.ndarray] = field(default_factory=dict)
    classes: list[tuple[int, Groups]] = field(default_factory=list)


def reduce_by_zone(index: ZoneIndex, values: np.ndarray, nodata: Nodata, wanted: Wanted, workers: int) -> Reduced:
    """Reduce the index's window of a raster (2-D, contiguous), batch by batch of zones, shared among the workers."""
    n = index.n_zones
    sums = Sums(*(np.empty(n) for _ in range(3)))
    reduced = Reduced(
        sums, Extremes(np.empty(n), np.empty(n), sums.count), {name: np.empty(n) for name in wanted.formulas}
    )

    @QUIET
    def work(batches: Iterator[slice]) -> None:
        for zones in batches:
            layout = index.layout(zones)
            value, missing = gather(layout, values, nodata)
            part = add_up(layout, value, missing)
            sums.count[zones], sums.weight[zones], sums.total[zones] = part.count, part.weight, part.total
            if not (wanted.extremes or wanted.cells):
                continue
            cells = Cells.of(layout, value, missing)
            for name, formula in wanted.formulas.items():
                reduced.results[name][zones] = formula(cells)
            if wanted.extremes:
                reduced.extremes.minimum[zones], reduced.extremes.maximum[zones] = cells.extremes
            if wanted.classes:
                reduced.classes.append((zones.start, cells.groups))

    share(work, index.batches, workers)
    return reduced
