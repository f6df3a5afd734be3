"""Reducing the parts of a year's rasters to statistics: each by whatever needs the least."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np

from zonalflow.index.segments import QUIET
from zonalflow.index.zone_index import ZoneIndex
from zonalflow.readers.source import Stored
from zonalflow.stats.formulas import OF_EXTREMES, OF_MOMENTS, OF_SUMS, Needs, is_dense, ratio, where
from zonalflow.stats.gather import Gathering
from zonalflow.stats.parts import AnyWindow, Part
from zonalflow.stats.runs import Runs
from zonalflow.stats.streamed import Streamed
from zonalflow.stats.tally import Tally, count_boundary, count_elements, count_sub_block
from zonalflow.stats.threads import share

if TYPE_CHECKING:
    from zonalflow.kernels.calls import Kernels

Result = dict[str, np.ndarray | dict[float, np.ndarray]]


def reduce_parts(
    parts: Iterable[Part[AnyWindow]], stats: Sequence[str], workers: int, kernels: "Kernels | None" = None
) -> Iterator[tuple[Part[AnyWindow], list[Result]]]:
    """Yield the last part of each group of time steps, and the statistics of each of them.

    Args:
        parts: in order, see :func:`zonalflow.stats.parts.read_parts`.
        stats: names of statistics.
        workers: threads that share the work on a strip; the numbers do not depend on how many there are.
        kernels: compiled loops that do a part of the work, with the same numbers.
    """
    needs, group = Needs.of(stats), None
    for part in parts:
        if part.begins:
            group = _Group(part, needs, kernels)
        assert group is not None
        group.add(part, workers)
        if part.ends:
            yield part, [group.result(k) for k in range(group.k)]
            group = None
        del part  # its memory is needed for the next


class _Group:
    """Time steps that are reduced together."""

    def __init__(self, part: Part[AnyWindow], needs: Needs, kernels: "Kernels | None") -> None:
        self.kernels = kernels
        self.index: ZoneIndex = part.where.index
        self.needs, self.k = needs, len(part.dates)
        self.streamed = Streamed(self.index, self.k, needs.streamed)
        self.tallies: dict[int, Tally] = {}
        self.gatherings: dict[int, Gathering] = {}
        self.samples = list(part.tiles[0])  # of the cells of each time step, to decode others
        for k, stored in enumerate(part.tiles[0] if needs.cells else ()):
            if needs.classes or is_dense(stored.values.dtype):
                self.tallies[k] = Tally(self.index.n_zones, needs.classes, stored.values.dtype.itemsize == 1)
            else:
                self.gatherings[k] = Gathering(self.index, needs.formulas)

    @QUIET
    def add(self, part: Part[AnyWindow], workers: int) -> None:
        """Reduce a strip."""
        strip = part.strip
        if not (self.tallies or self.gatherings) and self.streamed.add_at_once(strip, part.tiles, self.kernels):
            return
        runs = Runs(strip, self.k, self.needs.streamed)
        tasks: list[Callable[[], None]] = []
        compiled = self.kernels is not None
        for block in strip.large_blocks if compiled and runs.are_sums else strip.run_blocks:
            tasks.append(partial(runs.reduce, block, part.tiles[block.tile], self.kernels))
        flat = lru_cache(None)(lambda k: _flat([tile[k] for tile in part.tiles]))
        for k, tally in self.tallies.items():
            if is_dense(part.tiles[0][k].values.dtype):
                tasks += [
                    partial(count_sub_block, tally, strip, block, part.tiles[block.tile][k], self.kernels)
                    for block in (strip.large_blocks if compiled else strip.sub_blocks)
                ]
            else:
                tasks += [partial(count_elements, tally, strip, some, flat(k)) for some in strip.elements.batches]
        for k, gathering in self.gatherings.items():
            tasks += [partial(gathering.add, strip, some, flat(k)) for some in strip.elements.batches]
        share(_work, tasks, workers)
        self.streamed.add_runs(runs, self.kernels, part.begins)
        if len(strip.boundary_zone):
            self.streamed.add_boundary(runs, [flat(k) for k in range(self.k)], self.kernels, part.begins)
            for k, tally in self.tallies.items():
                count_boundary(tally, strip, flat(k))
        for tally in self.tallies.values():
            tally.check()

    @QUIET
    def result(self, k: int) -> Result:
        """Return the statistics of a time step, those asked for first."""
        index, stats, streamed = self.index, self.needs.stats, self.streamed
        sums = streamed.sums(k)
        found: Result = {name: formula(sums) for name, formula in OF_SUMS.items() if name in stats}
        if self.needs.streamed.extremes:
            found |= {name: formula(streamed.extremes(k)) for name, formula in OF_EXTREMES.items() if name in stats}
        if self.needs.streamed.moments:
            moments = streamed.moments(k)
            found |= {name: formula(moments) for name, formula in OF_MOMENTS.items() if name in stats}
        if k in self.gatherings:
            found |= self.gatherings[k].results
        if k in self.tallies:
            found |= self._of_values(k)
        if self.needs.streamed.missing:
            some = index.n_cells + index.off_grid > 0
            nodata, nan = streamed.missing(k)
            found |= {"nodata": where(some, index.off_grid + nodata), "nan": where(some, nan)}
        found["count"] = self._as_count(sums.count)
        found["valid_fraction"] = np.minimum(ratio(sums.count, index.n_cells), 1)
        return {name: found[name] for name in dict.fromkeys([*stats, "count", "valid_fraction"])}

    def _as_count(self, array: np.ndarray) -> np.ndarray:
        return array if self.index.is_fractional else np.rint(array).astype(np.int64)

    def _of_values(self, k: int) -> Result:
        """Return the statistics that the different values of each zone give."""
        sample = self.samples[k]
        groups = self.tallies[k].groups(sample if is_dense(sample.values.dtype) else None, self.index.is_fractional)
        found: Result = {name: formula(groups) for name, formula in self.needs.formulas.items()}
        if self.needs.classes:
            values, which = np.unique(groups.value, return_inverse=True)
            table = np.zeros((len(values), self.index.n_zones))
            table[which, np.repeat(np.arange(self.index.n_zones), np.diff(groups.ptr))] = groups.count
            found["categorical"] = {value.item(): self._as_count(row) for value, row in zip(values, table, strict=True)}
        return found


@QUIET
def _work(tasks: Iterator[Callable[[], None]]) -> None:
    for task in tasks:
        task()


def _flat(tiles: list[Stored]) -> Stored:
    """Return the cells of some tiles, one after the other, flat."""
    if len(tiles) == 1:
        return tiles[0]
    first = tiles[0]
    mask = None if tiles[0].mask is None else np.concatenate([tile.mask.reshape(-1) for tile in tiles])  # type: ignore[union-attr]
    values = np.concatenate([tile.values.reshape(-1) for tile in tiles])
    return replace(first, values=values, mask=mask)
