"""Many time steps in memory: what is left when nothing is read, beside a peer that keeps one operator for all steps."""

from collections.abc import Callable, Sequence

import numpy as np
from benchmarks import made
from benchmarks.measure import interleaved, table

from zonalflow.index.build import build_index
from zonalflow.index.grids import IndexedGrid
from zonalflow.kernels.calls import Kernels
from zonalflow.rasters.read import TimeStep
from zonalflow.readers.source import Block, Linear, Stored
from zonalflow.stats.parts import read_parts
from zonalflow.stats.reduce import reduce_parts

ZONES = 3109


class Memory:
    """A raster source whose steps [steps, rows, columns] of the index's window are in memory."""

    def __init__(self, values: np.ndarray, grid, window) -> None:
        self.values, self.grid, self.origin = values, grid, (window[0], window[2])
        self.steps = [TimeStep(f"{k:04d}", "memory", k + 1) for k in range(len(values))]
        self.dtype, self.block = values.dtype, Block(columns=grid.width)

    def read(self, steps: Sequence[int], rows, columns) -> list[Stored]:
        row, column = self.origin
        window = slice(rows[0] - row, rows[1] - row), slice(columns[0] - column, columns[1] - column)
        meaning = Linear.of(self.dtype, made.NODATA)
        return [
            Stored(self.values[k][window], None, lambda cells, _: (cells, made.NODATA), linear=meaning) for k in steps
        ]


def tasks(n: int, missing: bool) -> dict[str, Callable[[], object]]:
    """Return the engines by name, each as a function that reduces n steps of the 4 km grid to means."""
    grid, zones = made.GRIDS["4 km"], made.zones(ZONES)
    rasters = np.stack([made.raster(grid, k) for k in range(12)])
    if not missing:
        rasters[rasters == made.NODATA] = 0
    found: dict[str, Callable[[], object]] = {}
    for method in ("center", "coverage"):
        index = build_index(zones, grid, method)
        where = IndexedGrid(grid, (0, 0), index, np.ones(index.n_zones))
        row0, row1, column0, column1 = index.window
        values = np.ascontiguousarray(rasters[np.arange(n) % 12, row0:row1, column0:column1])
        source = Memory(values, grid, index.window)
        for name, kernels in ((f"zonalflow, {method}", Kernels()), (f"zonalflow, {method}, without numba", None)):
            found[name] = lambda source=source, where=where, kernels=kernels: [
                results for _, results in reduce_parts(read_parts([(source, where)], ["mean"]), ["mean"], 1, kernels)
            ]
    try:
        import geohalo
        import geopandas
        import xarray
    except ImportError:
        return found
    a, _, c, _, e, f = grid.transform
    latitude = f + e * (np.arange(grid.height) + 0.5)
    longitude = c + a * (np.arange(grid.width) + 0.5)
    data = np.where(rasters == made.NODATA, np.nan, rasters)[np.arange(n) % 12]
    cube = xarray.DataArray(
        data, dims=("time", "latitude", "longitude"), coords={"latitude": latitude, "longitude": longitude}
    )
    outlines = geopandas.GeoSeries(zones, crs=made.CRS)
    stencil = geohalo.Stencil.compute(latitude[::-1], longitude, outlines, spherical_correction=False)
    operator = geohalo.ReduceOperator.compute(stencil, latitude[::-1], longitude)
    found["geohalo, coverage"] = lambda: geohalo.reduce_with_operator(cube, operator, skipna=missing)
    return found


def in_memory(quick: bool) -> str:
    """Return the table of CPU time for each step."""
    n = 24 if quick else 120
    rows: dict[str, list[str]] = {}
    for missing in (False, True):
        for name, spent in interleaved(tasks(n, missing), 3).items():
            rows.setdefault(name, [name]).append(f"{1000 * spent.cpu / n:.2f} ms")
    head = ["engine", "no cell missing", "cells missing"]
    return table(f"{n} steps of 4 km in memory, mean, {ZONES} zones: CPU time of a step", head, list(rows.values()))
