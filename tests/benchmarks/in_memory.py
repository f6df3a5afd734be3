"""Many time steps in memory: what is left when nothing is read, beside peers that keep what they can for all steps.

Every engine is asked for the same means by coverage (ours by center too), and the table says how far its numbers are
from ours, so that none is fast because it does something else.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from benchmarks import made
from benchmarks.measure import interleaved, table

from zonalflow.index.build import build_index
from zonalflow.index.grids import IndexedGrid
from zonalflow.index.zone_index import ZoneIndex
from zonalflow.kernels.calls import Kernels
from zonalflow.rasters.read import TimeStep
from zonalflow.readers.source import Block, Linear, Stored
from zonalflow.stats.parts import read_parts
from zonalflow.stats.reduce import reduce_parts

ZONES = 3109
FEW = 2  # steps of a peer that takes some hundred times as long

Engine = Callable[[], np.ndarray]


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


@dataclass
class Cube:
    """Steps of the 4 km grid, float32 [steps, rows, columns], and zones; where `missing`, some cells are nodata."""

    n: int
    missing: bool

    grid = made.GRIDS["4 km"]

    @cached_property
    def zones(self) -> np.ndarray:
        return made.zones(ZONES)

    @cached_property
    def values(self) -> np.ndarray:
        rasters = np.stack([made.raster(self.grid, k) for k in range(12)])
        if not self.missing:
            rasters[rasters == made.NODATA] = 0
        return rasters[np.arange(self.n) % 12]

    @cached_property
    def with_nan(self) -> np.ndarray:
        return np.where(self.values == made.NODATA, np.float32(np.nan), self.values)

    @cached_property
    def sources(self) -> dict[str, Memory]:
        """The part of the steps that each index asks for."""
        found = {}
        for method, index in self.indices.items():
            row0, row1, column0, column1 = index.window
            part = np.ascontiguousarray(self.values[:, row0:row1, column0:column1])
            found[method] = Memory(part, self.grid, index.window)
        return found

    @cached_property
    def indices(self) -> dict[str, ZoneIndex]:
        return {method: build_index(self.zones, self.grid, method) for method in ("center", "coverage")}


def ours(cube: Cube, method: str, kernels: Kernels | None) -> Engine:
    index, source = cube.indices[method], cube.sources[method]
    where = IndexedGrid(cube.grid, (0, 0), index, np.ones(index.n_zones))

    def means() -> np.ndarray:
        parts = reduce_parts(read_parts([(source, where)], ["mean"]), ["mean"], 1, kernels)
        return np.array([result["mean"] for _, results in parts for result in results])

    return means


def geohalo(cube: Cube) -> Engine:
    """One sparse operator for all steps, with float64 coefficients; its build is not measured."""
    import geohalo
    import geopandas
    import xarray

    a, _, c, _, e, f = cube.grid.transform
    latitude = f + e * (np.arange(cube.grid.height) + 0.5)
    longitude = c + a * (np.arange(cube.grid.width) + 0.5)
    steps = xarray.DataArray(
        cube.with_nan, dims=("time", "latitude", "longitude"), coords={"latitude": latitude, "longitude": longitude}
    )
    outlines = geopandas.GeoSeries(cube.zones, crs=made.CRS)
    # cells count by the fraction covered, as everywhere in this table, not by their area on the sphere as well
    stencil = geohalo.Stencil.compute(latitude[::-1], longitude, outlines, spherical_correction=False)
    operator = geohalo.ReduceOperator.compute(stencil, latitude[::-1], longitude)
    return lambda: geohalo.reduce_with_operator(steps, operator, skipna=cube.missing).to_numpy()


def sparse_product(cube: Cube) -> Engine:
    """What one writes by hand: our fractions as a matrix of scipy, times each step; blocks of steps take longer."""
    from scipy import sparse

    index = cube.indices["coverage"]
    cells = [index.cells(zone) for zone in range(index.n_zones)]
    row, column, fraction = (np.concatenate(some) for some in zip(*cells, strict=True))
    zone = np.repeat(np.arange(len(cells)), [len(some[0]) for some in cells])
    shape = index.n_zones, cube.grid.height * cube.grid.width
    operator = sparse.csr_matrix((fraction, (zone, row * cube.grid.width + column)), shape)
    covered = operator.sum(axis=1).A1

    def mean(step: np.ndarray) -> np.ndarray:
        if not cube.missing:
            return operator @ step / covered
        there = ~np.isnan(step)
        with np.errstate(invalid="ignore"):
            return operator @ np.where(there, step, 0) / (operator @ there.astype(np.float64))

    return lambda: np.array([mean(step.ravel()) for step in cube.with_nan])


def extractrs(cube: Cube) -> Engine:
    """A Rust kernel with a cache of coverage; its build is not measured."""
    import extractrs

    a, e = cube.grid.transform[0], abs(cube.grid.transform[4])
    outlines = shapely.to_wkb(cube.zones).tolist()
    cache = extractrs.build_cache(outlines, list(range(ZONES)), *cube.grid.bounds, a, e, "exact")
    values = cube.values.astype(np.float64)  # it takes no others
    return lambda: extractrs.apply_stat_batch(cache, values, made.NODATA, "mean")


def exactextract(cube: Cube) -> Engine:
    """It finds the cells anew for each step, and keeps nothing."""
    import geopandas
    from exactextract import exact_extract
    from exactextract.raster import NumPyRasterSource

    west, south, east, north = cube.grid.bounds
    outlines = geopandas.GeoDataFrame(geometry=cube.zones, crs=made.CRS)
    steps = [
        NumPyRasterSource(
            step, xmin=west, ymin=south, xmax=east, ymax=north, nodata=made.NODATA, srs_wkt=outlines.crs.to_wkt()
        )
        for step in cube.values[:FEW]
    ]
    return lambda: np.array(
        [
            exact_extract(step, outlines, ["mean"], strategy="raster-sequential", output="pandas")["mean"]
            for step in steps
        ]
    )


def tasks(n: int, missing: bool) -> dict[str, Engine]:
    """Return the engines that are installed by name, each as a function that reduces n steps to means [n, zones]."""
    cube = Cube(n, missing)
    found = {
        f"zonalflow, {method}{without}": ours(cube, method, kernels)
        for method in ("coverage", "center")
        for without, kernels in (("", Kernels()), (", without numba", None))
    }
    peers = {
        "geohalo, coverage": geohalo,
        "a sparse matrix of scipy, coverage": sparse_product,
        "extractrs, coverage": extractrs,
        "exactextract, coverage": exactextract,
    }
    for name, peer in peers.items():
        with suppress(ImportError):  # the benchmark's first line says which are not installed
            found[name] = peer(cube)
    return found


def difference(means: np.ndarray, right: np.ndarray) -> str:
    """Return how far means are from others, as a part of these; a mean that only one of them has counts as all."""
    right = right[: len(means)]
    off = np.where(np.isnan(means) & np.isnan(right), 0, np.abs(means - right) / np.abs(right))
    return f"{np.nan_to_num(off, nan=1).max():.0e}"


def measured(n: int, missing: bool) -> dict[str, list[str]]:
    """Return by engine the CPU time of a step, as a multiple of ours as well, and how far its means are from ours."""
    engines = tasks(n, missing)
    means = {name: engine() for name, engine in engines.items()}
    times = {name: spent.cpu / len(means[name]) for name, spent in interleaved(engines, 3).items()}
    found = {}
    for name, spent in times.items():
        right = means[f"zonalflow, {'center' if 'center' in name else 'coverage'}"]
        ratio = f"{spent / times['zonalflow, coverage']:.2f}"
        found[name] = [f"{1000 * spent:.2f} ms", ratio, difference(means[name], right)]
    return found


def in_memory(quick: bool) -> str:
    """Return the table of CPU time for each step."""
    n = 24 if quick else 120
    whole, some = measured(n, missing=False), measured(n, missing=True)
    head = ["engine", *("no cell missing", "×", "difference"), *("cells missing", "×", "difference")]
    title = f"{n} steps of 4 km in memory, mean, {ZONES} zones: CPU time of a step, and as a multiple of zonalflow's"
    return table(f"{title} by coverage", head, [[name, *whole[name], *some[name]] for name in whole])
