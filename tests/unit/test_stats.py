"""The statistics: by hand, against rasterstats and exactextract, and against float64 arithmetic."""

import dataclasses
import warnings

import numpy as np
import oracles
import pytest
import rasterstats
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from zonalflow.common.errors import ConfigError, RasterError
from zonalflow.geometry.grid import Grid
from zonalflow.index.build import build_index
from zonalflow.rasters.nodata import is_missing
from zonalflow.stats.statistics import STATISTICS, parse_stats
from zonalflow.stats.statistics import zonal_statistics as one_way

SAME = ["count", "min", "max", "majority", "minority", "unique", "nodata", "range"]
CLOSE = ["mean", "sum", "std", "median", "percentile_10", "percentile_90", "percentile_33.3"]

GRID = Grid("EPSG:4269", (1 / 24, 0, -87.520833, 0, -1 / 24, 31.020833), 60, 50)
FOUR = Grid("EPSG:4269", (1.0, 0, 0.0, 0, -1.0, 2.0), 2, 2)  # x 0 … 2, y 2 … 0
ALL_FOUR = np.array([shapely.box(0, 0, 2, 2)])


def zonal_statistics(index, values, nodata=None, stats=("mean",)):
    """Return the statistics, after checking that they are the same in low strips and small blocks, to the last bit."""
    found = one_way(index, values, nodata, stats)
    low = dataclasses.replace(index)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("zonalflow.stats.plan.STRIP", 3 * index.shape[1])
        patch.setattr("zonalflow.stats.strips.SUB_BLOCK", 60)
        same_bits(found, one_way(low, values, nodata, stats, workers=2))
    return found


def same_bits(one, other):
    assert list(one) == list(other)
    for name in one:
        if name == "categorical":
            assert list(one[name]) == list(other[name])
            assert [a.tobytes() for a in one[name].values()] == [a.tobytes() for a in other[name].values()]
        else:
            assert one[name].tobytes() == other[name].tobytes(), name


def some_zones(n=80, seed=0):
    """Zones of all kinds: large and overlapping, sub-cell, partly or all off the grid, empty, with holes."""
    rng = np.random.default_rng(seed)
    west, south, east, north = GRID.bounds
    x, y = rng.uniform(west - 0.2, east + 0.2, n), rng.uniform(south - 0.2, north + 0.2, n)
    discs = shapely.buffer(shapely.points(x, y), rng.choice([0.01, 0.1, 0.6], n), quad_segs=4)
    rings = shapely.difference(discs, shapely.buffer(shapely.points(x + 0.05, y), 0.08))
    outside = [shapely.box(0, 0, 1, 1), shapely.box(west - 1, south, west - 0.5, north)]
    return np.array([*rings, shapely.MultiPolygon(list(discs[:2])), *outside, shapely.Polygon()], dtype=object)


def rasters():
    rng = np.random.default_rng(3)
    values = rng.gamma(2.0, 500.0, GRID.shape)
    holes = rng.random(GRID.shape) < 0.1
    whole = rng.integers(0, 6, GRID.shape)
    all_missing = np.full(GRID.shape, -9999.0)
    return {
        "float32": (np.where(holes, -9999, values).astype(np.float32), -9999.0),
        "float64": (np.where(holes, -9999, values), -9999.0),
        "float64 about zero": (np.where(holes, -9999, values - values.mean()), -9999.0),
        "complete": (values.astype(np.float32), -9999.0),
        "nothing but nodata": (all_missing.astype(np.float32), -9999.0),
        "NaN and nodata": (np.where(holes, np.nan, np.where(values > 2500, -9999, values)), -9999.0),
        "uint8": (np.where(holes, 255, whole).astype(np.uint8), 255),
        "int16": (np.where(holes, -1, whole * 1000).astype(np.int16), -1),
        "int32": (np.where(holes, -(2**31), whole).astype(np.int32), -(2**31)),
        "big-endian": (np.where(holes, -9999, values).astype(">f4"), -9999.0),
    }


@pytest.mark.parametrize("method", ["center", "all_touched"])
@pytest.mark.parametrize("kind", rasters())
def test_the_numbers_of_rasterstats(kind, method):
    values, nodata = rasters()[kind]
    zones = some_zones()
    index = build_index(zones, GRID, method)
    found = zonal_statistics(index, values, nodata, [*SAME, *CLOSE, "nan"])
    for zone, geometry in enumerate(zones):
        if geometry.is_empty:  # rasterstats raises
            assert found["count"][zone] == 0 and np.isnan(found["mean"][zone]) and np.isnan(found["nodata"][zone])
            continue
        if method == "all_touched":
            expected, _ = oracles.rasterized(geometry, GRID, all_touched=True)
            row, column, _ = index.cells(zone)
            if differ := expected ^ set(zip(row.tolist(), column.tolist(), strict=True)):
                assert all(oracles.gdal_may_err(geometry, GRID, cell) for cell in differ)
                continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NaN in its own arithmetic, and the affine package's news
            [expected] = rasterstats.zonal_stats(
                [geometry], values.astype(values.dtype.newbyteorder("=")), affine=Affine(*GRID.transform),
                nodata=nodata, stats=[*SAME, *CLOSE, "nan"], all_touched=method == "all_touched",
            )  # fmt: skip
        expected = {name: np.nan if value is None else value for name, value in expected.items()}
        for name in (*SAME, "nan"):
            assert np.array_equal(found[name][zone], expected[name], equal_nan=True), (name, zone)
        tolerance = 1e-6 if values.dtype.itemsize == 4 else 1e-12
        scale = float(np.nanmax([np.abs(expected["min"]), np.abs(expected["max"]), 0]))
        for name in CLOSE:
            times = expected["count"] if name == "sum" else 1
            near = pytest.approx(expected[name], rel=tolerance, abs=tolerance * scale * times, nan_ok=True)
            assert found[name][zone] == near, (name, zone)


@pytest.mark.parametrize(
    "kind", sorted(rasters().keys() - {"NaN and nodata"})
)  # exactextract knows one kind of missing
def test_the_numbers_of_exactextract(kind):
    values, nodata = rasters()[kind]
    zones = np.array([zone for zone in some_zones() if not zone.is_empty])
    operations = {
        "count": "count", "mean": "mean", "sum": "sum", "std": "stdev",
        "variance": "variance", "cv": "coefficient_of_variation", "min": "min", "max": "max",
        "median": "median", "percentile_90": "quantile(q=0.9)", "unique": "variety", "majority": "majority",
    }  # fmt: skip
    as_float = values.astype(np.float64)  # of integers it gives quantiles as integers
    expected = oracles.exact_extract(zones, as_float, GRID, list(operations.values()), nodata)
    found = zonal_statistics(build_index(zones, GRID, "coverage"), values, nodata, list(operations))
    scale = float(np.abs(as_float).max())
    for name, operation in operations.items():
        column = expected["quantile_90" if name == "percentile_90" else operation].to_numpy(np.float64)
        if name in ("sum", "unique"):  # exactextract says 0 of a zone without data
            column = np.where(expected["count"] > 0, column, np.nan)
        if operation in ("median", "quantile(q=0.9)") and values.dtype.kind in "iu":
            continue  # of equal values exactextract makes one cell
        if name == "cv":  # about zero it has no size of its own
            column, found[name] = column * expected["mean"].to_numpy(), found[name] * found["mean"]
        tolerance = {"mean": 1e-9, "unique": 0, "min": 0, "max": 0, "majority": 0}.get(name, 1e-7)
        assert found[name] == pytest.approx(column, rel=tolerance, abs=tolerance * scale, nan_ok=True), name


def direct(values, weights, fractions):
    """The definitions, spelled out in float64 for one zone."""
    total = np.sum(weights)
    mean = np.sum(weights * values) / total
    return {
        "count": np.sum(fractions),
        "sum": np.sum(weights * values),
        "mean": mean,
        "std": np.sqrt(np.sum(weights * (values - mean) ** 2) / total),
        "min": values.min(),
        "max": values.max(),
    }


@pytest.mark.parametrize("method", ["center", "all_touched", "coverage"])
@pytest.mark.parametrize("weights", [None, "area", "raster"])
@pytest.mark.parametrize("kind", ["float32", "float64", "NaN and nodata", "uint8"])
def test_float64_arithmetic_on_the_same_cells(method, weights, kind):
    values, nodata = rasters()[kind]
    zones = some_zones(seed=5)
    population = np.random.default_rng(7).gamma(0.3, 50, GRID.shape)
    population[:5] = np.nan  # no weight there
    given_weights = population if weights == "raster" else weights
    cell_weight = {
        None: np.ones(GRID.shape),
        "area": np.broadcast_to(GRID.row_areas()[:, None], GRID.shape),
        "raster": np.nan_to_num(population),
    }[weights]
    index = build_index(zones, GRID, method, weights=given_weights)
    found = zonal_statistics(index, values, nodata, ["mean", "sum", "std", "min", "max"])
    for zone in range(len(zones)):
        row, column, fraction = index.cells(zone)
        value = values[row, column].astype(np.float64)
        there = ~np.isnan(value) & (value != nodata)
        share = fraction[there].sum() / fraction.sum() if len(fraction) else np.nan
        assert found["valid_fraction"][zone] == pytest.approx(share, abs=1e-12, nan_ok=True)
        if not there.any():
            assert found["count"][zone] == 0 and np.isnan(found["mean"][zone]) and np.isnan(found["min"][zone])
            continue
        weight = (cell_weight[row, column] * fraction)[there]
        if weight.sum() == 0:
            assert np.isnan(found["mean"][zone]) and found["sum"][zone] == 0
            continue
        for name, expected in direct(value[there], weight, fraction[there]).items():
            assert found[name][zone] == pytest.approx(expected, rel=1e-12), (name, zone)


def test_four_cells_by_hand():
    values = np.array([[1.0, 2.0], [2.0, 7.0]])
    stats = [
        "count",
        "min",
        "max",
        "range",
        "mean",
        "sum",
        "std",
        "median",
        "majority",
        "minority",
        "unique",
        "nodata",
    ]
    found = zonal_statistics(build_index(ALL_FOUR, FOUR), values, -1.0, [*stats, "percentile_25", "percentile_100"])
    by_hand = {
        "count": 4, "min": 1, "max": 7, "range": 6, "mean": 3, "sum": 12,
        "std": np.sqrt((4 + 1 + 1 + 16) / 4), "median": 2, "majority": 2, "minority": 1, "unique": 3,
        "nodata": 0, "percentile_25": 1.75, "percentile_100": 7, "valid_fraction": 1,
    }  # fmt: skip
    assert {name: value[0] for name, value in found.items()} == pytest.approx(by_hand)
    assert found["count"].dtype == np.int64


def test_one_cell_missing_by_hand():
    values = np.array([[1.0, -9.0], [2.0, np.nan]])
    found = zonal_statistics(build_index(ALL_FOUR, FOUR), values, -9.0, ["mean", "nodata", "nan"])
    assert {name: value[0] for name, value in found.items()} == {
        "mean": 1.5, "nodata": 1, "nan": 1, "count": 2, "valid_fraction": 0.5
    }  # fmt: skip


def test_coverage_by_hand():
    # x 0.5 … 2, y 0 … 1.5: fractions 0.25 and 0.5 in the first row, 0.5 and 1 in the second
    index = build_index(np.array([shapely.box(0.5, 0, 2, 1.5)]), FOUR, "coverage")
    values = np.array([[8.0, 4.0], [6.0, 1.0]])
    found = zonal_statistics(index, values, None, ["mean", "sum", "std", "median", "majority", "categorical"])
    mean = (0.25 * 8 + 0.5 * 4 + 0.5 * 6 + 1 * 1) / 2.25
    spread = 0.25 * (8 - mean) ** 2 + 0.5 * (4 - mean) ** 2 + 0.5 * (6 - mean) ** 2 + (1 - mean) ** 2
    assert found["count"][0] == 2.25 and found["sum"][0] == 8 and found["mean"][0] == pytest.approx(mean)
    assert found["std"][0] == pytest.approx(np.sqrt(spread / 2.25))
    # values 1, 4, 6, 8 with C = 1, .5, .5, .25: S = 0, 1·.5 + 3·1, 2·.5 + 3·1.5, 3·.25 + 3·2 = 0, 3.5, 5.5,
    # 6.75; the median is sought at 3.375, between 0 and 3.5
    assert found["median"][0] == pytest.approx(1 + 3 * 3.375 / 3.5)
    assert found["majority"][0] == 1
    assert {value: count[0] for value, count in found["categorical"].items()} == {
        1: 1,
        4: 0.5,
        6: 0.5,
        8: 0.25,
    }


ROW = Grid("EPSG:4269", (1.0, 0, 0.0, 0, -1.0, 1.0), 4, 1)  # x 0 … 4


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "int64"])
def test_percentiles_of_equal_values_by_hand(dtype):
    # all fractions 1: type 7 of 0, 0, 0, 10, at 0.5 · 3 = 1.5, 0.25 · 3 = 0.75, and 0.9 · 3 = 2.7: 0.7 of the way
    whole = build_index(np.array([shapely.box(0, 0, 4, 1)]), ROW, "coverage")
    stats = ["median", "percentile_25", "percentile_90", "percentile_100"]
    found = zonal_statistics(whole, np.array([[0, 10, 0, 0]], dtype), None, stats)
    assert [found[name][0] for name in stats] == pytest.approx([0, 0, 7, 10], rel=1e-12)
    # x 0.5 … 3.25: fractions 0.5, 1, 1, 0.25 of the values 4, 2, 4, 8. By value: 2 with 1; twice 4 with 0.75 each; 8
    # with 0.25. S = 0; 1 · 0.75 + 3 · 1 = 3.75, 2 · 0.75 + 3 · 1.75 = 6.75; 3 · 0.25 + 3 · 2.5 = 8.25 of 3 · 2.75
    partial = build_index(np.array([shapely.box(0.5, 0, 3.25, 1)]), ROW, "coverage")
    found = zonal_statistics(partial, np.array([[4, 2, 4, 8]], dtype), None, stats)
    assert found["percentile_25"][0] == pytest.approx(2 + 2 * (0.25 * 8.25) / 3.75, rel=1e-12)
    assert found["median"][0] == 4  # sought at 4.125, between the two fours
    assert found["percentile_90"][0] == pytest.approx(4 + 4 * (0.9 * 8.25 - 6.75) / 1.5, rel=1e-12)


def test_percentiles_of_whole_cells_are_those_of_numpy():
    values = np.random.default_rng(8).integers(0, 7, GRID.shape).astype(np.int16)
    a, _, c, _, e, f = GRID.transform
    zones = [shapely.box(c, f + e * row, c + a * (5 + row), f + e * (row - 3)) for row in range(3, 50)]
    names = [f"percentile_{q}" for q in (0, 5, 25, 50, 66.6, 90, 100)]
    found = zonal_statistics(build_index(np.array(zones), GRID, "coverage"), values, None, names)
    for zone, row in enumerate(range(3, 50)):
        cells = values[row - 3 : row, : 5 + row]
        expected = np.percentile(cells, [0, 5, 25, 50, 66.6, 90, 100])
        assert [found[name][zone] for name in names] == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_percentiles_by_their_definition():
    values = np.random.default_rng(9).integers(0, 12, GRID.shape).astype(np.float32)
    index = build_index(some_zones(), GRID, "coverage")
    found = zonal_statistics(index, values, None, ["median", "percentile_3", "percentile_97.5"])
    for zone in np.flatnonzero(found["count"]):
        row, column, fraction = index.cells(zone)
        for name, q in (("median", 50), ("percentile_3", 3), ("percentile_97.5", 97.5)):
            assert found[name][zone] == pytest.approx(
                oracles.direct_percentile(values[row, column], fraction, q), abs=1e-9
            )


def test_weights_by_hand():
    values = np.array([[1.0, 3.0], [5.0, 7.0]])
    found = zonal_statistics(build_index(ALL_FOUR, FOUR, weights="area"), values, None, ["mean", "count"])
    upper, lower = np.cos(np.radians([1.5, 0.5]))
    assert found["mean"][0] == pytest.approx((upper * (1 + 3) + lower * (5 + 7)) / (2 * upper + 2 * lower), rel=1e-12)
    assert found["count"][0] == 4
    population = np.array([[0.0, 10.0], [30.0, np.nan]])
    index = build_index(ALL_FOUR, FOUR, weights=population)
    found = zonal_statistics(index, values, None, ["mean", "sum", "median", "max"])
    assert found["mean"][0] == (10 * 3 + 30 * 5) / 40 and found["sum"][0] == 180
    assert found["median"][0] == 4 and found["max"][0] == 7, "weights enter mean, sum and std only"


def test_a_huge_weight_leaves_other_zones_alone():
    # the first zone's weights are 1, 3.4e38 and 1, and a running sum over the row would lose the ones after them
    grid = Grid("EPSG:4269", (1.0, 0, 0.0, 0, -1.0, 1.0), 40, 1)
    weights = np.ones((1, 40))
    weights[0, 1] = 3.4e38
    zones = np.array([shapely.box(0, 0, 3, 1), shapely.box(3, 0, 33, 1), shapely.box(33, 0, 40, 1)])
    index = build_index(zones, grid, weights=weights)
    found = zonal_statistics(index, np.arange(40.0)[np.newaxis], None, ["mean", "sum"])
    assert found["mean"].tolist() == [1, (3 + 32) / 2, (33 + 39) / 2]
    assert found["sum"][1:].tolist() == [30 * 35 / 2, 7 * 36]


def test_ties_of_majority_and_minority():
    values = np.array([[3, 1], [1, 3]], np.uint8)
    found = zonal_statistics(build_index(ALL_FOUR, FOUR), values, None, ["majority", "minority"])
    assert (found["majority"][0], found["minority"][0]) == (1, 1)  # rasterstats: the smallest
    found = zonal_statistics(build_index(ALL_FOUR, FOUR, "coverage"), values, None, ["majority", "minority"])
    assert (found["majority"][0], found["minority"][0]) == (3, 1)  # exactextract: the largest, the smallest


def test_classes_are_counted():
    zones = np.array([shapely.box(0, 0, 2, 2), shapely.box(0, 1, 2, 2), None], dtype=object)
    values = np.array([[11, 42], [42, 255]], np.uint8)
    found = zonal_statistics(build_index(zones, FOUR), values, 255, ["categorical"])["categorical"]
    assert {value: count.tolist() for value, count in found.items()} == {11: [1, 1, 0], 42: [2, 1, 0]}
    assert all(isinstance(value, int) and count.dtype == np.int64 for value, count in found.items())
    nothing = zonal_statistics(build_index(zones, FOUR), np.full((2, 2), 255, np.uint8), 255, ["categorical"])
    assert nothing["categorical"] == {}


@pytest.mark.parametrize(
    ("values", "nodata", "missing"),
    [
        (np.float32([-9999, -9998.99]), -9999, [True, False]),
        (np.float32([0.1, 0.2]), 0.1, [True, False]),  # float32(0.1) is not 0.1
        (
            np.float32([-3.4028235e38, -3.39e38, 1.0]),
            -3.4e38,
            [True, True, False],
        ),  # "the lowest float" in few digits
        (np.float64([-3.4028234663852886e38, 1.0]), -3.4e38, [True, False]),
        (np.float32([3.4028235e38, -3.4028235e38]), 3.4e38, [True, False]),
        (np.float64([-1.7976931348623157e308, 0]), -1.797e308, [True, False]),
        (np.float32([9.96921e36, 1]), 9.969209968386869e36, [True, False]),  # netCDF's default
        (np.float32([np.nan, 1]), -9999, [True, False]),
        (np.float32([np.nan, 1]), np.nan, [True, False]),
        (np.float32([np.nan, -9999]), None, [True, False]),
        (np.float32([np.nan, -9999]), "none", [True, False]),
        (np.float32([np.inf, 1]), np.inf, [True, False]),
        (np.uint8([255, 0]), 255.0, [True, False]),
        (np.uint8([241, 0]), -9999, [False, False]),  # -9999 modulo 256 is 241
        (np.int16([-1, 0]), -1, [True, False]),
        (np.int64([2**62, 0]), 2**62, [True, False]),
        (np.uint8([1, 0]), 0.5, [False, False]),
    ],
)
def test_what_is_nodata(values, nodata, missing):
    assert is_missing(values, nodata).tolist() == missing


def test_infinity_is_data_as_in_rasterstats():
    values = np.array([[np.inf, 1.0], [2.0, -np.inf]])
    found = zonal_statistics(build_index(ALL_FOUR, FOUR), values, None, ["count", "min", "max", "sum"])
    assert (found["count"][0], found["min"][0], found["max"][0]) == (4, -np.inf, np.inf)
    assert np.isnan(found["sum"][0])


@settings(deadline=None, derandomize=True, max_examples=200)
@given(
    hnp.arrays(np.float64, (6, 5), elements=st.floats(-1e6, 1e6) | st.just(-9999.0) | st.just(np.nan)),
    st.lists(st.tuples(st.integers(-1, 4), st.integers(-1, 5), st.integers(1, 5), st.integers(1, 5)), max_size=6),
)
def test_any_raster_and_any_boxes(values, boxes):
    grid = Grid("EPSG:4269", (1.0, 0, 0.0, 0, -1.0, 6.0), 5, 6)
    zones = np.array([shapely.box(x, 6 - y - h, x + w, 6 - y) for x, y, w, h in boxes], dtype=object)
    found = zonal_statistics(build_index(zones, grid), values, -9999.0, ["mean", "min", "max", "median", "unique"])
    for zone, (x, y, w, h) in enumerate(boxes):
        inside = values[max(y, 0) : max(y + h, 0), max(x, 0) : max(x + w, 0)]
        data = inside[~np.isnan(inside) & (inside != -9999)]
        assert found["count"][zone] == len(data)
        if len(data):
            assert found["mean"][zone] == pytest.approx(data.mean(), rel=1e-12, abs=1e-9)
            assert (found["min"][zone], found["max"][zone]) == (data.min(), data.max())
            assert found["median"][zone] == pytest.approx(np.median(data), rel=1e-12)
            assert found["unique"][zone] == len(np.unique(data))
        else:
            assert all(np.isnan(found[name][zone]) for name in ("mean", "min", "max", "median", "unique"))


ALL_STATISTICS = [*STATISTICS, "percentile_33", "nodata", "nan", "categorical"]


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("stats", [ALL_STATISTICS, ["mean", "min", "count"]], ids=["all", "adding"])
@pytest.mark.parametrize("method", ["center", "coverage"])
@pytest.mark.parametrize("kind", ["NaN and nodata", "uint8", "int16", "float32"])
def test_strips_blocks_and_workers_change_no_bit(kind, stats, method, workers, monkeypatch):
    values, nodata = rasters()[kind]
    zones = some_zones()
    whole = one_way(build_index(zones, GRID, method, weights="area"), values, nodata, stats)
    for strip, block in ((1, 1), (130, 100), (10**6, 130), (777, 10**6)):
        monkeypatch.setattr("zonalflow.stats.plan.STRIP", strip)
        monkeypatch.setattr("zonalflow.stats.strips.SUB_BLOCK", block)
        index = build_index(zones, GRID, method, weights="area")
        for _ in range(2):  # the second time with what a small index keeps
            same_bits(whole, one_way(index, values, nodata, stats, workers=workers))


def test_the_window_or_the_whole_grid_will_do():
    values, nodata = rasters()["float32"]
    west, south, *_ = GRID.bounds
    index = build_index(np.array([shapely.box(west + 0.3, south + 0.4, west + 1, south + 0.9)]), GRID, "center")
    row0, row1, col0, col1 = index.window
    assert index.shape != GRID.shape
    whole = zonal_statistics(index, values, nodata, ["mean", "median"])
    window = zonal_statistics(index, values[row0:row1, col0:col1].copy(), nodata, ["mean", "median"])
    assert whole["mean"][0] == window["mean"][0] and whole["median"][0] == window["median"][0]
    with pytest.raises(RasterError, match="neither those of the index's window"):
        zonal_statistics(index, values[1:], nodata)


def test_names():
    assert parse_stats(["mean", "percentile_97.5", "mean"]) == ["mean", "percentile_97.5"]
    assert parse_stats("min max") == ["min", "max"]
    with pytest.raises(ConfigError, match="'avarage' is not a statistic"):
        parse_stats(["avarage"])
    with pytest.raises(ConfigError, match="'meen' is not a statistic; did you mean 'mean'"):
        parse_stats(["meen"])
    with pytest.raises(ConfigError, match="'percentile_120' is beyond 100"):
        parse_stats(["percentile_120"])
    for odd in ("percentile_", "percentile_-1", "percentile_x", "percentile_1e1"):
        with pytest.raises(ConfigError, match="not a statistic"):
            parse_stats([odd])
    order = list(zonal_statistics(build_index(ALL_FOUR, FOUR), np.ones((2, 2)), None, ["max", "count", "min"]))
    assert order == ["max", "count", "min", "valid_fraction"]


def test_zones_without_any_cell_among_them():
    values = np.ones((2, 2), np.float32)
    for zones in (np.array([], dtype=object), np.array([None, shapely.box(8, 8, 9, 9)], dtype=object)):
        for method in ("center", "coverage"):
            index = build_index(zones, FOUR, method, weights="area")
            found = zonal_statistics(index, values, None, ["mean", "median", "min", "nodata", "categorical"])
            assert found["count"].tolist() == [0] * len(zones) and found["categorical"] == {}
            assert all(
                np.isnan(found[name]).all() and len(found[name]) == len(zones) for name in ("mean", "median", "min")
            )


def test_zones_without_a_whole_cell():
    # four quarter cells around a corner: under coverage no cell is whole, and the mean is that of the four
    grid = Grid("EPSG:4269", (1.0, 0.0, 0.0, 0.0, -1.0, 2.0), 2, 2)
    index = build_index(np.array([shapely.box(0.5, 0.5, 1.5, 1.5)]), grid, "coverage")
    found = zonal_statistics(index, np.array([[1.0, 2.0], [3.0, 6.0]]), None, ["mean", "sum"])
    assert (found["count"][0], found["sum"][0], found["mean"][0]) == (1.0, 3.0, 3.0)


def test_measurements_are_not_classes():
    grid = Grid("EPSG:4269", (1.0, 0.0, 0.0, 0.0, -1.0, 70.0), 70, 70)
    index = build_index(np.array([shapely.box(0, 0, 70, 70)]), grid, "center")
    values = np.arange(4900.0).reshape(70, 70)
    with pytest.raises(RasterError, match="holds 4900 different values; for measurements take mean"):
        zonal_statistics(index, values, None, ["categorical"])
    assert len(zonal_statistics(index, values % 4096, None, ["categorical"])["categorical"]) == 4096


def test_variance_and_coefficient_of_variation_by_hand():
    # cells 0 … 5: of 0 and 1 the mean is 1/2, the variance 1/4, and std / mean 1; of 2 … 5, 3.5, 5/4 and 0.319
    grid = GRID.window(0, 1, 0, 6)
    values = np.arange(6.0)[None]
    west, south, _, north = grid.bounds
    cell = grid.transform[0]
    zones = [shapely.box(west + a * cell, south, west + b * cell, north) for a, b in ((0, 2), (2, 6), (0, 1), (0, 2))]
    for method in ("center", "all_touched", "coverage"):
        found = zonal_statistics(build_index(zones, grid, method), values, None, ["variance", "cv"])
        np.testing.assert_allclose(found["variance"], [0.25, 1.25, 0, 0.25], atol=1e-15)
        np.testing.assert_allclose(found["cv"], [1, np.sqrt(1.25) / 3.5, np.nan, 1])  # the third mean is 0
        below = zonal_statistics(build_index(zones, grid, method), -values, None, ["cv"])
        np.testing.assert_allclose(below["cv"], [-1, -np.sqrt(1.25) / 3.5, np.nan, -1])


def test_variance_and_coefficient_of_variation_by_weight():
    # values 0 and 1 with the weights 3 and 1: mean 1/4, variance (3/16 + 9/16) / 4 = 3/16, cv √3
    grid = GRID.window(0, 1, 0, 2)
    index = build_index([shapely.box(*grid.bounds)], grid, weights=np.array([[3.0, 1.0]]))
    found = zonal_statistics(index, np.array([[0.0, 1.0]]), None, ["variance", "cv"])
    assert found["variance"][0] == pytest.approx(3 / 16)
    assert found["cv"][0] == pytest.approx(np.sqrt(3))


def test_cells_covered_too_little_do_not_count():
    # a row of four cells: 1/2, 1 and 3/10 of them covered; the second zone covers 3/10 of a cell
    grid = Grid("EPSG:4269", (1.0, 0.0, 0.0, 0.0, -1.0, 1.0), 4, 1)
    zones = [shapely.box(0.5, 0, 2.3, 1), shapely.box(3.1, 0, 3.4, 1), shapely.box(3.8, 0, 5.4, 1)]
    values = np.array([[1.0, 2.0, 4.0, 8.0]])
    for least, count, mean in (
        (0, [1.8, 0.3, 0.2], [(0.5 + 2 + 1.2) / 1.8, 8, 8]),
        (0.3, [1.8, 0.3, 0], [(0.5 + 2 + 1.2) / 1.8, 8, np.nan]),
        (0.5, [1.5, 0, 0], [2.5 / 1.5, np.nan, np.nan]),
        (1, [1, 0, 0], [2, np.nan, np.nan]),
    ):
        index = build_index(zones, grid, "coverage", min_coverage=least)
        found = zonal_statistics(index, values, 1.0 if least == 1 else None, ["mean", "nodata"])
        np.testing.assert_allclose(found["count"], count, rtol=1e-6)
        np.testing.assert_allclose(found["mean"], mean, rtol=1e-6)
        np.testing.assert_allclose(found["valid_fraction"], [1, *np.where(np.array(count[1:]) > 0, 1, np.nan)])
        # of the cells off the grid, 4 and 5, the third zone covers 1 and 0.4
        assert found["nodata"][2] == pytest.approx(1.4 if least < 0.4 else 1)


@pytest.mark.parametrize("least", [0.05, 0.3, 0.5, 0.9, 1])
def test_a_least_coverage_gives_the_numbers_of_exactextract(least):
    values, nodata = rasters()["float32"]
    zones = np.array([zone for zone in some_zones() if not zone.is_empty])
    operations = {"count": "count", "mean": "mean", "sum": "sum", "variance": "variance", "max": "max"}
    asked = [f"{operation}(min_coverage_frac={least})" for operation in operations.values()]
    expected = oracles.exact_extract(zones, values.astype(np.float64), GRID, asked, nodata)
    index = build_index(zones, GRID, "coverage", min_coverage=least)
    found = zonal_statistics(index, values, nodata, list(operations))
    some = expected["count"].to_numpy() > 0  # of a zone without data exactextract's sum is 0
    assert some.any() and (found["count"] > 0).tolist() == some.tolist()
    for name, operation in operations.items():
        column = expected[operation].to_numpy(np.float64)
        np.testing.assert_allclose(found[name][some], column[some], rtol=1e-6, atol=1e-9, err_msg=name)
