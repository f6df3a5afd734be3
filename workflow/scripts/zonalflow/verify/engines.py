"""A second opinion on a few zones: rasterstats where cells count whole, exactextract for fractions.

Neither shares code with the zone index. Both get the raster in float64 with NaN where data is missing, so
that what differs is the choice of cells and the arithmetic, not how many digits a sum carries along.
"""

import warnings
from collections.abc import Sequence
from importlib.metadata import version

import numpy as np

from zonalflow.geometry.grid import Grid

ENGINES = {"center": "rasterstats", "all_touched": "rasterstats", "coverage": "exactextract"}
# Relative. exactextract holds fractions in float32, and so does the index; whole cells leave only float64
# sums.
TOLERANCE = {"center": 1e-9, "all_touched": 1e-9, "coverage": 1e-5}

_NODATA = float(np.finfo(np.float64).min)
_OPERATIONS = {
    "count": "count", "min": "min", "max": "max", "mean": "mean", "sum": "sum", "std": "stdev",
    "median": "median", "majority": "majority", "minority": "minority", "unique": "variety",
}  # fmt: skip
_WEIGHED = ("mean", "sum", "std")


def engine_name(method: str) -> str:
    """Return the engine that gives the second opinion for a method, with its version."""
    return f"{ENGINES[method]} {version(ENGINES[method])}"


def comparable(stats: Sequence[str], method: str) -> list[str]:
    """Return those of the statistics that the other engine has, and ``count``."""
    known = {*_OPERATIONS, *([] if method == "coverage" else ["nodata", "nan"])}
    return list(dict.fromkeys([*(s for s in stats if s in known or s.startswith("percentile_")), "count"]))


def second_opinion(
    geometries: Sequence, values: np.ndarray, missing: np.ndarray, grid: Grid, method: str, stats: Sequence[str],
    weights: np.ndarray | None = None,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Return statistics of a raster for each polygon as the other engine has them, NaN where it has none.

    Args:
        geometries: shapely polygons [n] in the grid's CRS.
        values: float64 on the grid, NaN where the file says NaN.
        missing: which cells hold the nodata value, bool on the grid.
        grid: where the values lie.
        method: ``center``, ``all_touched`` or ``coverage``.
        stats: of :func:`comparable`.
        weights: of the cells, float64 on the grid, or None.

    Returns:
        name → float64 [n]
    """
    if grid.transform[4] > 0:  # neither engine reads rasters whose first row is the southernmost
        values, missing, grid = values[::-1], missing[::-1], _north_up(grid)
        weights = None if weights is None else weights[::-1]
    ask = _ask_exactextract if method == "coverage" else _ask_rasterstats
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the engines' own, on NaN and on libraries they use
        return ask(geometries, values, missing, grid, method == "all_touched", list(stats), weights)


def class_counts(
    geometries: Sequence, values: np.ndarray, missing: np.ndarray, grid: Grid, method: str, classes: Sequence[float]
) -> dict[float, np.ndarray]:
    """Return the cells of each class in each polygon as the other engine counts them, float64 [n]; 0 for none.

    The arguments are those of :func:`second_opinion`; ``classes`` are the values to count.
    """
    cells = {
        value: second_opinion(geometries, np.where(_is(values, value), 1.0, np.nan), missing, grid, method, ["count"])
        for value in classes
    }
    return {value: found["count"] for value, found in cells.items()}


def _is(values: np.ndarray, value: float) -> np.ndarray:
    """Return which values are of a class: one that is not whole is known by nine digits."""
    return values == value if float(value).is_integer() else np.isclose(values, value, rtol=1e-8, atol=0)


def _north_up(grid: Grid) -> Grid:
    a, b, c, d, e, f = grid.transform
    return Grid(grid.crs, (a, b, c, d, -e, f + e * grid.height), grid.width, grid.height)


def _ask_rasterstats(geometries, values, missing, grid, all_touched, stats, weights) -> dict[str, np.ndarray]:
    import rasterstats
    from affine import Affine

    def ask(array: np.ndarray, names: list[str], **options) -> list[dict]:
        place = Affine(*grid.transform)
        return rasterstats.zonal_stats(
            list(geometries),
            array,
            affine=place,
            nodata=_NODATA,
            stats=names,
            all_touched=all_touched,
            **options,
        )

    array = np.where(missing, _NODATA, values)
    answers = ask(array, stats)
    found = {name: np.array([answer[name] for answer in answers], np.float64) for name in stats}
    if weights is None:
        return found
    pairs = zip(ask(array, [], raster_out=True), ask(weights, [], raster_out=True), strict=True)
    for i, (value, weight) in enumerate(pairs):
        v, w = value["mini_raster_array"], weight["mini_raster_array"]
        there = ~np.ma.getmaskarray(v) & ~np.ma.getmaskarray(w)
        numbers = _weighed(v.data[there], w.data[there])
        for name in set(stats) & set(numbers):
            found[name][i] = numbers[name]
    return found


def _weighed(v: np.ndarray, w: np.ndarray) -> dict[str, float]:
    total = w.sum()
    if not len(v):
        return dict.fromkeys(_WEIGHED, np.nan)
    mean = (w * v).sum() / total if total > 0 else np.nan
    spread = (w * (v - mean) ** 2).sum() / total if total > 0 else np.nan
    return {"mean": mean, "sum": (w * v).sum(), "std": np.sqrt(spread)}


def _ask_exactextract(geometries, values, missing, grid, _, stats, weights) -> dict[str, np.ndarray]:
    import geopandas
    from exactextract import exact_extract
    from exactextract.raster import NumPyRasterSource

    def source(array: np.ndarray, name: str) -> NumPyRasterSource:
        west, south, east, north = grid.bounds
        return NumPyRasterSource(np.ascontiguousarray(array), west, south, east, north, name=name)

    names = list(dict.fromkeys(["count", *stats]))
    operations = [_operation(name, weights is not None) for name in names]
    zones = geopandas.GeoDataFrame(geometry=list(geometries), crs=grid.crs)
    frame = exact_extract(
        source(np.where(missing, np.nan, values), "values"), zones, operations, output="pandas",
        weights=None if weights is None else source(weights, "weights"),
    )  # fmt: skip
    found = {name: frame.iloc[:, i].to_numpy(np.float64).copy() for i, name in enumerate(names)}
    for name in names[1:]:
        found[name][found["count"] == 0] = np.nan  # where it says 0 of nothing
    return {name: found[name] for name in stats}


def _operation(name: str, weighted: bool) -> str:
    if name.startswith("percentile_"):
        return f"quantile(q={float(name.partition('_')[2]) / 100:.12g})"
    prefix = "weighted_" if weighted and name in _WEIGHED else ""
    return prefix + _OPERATIONS[name]
