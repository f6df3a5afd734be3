"""The loop that reduces small rasters, with four time steps side by side; written for numba, as those of `loops`.

Four values of a cell lie together, so that the processor adds them up at once, and what it takes to find a cell and its
zone is spent once for all four.
"""

from typing import Any

import numpy as np

Pointer = Any  # a C array: only indexed
Whole = Any  # int64


def sum_steps(
    stored: Pointer, steps: int, meaning: Pointer, spans: Pointer, n_spans: int, start: Pointer, length: Pointer,
    run_zone: Pointer, cell: Pointer, zone: Pointer, fraction: Pointer, scratch: Pointer, sums: Pointer,
    total: Pointer, count: Pointer, boundary_total: Pointer, boundary_count: Pointer, zones: int,
) -> None:  # fmt: skip
    """Do as :func:`sum_runs`, :func:`add_to_zones` and :func:`sum_boundary`, with four steps side by side.

    For runs of at most 128 cells, without masks, and with the same `meaning` at all steps; the numbers are the same.
    Each span of cells is decoded once for its runs and its boundary cells, into `scratch`: cell by cell four values,
    and behind these, where some are missing, four times 1 for data or 0. `sums` has 16 numbers of each zone.
    """
    for step in range(0, steps, 4):
        last = steps - 1
        a, b = stored[step], stored[lesser(step + 1, last)]
        c, d = stored[lesser(step + 2, last)], stored[lesser(step + 3, last)]
        for z in range(zones):
            for j in range(4):
                of, to = lesser(step + j, last) * zones + z, 16 * z + j
                sums[to], sums[to + 4], sums[to + 8], sums[to + 12] = (
                    total[of], count[of], boundary_total[of], boundary_count[of]
                )  # fmt: skip
        run, i = np.int64(0), np.int64(0)
        for span in range(n_spans):
            first, n = spans[span], spans[n_spans + span] - spans[span]
            runs, cells = spans[2 * n_spans + span], spans[3 * n_spans + span]
            missing = decode_four(a, b, c, d, first, n, meaning, scratch)
            add_four_runs(scratch, 4 * n * (missing != 0), first, start, length, run_zone, run, runs, sums)
            add_four_cells(scratch, 4 * n * (missing != 0), first, cell, zone, fraction, i, cells, sums)
            run, i = runs, cells
        for z in range(zones):
            for j in range(lesser(4, steps - step)):
                of, to = (step + j) * zones + z, 16 * z + j
                total[of], count[of], boundary_total[of], boundary_count[of] = (
                    sums[to], sums[to + 4], sums[to + 8], sums[to + 12]
                )  # fmt: skip


def decode_four(
    a: Pointer, b: Pointer, c: Pointer, d: Pointer, first: Whole, n: Whole, meaning: Pointer, scratch: Pointer
) -> Any:
    """Decode n cells of four steps into `scratch`, see :func:`sum_steps`; return whether any is missing."""
    low, high, scale, offset = meaning[0], meaning[1], meaning[2], meaning[3]
    missing = np.int32(0)
    for i in range(n):
        w, x = np.float64(a[first + i]), np.float64(b[first + i])
        y, z = np.float64(c[first + i]), np.float64(d[first + i])
        no_w, no_x = (w != w) | ((w >= low) & (w <= high)), (x != x) | ((x >= low) & (x <= high))
        no_y, no_z = (y != y) | ((y >= low) & (y <= high)), (z != z) | ((z >= low) & (z <= high))
        missing |= np.int32(no_w | no_x | no_y | no_z)
        scratch[4 * i] = 0.0 if no_w else w * scale + offset
        scratch[4 * i + 1] = 0.0 if no_x else x * scale + offset
        scratch[4 * i + 2] = 0.0 if no_y else y * scale + offset
        scratch[4 * i + 3] = 0.0 if no_z else z * scale + offset
    if missing:
        to = 4 * n
        for i in range(n):
            w, x = np.float64(a[first + i]), np.float64(b[first + i])
            y, z = np.float64(c[first + i]), np.float64(d[first + i])
            scratch[to + 4 * i] = 0.0 if (w != w) | ((w >= low) & (w <= high)) else 1.0
            scratch[to + 4 * i + 1] = 0.0 if (x != x) | ((x >= low) & (x <= high)) else 1.0
            scratch[to + 4 * i + 2] = 0.0 if (y != y) | ((y >= low) & (y <= high)) else 1.0
            scratch[to + 4 * i + 3] = 0.0 if (z != z) | ((z >= low) & (z <= high)) else 1.0
    return missing


def add_four_runs(
    scratch: Pointer, present: Whole, first: Whole, start: Pointer, length: Pointer, zone: Pointer, run: Whole,
    stop: Whole, sums: Pointer,
) -> None:  # fmt: skip
    """Add some runs to their zones, see :func:`sum_steps`.

    From number `present` on, `scratch` has which cells hold data; it is 0 if all do.
    """
    for r in range(run, stop):
        at, n, to = 4 * (start[r] - first), length[r], 16 * zone[r]
        if n <= 8:
            w, x, y, z = 0.0, 0.0, 0.0, 0.0
            for i in range(at + 4, at + 4 * n, 4):
                w += scratch[i]
                x += scratch[i + 1]
                y += scratch[i + 2]
                z += scratch[i + 3]
            sums[to] += scratch[at] + w
            sums[to + 1] += scratch[at + 1] + x
            sums[to + 2] += scratch[at + 2] + y
            sums[to + 3] += scratch[at + 3] + z
        else:
            for j in range(4):
                sums[to + j] += scratch[at + j] + sum_of_every_fourth(scratch, at + 4 + j, n - 1)
        if present:
            w, x, y, z = 0.0, 0.0, 0.0, 0.0
            for i in range(present + at, present + at + 4 * n, 4):
                w += scratch[i]
                x += scratch[i + 1]
                y += scratch[i + 2]
                z += scratch[i + 3]
            sums[to + 4] -= n - w
            sums[to + 5] -= n - x
            sums[to + 6] -= n - y
            sums[to + 7] -= n - z


def lesser(a: Whole, b: Whole) -> Any:
    """Return the lesser of two numbers; numba's own ``min`` may raise an error, which a loop cannot."""
    return a if a < b else b


def sum_of_every_fourth(values: Pointer, first: Whole, n: Whole) -> Any:
    """Do as :func:`sum_of_block` with 8 to 128 values of which each is the fourth behind the one before."""
    a, b, c, d = values[first], values[first + 4], values[first + 8], values[first + 12]
    e, f, g, h = values[first + 16], values[first + 20], values[first + 24], values[first + 28]
    for k in range(1, n >> 3):
        i = first + (k << 5)
        a += values[i]
        b += values[i + 4]
        c += values[i + 8]
        d += values[i + 12]
        e += values[i + 16]
        f += values[i + 20]
        g += values[i + 24]
        h += values[i + 28]
    total = ((a + b) + (c + d)) + ((e + f) + (g + h))
    for i in range(first + ((n & ~7) << 2), first + (n << 2), 4):
        total += values[i]
    return total


def add_four_cells(
    scratch: Pointer, present: Whole, first: Whole, cell: Pointer, zone: Pointer, fraction: Pointer, i: Whole,
    stop: Whole, sums: Pointer,
) -> None:  # fmt: skip
    """Add some boundary cells to their zones, see :func:`add_four_runs`."""
    for k in range(i, stop):
        at, to, share = 4 * (cell[k] - first), 16 * zone[k] + 8, fraction[k]
        for j in range(4):
            sums[to + j] += share * scratch[at + j]
        if present:
            for j in range(4):
                sums[to + 4 + j] += share * scratch[present + at + j]
        else:
            for j in range(4):
                sums[to + 4 + j] += share
