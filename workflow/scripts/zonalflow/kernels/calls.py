"""Calling the compiled loops with the cells of a strip."""

from dataclasses import dataclass

import numpy as np

from zonalflow.kernels.compiled import Loop, address, loop
from zonalflow.readers.source import Stored

Arrays = tuple[np.ndarray, ...]

_STACK = 128  # numbers besides the longest run's that the loop holds, see `pairwise` there


@dataclass(frozen=True)
class Kernels:
    """The compiled loops. Each call returns whether it has done its work; else numpy has to."""

    def sum_runs(
        self, steps: list[Stored], start: np.ndarray, length: np.ndarray, total: np.ndarray, lost: np.ndarray
    ) -> bool:
        """Put the sum of each run's cells at each step into `total`, and how many have no data into `lost`.

        Args:
            steps: the cells of a tile at k time steps.
            start, length: of the runs, by flat numbers in the tile, int64 [n].
            total, lost: contiguous float64 [k, n].
        """
        whole = steps[0].values.dtype.kind in "iu" and not any(
            one.linear is None or one.linear.is_scaled for one in steps
        )
        run = _loop_of_steps("sum_integers" if whole else "sum_runs", steps)
        if run is None:
            return False
        longest = int(length.max(initial=0))
        scratch = np.empty(longest + _STACK)
        more = () if whole else (longest, address(scratch))
        with_runs = address(start), address(length), len(start), *more
        cells = _Steps.of(steps)
        run(*cells.arguments, *with_runs, address(total), address(lost), total.shape[1])
        return True

    def add_to_zones(
        self, total: np.ndarray, lost: np.ndarray, zone: np.ndarray, sums: np.ndarray, count: np.ndarray
    ) -> bool:
        """Add the runs' `total` [k, runs] to the zones' `sums` [k, n], and take what is `lost` from their `count`."""
        run = loop("add_to_zones", total.dtype)
        if run is None:
            return False
        run(address(total), address(lost), *total.shape, address(zone), address(sums), address(count), sums.shape[1])
        return True

    def sum_steps(
        self,
        steps: list[Stored],
        spans: np.ndarray,
        runs: Arrays,
        boundary: Arrays,
        of_runs: Arrays,
        of_boundary: Arrays,
    ) -> bool:
        """Add the runs and boundary cells of a tile, at some time steps, to their zones.

        Args:
            steps: the cells of the tile at k time steps, without masks.
            spans: see :func:`zonalflow.index.spans.spans_of`.
            runs: the first cell, the length and the zone of each run, which has at most 128 cells; int64 [m].
            boundary: the number and the zone, int64, and the fraction, float64, of each boundary cell; [b].
            of_runs, of_boundary: the totals and the counts of the zones so far, contiguous float64 [k, n]; cells of
                runs without data are taken from their counts.
        """
        alike = len({one.linear for one in steps}) == 1 and steps[0].mask is None
        run = _loop_of_steps("sum_steps", steps) if alike else None
        if run is None:
            return False
        cells, n_zones = _Steps.of(steps), of_runs[0].shape[1]
        scratch = np.empty(8 * int((spans[1] - spans[0]).max(initial=0))), np.empty(16 * n_zones)
        of_cells = map(address, (*runs, *boundary))
        sums = map(address, (*scratch, *of_runs, *of_boundary))
        where = address(cells.meaning), address(spans), spans.shape[1]
        run(address(cells.stored), len(steps), *where, *of_cells, *sums, n_zones)
        return True

    def count_codes(
        self, stored: Stored, start: np.ndarray, length: np.ndarray, base: np.ndarray, table: np.ndarray
    ) -> bool:
        """Count each run's cells in ``table[base + stored number]``, int64, but for those that are masked."""
        run = loop("count_codes", stored.values.dtype)
        if run is None:
            return False
        run(*_cells(stored), address(start), address(length), address(base), len(start), address(table))
        return True

    def sum_boundary(
        self, steps: list[Stored], cell: np.ndarray, zone: np.ndarray, fraction: np.ndarray, count: np.ndarray,
        total: np.ndarray,
    ) -> bool:  # fmt: skip
        """Add the fractions of boundary cells to their zones' `count` [k, n], and fraction × value to `total`."""
        run = _loop_of_steps("sum_boundary", steps)
        if run is None:
            return False
        arrays = address(cell), address(zone), address(fraction), len(cell), address(count), address(total)
        cells = _Steps.of(steps)
        run(*cells.arguments, *arrays, total.shape[1])
        return True


def _loop_of_steps(name: str, steps: list[Stored]) -> Loop | None:
    """Return the loop for some time steps; None if they need different ones, or more than four numbers each."""
    alike = len({(one.values.dtype, one.mask is None, one.linear is None) for one in steps}) == 1
    return loop(name, steps[0].values.dtype) if alike and steps[0].linear is not None else None


def _cells(stored: Stored) -> tuple[int, int, int]:
    return address(stored.values), address(stored.mask), stored.mask is not None


@dataclass(frozen=True)
class _Steps:
    """The cells of time steps as the loops take them; to be kept as long as these use its :attr:`arguments`."""

    stored: np.ndarray
    masked: np.ndarray
    has_mask: bool
    meaning: np.ndarray

    @classmethod
    def of(cls, steps: list[Stored]) -> "_Steps":
        stored, masked = (
            np.array([address(array) for array in arrays], np.uintp)
            for arrays in ([one.values for one in steps], [one.mask for one in steps])
        )
        meaning = [
            (one.linear.low, one.linear.high, one.linear.scale, one.linear.offset) for one in steps if one.linear
        ]
        return cls(stored, masked, steps[0].mask is not None, np.array(meaning, np.float64))

    @property
    def arguments(self) -> tuple[int, ...]:
        return address(self.stored), address(self.masked), self.has_mask, address(self.meaning), len(self.stored)
