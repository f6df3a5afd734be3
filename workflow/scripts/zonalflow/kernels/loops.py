"""The loops themselves, written for numba; each does what the numpy code that calls it does without it.

Arrays come as pointers, so that what is compiled knows nothing of Python and can be stored; the cells of several time
steps as pointers to those of each. `masked` is read only where `has_mask` is not 0. Of each step `meaning` has four
numbers: a stored number from `low` to `high`, or NaN, means no data, all others stored × `scale` + `offset`.
"""

from typing import Any

import numpy as np

from zonalflow.kernels.four import add_four_cells, add_four_runs, decode_four, lesser, sum_of_every_fourth

Pointer = Any  # a C array: only indexed
Whole = Any  # int64: numba would take Python's int of a number for one that may not fit, and raise an error

#: The parameters of each loop by their C types; T is the type of the stored numbers.
SIGNATURES = {
    "sum_runs": "T** u1** i8 f8* i8 i8* i8* i8 i8 f8* f8* f8* i8",
    "sum_integers": "T** u1** i8 f8* i8 i8* i8* i8 f8* f8* i8",
    "add_to_zones": "f8* f8* i8 i8 i8* f8* f8* i8",
    "count_codes": "T* u1* i8 i8* i8* i8* i8 i8*",
    "sum_steps": "T** i8 f8* i8* i8 i8* i8* i8* i8* i8* f8* f8* f8* f8* f8* f8* f8* i8",
    "sum_boundary": "T** u1** i8 f8* i8 i8* i8* f8* i8 f8* f8* i8",
}


def sum_of_block(values: Pointer, first: Whole, n: Whole) -> Any:
    """Return the sum of at most 128 values, see :func:`pairwise`."""
    if n < 8:
        total = 0.0
        for i in range(first, first + n):
            total += values[i]
        return total
    a, b, c, d = values[first], values[first + 1], values[first + 2], values[first + 3]
    e, f, g, h = values[first + 4], values[first + 5], values[first + 6], values[first + 7]
    for k in range(1, n >> 3):
        i = first + (k << 3)
        a += values[i]
        b += values[i + 1]
        c += values[i + 2]
        d += values[i + 3]
        e += values[i + 4]
        f += values[i + 5]
        g += values[i + 6]
        h += values[i + 7]
    total = ((a + b) + (c + d)) + ((e + f) + (g + h))
    for i in range(first + (n & ~7), first + n):
        total += values[i]
    return total


def pairwise(values: Pointer, first: Whole, n: Whole, stack: Whole) -> Any:
    """Return the sum of n values in the order in which numpy adds them up, so that no bit of it differs.

    More than 128 values are the sum of two halves. What is left to add up is kept in `values` from number `stack` on:
    for each level the size of the right half, 0 once it is being added up, and then the sum of the left one.

    Source: ``pairwise_sum`` in numpy/_core/src/umath/loops_utils.h.src.
    """
    top = stack
    while True:
        while n > 128:
            half = (n >> 1) & ~7
            values[top] = n - half
            top += 2
            n = half
        total = sum_of_block(values, first, n)
        first += n
        while top > stack and values[top - 2] == 0:
            top -= 2
            total = values[top + 1] + total
        if top == stack:
            return total
        n = np.int64(values[top - 2])
        values[top - 2], values[top - 1] = 0, total


def sum_runs(
    stored: Pointer, masked: Pointer, has_mask: int, meaning: Pointer, steps: int, start: Pointer, length: Pointer,
    runs: int, longest: int, scratch: Pointer, total: Pointer, lost: Pointer, stride: int,
) -> None:  # fmt: skip
    """Add up the cells of each run at each step, and count those without data.

    Run by run, since the processor learns how long a run is at the first step. `scratch` has 128 numbers more than the
    longest run; those of a step in `total` and `lost` lie `stride` behind those of the one before.
    """
    for run in range(runs):
        first, n = start[run], length[run]
        for step in range(steps):
            cells, mask = stored[step], masked[step]
            low, high = meaning[4 * step], meaning[4 * step + 1]
            scale, offset = meaning[4 * step + 2], meaning[4 * step + 3]
            missing = 0
            if has_mask:
                for i in range(n):
                    value = np.float64(cells[first + i])
                    lacks = (value != value) | ((value >= low) & (value <= high)) | (mask[first + i] != 0)
                    missing += lacks
                    scratch[i] = 0.0 if lacks else value * scale + offset
            else:
                for i in range(n):
                    value = np.float64(cells[first + i])
                    lacks = (value != value) | ((value >= low) & (value <= high))
                    missing += lacks
                    scratch[i] = 0.0 if lacks else value * scale + offset
            total[step * stride + run] = scratch[0] + pairwise(scratch, 1, n - 1, longest)
            lost[step * stride + run] = missing


def sum_integers(
    stored: Pointer, masked: Pointer, has_mask: int, meaning: Pointer, steps: int, start: Pointer, length: Pointer,
    runs: int, total: Pointer, lost: Pointer, stride: int,
) -> None:  # fmt: skip
    """Do as :func:`sum_runs` with whole numbers that are values: in any order, since each sum is exact."""
    for run in range(runs):
        first, stop = start[run], start[run] + length[run]
        for step in range(steps):
            cells, mask = stored[step], masked[step]
            low, high = np.int64(meaning[4 * step]), np.int64(meaning[4 * step + 1])
            missing, whole = np.int64(0), np.int64(0)
            if has_mask:
                for i in range(first, stop):
                    value = np.int64(cells[i])
                    lacks = ((value >= low) & (value <= high)) | (mask[i] != 0)
                    missing += lacks
                    whole += np.int64(0) if lacks else value
            else:
                for i in range(first, stop):
                    value = np.int64(cells[i])
                    lacks = (value >= low) & (value <= high)
                    missing += lacks
                    whole += np.int64(0) if lacks else value
            total[step * stride + run] = np.float64(whole)
            lost[step * stride + run] = missing


def add_to_zones(
    total: Pointer, lost: Pointer, steps: int, runs: int, zone: Pointer, sums: Pointer, count: Pointer, zones: int
) -> None:
    """Add the total of each run to the `sums` of its zone, and take the cells without data from its `count`."""
    for step in range(steps):
        for run in range(runs):
            to = step * zones + zone[run]
            sums[to] += total[step * runs + run]
            count[to] -= lost[step * runs + run]


def count_codes(
    stored: Pointer, masked: Pointer, has_mask: int, start: Pointer, length: Pointer, base: Pointer, runs: int,
    table: Pointer,
) -> None:  # fmt: skip
    """Count the cells of each run in ``table[base[run] + stored number]``."""
    for run in range(runs):
        i, stop, to = start[run], start[run] + length[run], base[run]
        if not has_mask:
            while i + 8 <= stop:  # classes lie in patches
                a, b, c = np.int64(stored[i]), np.int64(stored[i + 1]), np.int64(stored[i + 2])
                d, e, f = np.int64(stored[i + 3]), np.int64(stored[i + 4]), np.int64(stored[i + 5])
                g, h = np.int64(stored[i + 6]), np.int64(stored[i + 7])
                if ((a ^ b) | (a ^ c) | (a ^ d) | (a ^ e) | (a ^ f) | (a ^ g) | (a ^ h)) == 0:
                    table[to + a] += 8
                else:
                    table[to + a] += 1
                    table[to + b] += 1
                    table[to + c] += 1
                    table[to + d] += 1
                    table[to + e] += 1
                    table[to + f] += 1
                    table[to + g] += 1
                    table[to + h] += 1
                i += 8
        while i < stop:
            if not has_mask or masked[i] == 0:
                table[to + np.int64(stored[i])] += 1
            i += 1


def sum_boundary(
    stored: Pointer, masked: Pointer, has_mask: int, meaning: Pointer, steps: int, cell: Pointer, zone: Pointer,
    fraction: Pointer, boundary: int, count: Pointer, total: Pointer, stride: int,
) -> None:  # fmt: skip
    """Add the fractions of boundary cells to the `count` of their zones, and fraction × value to their `total`."""
    for i in range(boundary):
        at, share = cell[i], fraction[i]
        for step in range(steps):
            to = step * stride + zone[i]
            value = np.float64(stored[step][at])
            low, high = meaning[4 * step], meaning[4 * step + 1]
            scale, offset = meaning[4 * step + 2], meaning[4 * step + 3]
            lacks = (value != value) | ((value >= low) & (value <= high))
            if has_mask:
                lacks = lacks | (masked[step][at] != 0)
            if not lacks:
                count[to] += share
                total[to] += share * (value * scale + offset)


#: The loops that others call, each behind those that it calls itself.
INNER = (sum_of_block, pairwise, lesser, sum_of_every_fourth, decode_four, add_four_runs, add_four_cells)
