"""A second opinion on a few zones: rasterstats for cell centres, exactextract's cells and numpy for what is covered.

None of them shares code with the zone index or with the statistics. They get the raster in float64 with NaN where data
is missing, so that what differs is the choice of cells and the arithmetic, not how many digits a sum carries along.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from types import MappingProxyType

import numpy as np

from zonalflow.geometry.grid import Grid

ENGINES = {"center": "rasterstats", "all_touched": "exactextract", "coverage": "exactextract"}
# Relative. exactextract holds fractions in float32, and so does the index; whole cells leave only float64
# sums.
TOLERANCE = {"center": 1e-9, "all_touched": 1e-9, "coverage": 1e-5}

_NODATA = float(np.finfo(np.float64).min)
_KNOWN = ("count", "min", "max", "mean", "sum", "std", "variance", "cv", "median", "majority", "minority", "unique")
_DOUBTFUL = 1e-9  # of a cell: a fraction that exactextract may have by rounding, where an edge runs along the border
_ROUNDING = 1e-6  # of a cell: by which two ways to compute a fraction in float32 may differ

Answer = dict[str, np.ndarray]


@dataclass(frozen=True)
class Raster:
    """A raster of one date on the study's grid.

    Attributes:
        values: float64 [rows, columns], NaN where the file says NaN
        missing: bool [rows, columns], which cells hold the nodata value
        grid: where they lie
        weights: float64 [rows, columns], the weights of the cells, or None
    """

    values: np.ndarray
    missing: np.ndarray
    grid: Grid
    weights: np.ndarray | None = None

    @property
    def size(self) -> float:
        """The largest absolute value of data; 0 if there is none."""
        data = np.abs(self.values[~self.missing & np.isfinite(self.values)])
        return float(data.max()) if data.size else 0.0

    def north_up(self) -> "Raster":
        """Return the raster with its northernmost row first: neither engine reads others."""
        a, b, c, d, e, f = self.grid.transform
        if e < 0:
            return self
        grid = replace(self.grid, transform=(a, b, c, d, -e, f + e * self.grid.height))
        weights = None if self.weights is None else self.weights[::-1]
        return Raster(self.values[::-1], self.missing[::-1], grid, weights)


def engine_name(method: str) -> str:
    """Return the engine that gives the second opinion for a method, with its version."""
    return f"{ENGINES[method]} {version(ENGINES[method])}"


def comparable(stats: Sequence[str], method: str, raster: Raster) -> list[str]:
    """Return ``count`` and those of the statistics that the other engine has, and means the same by."""
    known = {*_KNOWN}
    if method == "center" and not np.isnan(raster.values[raster.missing]).any():
        known |= {"nodata", "nan"}  # where NaN is the nodata value, rasterstats cannot tell the two apart
    return list(dict.fromkeys([*(s for s in stats if s in known or s.startswith("percentile_")), "count"]))


def second_opinion(
    geometries: Sequence[object] | np.ndarray,
    raster: Raster,
    method: str,
    stats: Sequence[str],
    classes: Mapping[str, float] = MappingProxyType({}),
    min_coverage: float = 0.0,
) -> list[Answer]:
    """Return statistics of a raster for each polygon as the other engine has them.

    Args:
        geometries: shapely polygons [n] in the grid's CRS.
        raster: the values.
        method: ``center``, ``all_touched`` or ``coverage``.
        stats: of :func:`comparable`.
        classes: name → value, whose cells to count as well.
        min_coverage: with ``coverage``, cells of which a smaller fraction is covered do not count.

    Returns:
        Answers that are right: name → float64 [n], NaN where the engine has no number. There are two where it cannot
        tell whether a zone overlaps a cell, or enough of it, with and without such cells.
    """
    raster = raster.north_up()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the engines' own, on NaN and on libraries they use
        if method == "center":
            ask = partial(_ask_rasterstats, geometries)
        else:
            ask = partial(_ask_exactextract, _covered_cells(geometries, raster.grid), method, min_coverage)
        answers = ask(raster, list(stats))
        for name, value in classes.items():
            of_class = replace(raster, values=np.where(_is(raster.values, value), 1.0, np.nan))
            for answer, counted in zip(answers, ask(of_class, ["count"]), strict=True):
                answer[name] = counted["count"]
    return answers


def _is(values: np.ndarray, value: float) -> np.ndarray:
    """Return which values are of a class: one that is not whole is known by nine digits."""
    near = 0 if float(value).is_integer() else 1e-8
    same: np.ndarray = np.isclose(values, value, rtol=near, atol=0)
    return same


# ---------------------------------------------------------------------------------------------------------- rasterstats


def _ask_rasterstats(geometries: Sequence[object] | np.ndarray, raster: Raster, stats: list[str]) -> list[Answer]:
    import rasterstats
    from affine import Affine

    derived = {"variance", "cv"} & set(stats)  # rasterstats has not these
    asked = list(
        dict.fromkeys([*(name for name in stats if name not in derived), *(("mean", "std") if derived else ())])
    )

    def ask(array: np.ndarray, names: list[str], *, cells: bool = False) -> list[dict]:
        found: list[dict] = rasterstats.zonal_stats(
            list(geometries),
            array,
            affine=Affine(*raster.grid.transform),
            nodata=_NODATA,
            stats=names,
            raster_out=cells,
        )
        return found

    array = np.where(raster.missing, _NODATA, raster.values)
    answers = ask(array, asked)
    found = {name: np.array([answer[name] for answer in answers], np.float64) for name in asked}
    for name in derived:
        found[name] = _DERIVED[name](found["mean"], found["std"])
    if raster.weights is None:
        return [found]
    pairs = zip(ask(array, [], cells=True), ask(raster.weights, [], cells=True), strict=True)
    for i, (value, weight) in enumerate(pairs):
        v, w = value["mini_raster_array"], weight["mini_raster_array"]
        there = ~np.ma.getmaskarray(v) & ~np.ma.getmaskarray(w)
        if not there.any():
            continue  # a zone without data has no sum either
        for name in {"mean", "sum", "std", "variance", "cv"} & {*found}:
            found[name][i] = _NUMPY[name](_Data(v.data[there], np.ones(there.sum()), w.data[there]))
    return [found]


# --------------------------------------------------------------------------------------------------------- exactextract


@dataclass(frozen=True)
class _Covered:
    """The cells that a zone covers, as flat numbers on the grid, and the fraction of each."""

    cell: np.ndarray
    fraction: np.ndarray

    def above(self, share: float) -> "_Covered":
        """Return the cells of which more than a share is covered."""
        return _Covered(self.cell[self.fraction > share], self.fraction[self.fraction > share])


def _covered_cells(geometries: Sequence[object] | np.ndarray, grid: Grid) -> list[_Covered]:
    import geopandas
    from exactextract import exact_extract
    from exactextract.raster import NumPyRasterSource

    west, south, east, north = grid.bounds
    source = NumPyRasterSource(np.zeros(grid.shape, np.uint8), west, south, east, north)
    zones = geopandas.GeoDataFrame(geometry=list(geometries), crs=grid.crs)
    frame = exact_extract(source, zones, ["cell_id", "coverage"], output="pandas")
    return [
        _Covered(np.asarray(cell, np.int64), np.asarray(fraction, np.float64))
        for cell, fraction in zip(frame["cell_id"], frame["coverage"], strict=True)
    ]


@dataclass(frozen=True)
class _Data:
    """The cells of one zone that hold data: value, fraction, and fraction × the cell's weight; float64 [n_cells]."""

    value: np.ndarray
    fraction: np.ndarray
    weight: np.ndarray

    @property
    def classes(self) -> tuple[np.ndarray, np.ndarray]:
        """The different values, rising, and the sum of the fractions of each."""
        value, number = np.unique(self.value, return_inverse=True)
        return value, np.bincount(number, self.fraction)


def _ask_exactextract(
    zones: list[_Covered], method: str, min_coverage: float, raster: Raster, stats: list[str]
) -> list[Answer]:
    low, high = (max(0.0, min_coverage - _ROUNDING), min_coverage + _ROUNDING) if min_coverage else (0.0, _DOUBTFUL)
    exact = np.float32(min_coverage)  # is enough
    doubtful = any(((low < z.fraction) & (z.fraction <= high) & (z.fraction != exact)).any() for z in zones)
    least = (low, high) if doubtful else (low,)
    return [_reduce_cells([zone.above(share) for zone in zones], raster, method, stats) for share in least]


def _reduce_cells(zones: list[_Covered], raster: Raster, method: str, stats: list[str]) -> Answer:
    values = np.where(raster.missing, np.nan, raster.values).reshape(-1)
    weights = None if raster.weights is None else raster.weights.reshape(-1)
    answer = {name: np.full(len(zones), np.nan) for name in stats}
    for i, zone in enumerate(zones):
        there = ~np.isnan(values[zone.cell])
        cell = zone.cell[there]
        fraction = zone.fraction[there] if method == "coverage" else np.ones(len(cell))
        data = _Data(values[cell], fraction, fraction if weights is None else fraction * weights[cell])
        for name in stats:
            if name == "count":
                answer[name][i] = data.fraction.sum()
            elif len(cell):
                answer[name][i] = _statistic(name, fractional=method == "coverage")(data)
    return answer


def _statistic(name: str, *, fractional: bool) -> Callable[[_Data], float]:
    if name == "median" or name.startswith("percentile_"):
        share = 0.5 if name == "median" else float(name.partition("_")[2]) / 100
        return lambda data: _quantile(data, share)
    if name == "majority" and fractional:
        return lambda data: float(data.classes[0][::-1][data.classes[1][::-1].argmax()])  # of several the largest
    return _NUMPY[name]


def _quantile(data: _Data, share: float) -> float:
    """Return the weighted quantile of type 7, where cells of equal value share their fractions equally.

    Cell k (from 0) of n in order of value, with fraction c(k), stands at k c(k) + (n − 1) (c(0) + … + c(k − 1)); the
    quantile is linear between the cells around share · (n − 1) · Σ c.
    """
    value, number, cells = np.unique(data.value, return_inverse=True, return_counts=True)
    fraction = np.repeat(np.bincount(number, data.fraction) / cells, cells)
    n = len(fraction)
    stands_at = np.arange(n) * fraction + (n - 1) * (np.cumsum(fraction) - fraction)
    return float(np.interp(share * (n - 1) * fraction.sum(), stands_at, np.repeat(value, cells)))


def _mean(data: _Data) -> float:
    total = data.weight.sum()
    return float((data.weight * data.value).sum() / total) if total > 0 else np.nan


def _std(data: _Data) -> float:
    mean, total = _mean(data), data.weight.sum()
    return float(np.sqrt((data.weight * (data.value - mean) ** 2).sum() / total)) if total > 0 else np.nan


def _coefficient(mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(mean == 0, np.nan, std / mean)


_DERIVED: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "variance": lambda mean, std: std**2,
    "cv": _coefficient,
}
_NUMPY: dict[str, Callable[[_Data], float]] = {
    "min": lambda data: float(data.value.min()),
    "max": lambda data: float(data.value.max()),
    "mean": _mean,
    "sum": lambda data: float((data.weight * data.value).sum()),
    "std": _std,
    "variance": lambda data: _std(data) ** 2,
    "cv": lambda data: float(_coefficient(np.array(_mean(data)), np.array(_std(data)))),
    "majority": lambda data: float(data.classes[0][data.classes[1].argmax()]),
    "minority": lambda data: float(data.classes[0][data.classes[1].argmin()]),
    "unique": lambda data: float(len(data.classes[0])),
}
