"""Strips: what is read of a raster, how much of it at once, and that numbers do not depend on it."""

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from small import write_tif

from zonalflow.geometry.grid import Grid
from zonalflow.index.build import build_index
from zonalflow.index.grids import IndexedGrid
from zonalflow.kernels.calls import Kernels
from zonalflow.rasters.read import TimeStep
from zonalflow.readers.opening import open_sources
from zonalflow.readers.source import Block
from zonalflow.stats import tally
from zonalflow.stats.plan import make_plan
from zonalflow.steps import zonal_stats

GRID = Grid("EPSG:4269", (1.0, 0.0, 0.0, 0.0, -1.0, 64.0), 96, 64)
FIELDS = np.array([shapely.box(2, 60, 5, 62), shapely.box(80, 61, 83, 63), shapely.box(40, 3, 47, 9)])


def where_of(zones, grid=GRID, method="center", **options):
    index = build_index(np.asarray(zones, dtype=object), grid, method, **options)
    return IndexedGrid(grid, (0, 0), index, np.ones(index.n_zones))


class Counting:
    """A source that notes what is read of the one that it stands for."""

    def __init__(self, source, windows):
        self.source, self.windows = source, windows
        self.steps, self.grid, self.dtype, self.block = source.steps, source.grid, source.dtype, source.block

    def read(self, steps, rows, columns):
        self.windows.append((tuple(steps), rows, columns))
        return self.source.read(steps, rows, columns)


def reduced(paths, where, stats, windows=None, **options):
    steps = [step if isinstance(step, TimeStep) else TimeStep("2000", str(step)) for step in paths]
    sources = open_sources(steps, lambda *_: where, **options)
    counted = ((Counting(source, [] if windows is None else windows), found) for source, found in sources)
    return zonal_stats.compute_year(counted, stats)


def tiled(path, values, block=16, **profile):
    return write_tif(path, values, grid=GRID, tiled=True, blockxsize=block, blockysize=block, **profile)


def test_only_blocks_that_hold_cells_of_zones_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr("zonalflow.stats.plan.STRIP", 1)
    path = tiled(tmp_path / "a.tif", np.arange(96 * 64, dtype="float32").reshape(64, 96), nodata=-1)
    windows = []
    table = reduced([path], where_of(FIELDS), ["mean"], windows)
    # fields a and b lie in rows 1 to 3, so in the first of four block rows: block columns 0 and 5 of six; c in rows 55
    # to 60, the last: column 2. The index's window begins at row 1 and column 2, and ends at row 61 and column 83
    assert windows == [((0,), (1, 16), (2, 16)), ((0,), (1, 16), (80, 83)), ((0,), (48, 61), (32, 48))]
    # a: rows 2, 3 and columns 2 to 4: 96 × 2.5 + 3
    assert table.columns["mean"][0].tolist() == [96 * 2.5 + 3, 96 * 1.5 + 81, 96 * 57.5 + 43]


def test_no_block_is_read_twice(tmp_path, monkeypatch):
    monkeypatch.setattr("zonalflow.stats.plan.STRIP", 1)
    path = tiled(tmp_path / "a.tif", np.ones((64, 96), "uint8"), nodata=0)
    windows = []
    reduced([path], where_of([shapely.box(3, 3, 90, 60)]), ["mean", "std", "median", "categorical"], windows)
    rows = [span for _, span, _ in windows]
    assert rows == [(4, 16), (16, 32), (32, 48), (48, 61)]
    assert all(start == 4 or start % 16 == 0 for start, _ in rows)


def test_bands_that_lie_side_by_side_are_read_together(tmp_path, monkeypatch):
    monkeypatch.setattr("zonalflow.stats.plan.STRIP", 1)
    values = np.arange(5)[:, None, None] + np.zeros((5, 64, 96), "float32")
    windows = {}
    for interleave in ("pixel", "band"):
        path = tiled(tmp_path / f"{interleave}.tif", values, nodata=-1, interleave=interleave)
        windows[interleave] = []
        steps = [TimeStep(f"2000-0{band}", str(path), band) for band in range(1, 6)]
        monkeypatch.setattr("zonalflow.stats.parts.SMALL", 1)
        table = reduced(steps, where_of(FIELDS[2:]), ["mean"], windows[interleave])
        assert table.columns["mean"][:, 0].tolist() == [0, 1, 2, 3, 4]
    assert [steps for steps, _, _ in windows["pixel"]] == [(0, 1, 2, 3, 4)]
    assert [steps for steps, _, _ in windows["band"]] == [(0,), (1,), (2,), (3,), (4,)]


def test_each_chunk_of_a_netcdf_file_is_read_once(tmp_path, monkeypatch):
    netCDF4 = pytest.importorskip("netCDF4")
    path = tmp_path / "v.nc"
    with netCDF4.Dataset(path, "w") as file:
        for name, values, units in (
            ("time", np.arange(20), "days since 2000-01-01"),
            ("lat", np.arange(63.5, 0, -1), "degrees_north"),
            ("lon", np.arange(0.5, 96), "degrees_east"),
        ):
            file.createDimension(name, len(values))
            file.createVariable(name, "f8", (name,))[:] = values
            file[name].units = units
        variable = file.createVariable("v", "f4", ("time", "lat", "lon"), chunksizes=(20, 16, 96))
        variable[:] = np.arange(20)[:, None, None] * np.ones((20, 64, 96))
    monkeypatch.setattr("zonalflow.stats.plan.STRIP", 1)
    windows = []
    steps = [TimeStep(f"2000-01-{day:02}", str(path), day, "v") for day in range(1, 21)]
    table = reduced(steps, where_of([shapely.box(0, 0, 96, 64)]), ["mean"], windows, crs="EPSG:4269")
    assert windows == [(tuple(range(20)), (row, row + 16), (0, 96)) for row in (0, 16, 32, 48)]
    assert table.columns["mean"][:, 0].tolist() == list(range(20))


def test_small_rasters_are_reduced_together(tmp_path, monkeypatch):
    files = [write_tif(tmp_path / f"{k}.tif", np.full((64, 96), k, "float32"), grid=GRID, nodata=-1) for k in range(5)]
    groups = []
    reduce = zonal_stats.reduce_parts

    def noted(parts, *rest):
        for part, results in reduce(parts, *rest):
            groups.append(len(part.dates))
            yield part, results

    monkeypatch.setattr("zonalflow.steps.zonal_stats.reduce_parts", noted)
    steps = [TimeStep(f"200{k}", str(path)) for k, path in enumerate(files)]
    where = where_of(FIELDS)
    assert reduced(steps, where, ["mean"]).columns["mean"][:, 0].tolist() == [0, 1, 2, 3, 4]
    assert groups == [5]
    rows, columns = where.index.shape
    monkeypatch.setattr("zonalflow.stats.parts.SMALL", 2 * rows * columns + 1)
    groups.clear()
    assert reduced(steps, where, ["mean"]).columns["mean"][:, 0].tolist() == [0, 1, 2, 3, 4]
    assert groups == [2, 2, 1]


def test_memory_does_not_grow_with_the_raster(tmp_path):
    """Of 4,000 × 12,000 cells, 48 MB, 384 MB as float64, strips hold two million cells."""
    import tracemalloc

    grid = Grid("EPSG:4269", (0.005, 0, 0, 0, -0.005, 60.0), 4000, 12_000)
    path = tmp_path / "a.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=4000, height=12_000, count=1, dtype="uint8", nodata=255, crs="EPSG:4269",
        transform=Affine(*grid.transform), tiled=True, blockxsize=512, blockysize=512, compress="deflate",
    ) as dataset:  # fmt: skip
        dataset.scales, dataset.offsets = [0.5], [1.0]
        for row in range(0, 12_000, 512):
            height = min(512, 12_000 - row)
            dataset.write(np.full((height, 4000), 7, "uint8"), 1, window=((row, row + height), (0, 4000)))
    where = where_of([shapely.box(x, y, x + 2, y + 3) for x in range(0, 20, 2) for y in range(0, 60, 3)], grid)
    peaks = {}
    for stats in (["mean"], ["mean", "std", "min", "categorical", "median"]):
        tracemalloc.start()
        table = reduced([path], where, stats)
        peaks[len(stats)] = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        assert (table.columns["mean"] == 4.5).all()
    assert peaks[1] < 40 and peaks[5] < 60, peaks


# ------------------------------------------------------------------------------------------ numbers do not depend on it

STATS = [
    "mean",
    "sum",
    "min",
    "max",
    "std",
    "median",
    "percentile_13",
    "majority",
    "minority",
    "unique",
    "nodata",
    "nan",
]


@st.composite
def cases(draw):
    """Return rasters of any type, blocks, bands and gaps; zones; statistics; strips, blocks and groups of steps."""
    seed = draw(st.integers(0, 2**32 - 1))
    dtype = draw(st.sampled_from(["uint8", "int8", "int16", "uint16", "int32", "float32", "float64"]))
    kind = draw(st.sampled_from(["nodata", "mask", "none", "nan"]))
    options = {
        "dtype": dtype,
        "kind": kind if dtype.startswith("float") or kind != "nan" else "nodata",
        "scaled": draw(st.booleans()),
        "bands": draw(st.sampled_from([1, 3])),
        "interleave": draw(st.sampled_from(["pixel", "band"])),
        "block": draw(st.sampled_from([None, 16, 32])),
        "method": draw(st.sampled_from(["center", "all_touched", "coverage"])),
        "weights": draw(st.sampled_from([None, "area", "cells"])),
        "stats": draw(st.lists(st.sampled_from(STATS), min_size=1, max_size=5, unique=True)),
        "compiled": draw(st.booleans()),
    }
    ways = [
        (draw(st.sampled_from([1, 200, 1500])), draw(st.sampled_from([60, 500, 10**5])),
         draw(st.sampled_from([1, 10**6])), draw(st.sampled_from([0, 10**9])))
        for _ in range(2)
    ]  # fmt: skip
    return np.random.default_rng(seed), options, ways


def raster_of(folder, rng, options):
    dtype = np.dtype(options["dtype"])
    values = rng.normal(20, 30, (options["bands"], 64, 96))
    values = np.clip(np.round(values, 0 if dtype.kind in "iu" else 2), 0 if dtype.kind == "u" else -99, 99)
    gaps = rng.random(values.shape) < rng.choice([0, 0.02, 0.6])
    profile = {"interleave": options["interleave"]}
    if options["kind"] in ("nodata", "nan"):
        missing = np.nan if options["kind"] == "nan" else 111
        values, profile["nodata"] = np.where(gaps, missing, values), missing
    if options["block"]:
        profile |= {"tiled": True, "blockxsize": options["block"], "blockysize": options["block"]}
    scale = (0.25, 3.0) if options["scaled"] else (None, None)
    path = write_tif(folder / "a.tif", values.astype(dtype), grid=GRID, scale=scale[0], offset=scale[1], **profile)
    if options["kind"] == "mask":
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as dataset:
            dataset.write_mask(~gaps[0])
    return [TimeStep(f"2000-0{band}", str(path), band) for band in range(1, options["bands"] + 1)]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(cases())
def test_strips_threads_and_groups_of_steps_change_no_bit(tmp_path_factory, case):
    rng, options, ways = case
    steps = raster_of(tmp_path_factory.mktemp("strips"), rng, options)
    x, y, size = rng.uniform(-5, 95, 12), rng.uniform(-5, 62, 12), rng.choice([0.3, 4, 40], 12)
    zones = shapely.box(x, y, x + size, y + size[::-1])
    weights = rng.random(GRID.shape) if options["weights"] == "cells" else options["weights"]
    nodata = "none" if options["kind"] == "none" else None
    kernels = Kernels() if options["compiled"] else None
    found = []
    for strip, block, small, cells in [(10**6, 10**6, 1, 0), *ways]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("zonalflow.stats.plan.STRIP", strip)
            patch.setattr("zonalflow.stats.strips.SUB_BLOCK", block)
            patch.setattr("zonalflow.stats.parts.SMALL", small)
            patch.setattr("zonalflow.stats.strips.LARGE_BLOCK", block)
            patch.setattr("zonalflow.steps.zonal_stats.kernels_for", lambda _: kernels)
            patch.setattr("zonalflow.stats.threads.workers", lambda cells: 3 if cells else 1)
            patch.setattr("zonalflow.steps.zonal_stats.workers", lambda cells: 3 if cells else 1)
            where = where_of(zones, method=options["method"], weights=weights)
            sources = open_sources(steps, lambda *_, where=where: where, nodata=nodata)
            found.append(zonal_stats.compute_year(sources, options["stats"], cells=cells))
    for table in found[1:]:
        for name, column in found[0].columns.items():
            assert table.columns[name].tobytes() == column.tobytes(), name


def test_a_plan_keeps_to_the_blocks_of_the_file():
    index = where_of([shapely.box(0, 0, 96, 64)]).index
    plan = make_plan(index, Block(1, 10, 20, first_row=4, first_column=6), (0, 0))
    assert plan.edges.tolist() == [0, 64] and plan.columns.tolist() == [0, 6, 26, 46, 66, 86, 96]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("zonalflow.stats.plan.STRIP", 20 * 96)
        plan = make_plan(index, Block(1, 10, 20, first_row=4), (0, 0))
    assert plan.edges.tolist() == [0, 4, 24, 44, 64]


def test_measurements_are_refused_as_classes_at_the_first_strip(tmp_path, monkeypatch):
    monkeypatch.setattr("zonalflow.stats.plan.STRIP", 1)
    monkeypatch.setattr("zonalflow.stats.tally.MAX_CLASSES", 100)
    path = tiled(tmp_path / "a.tif", np.random.default_rng(1).random((64, 96)).astype("float32"), nodata=-1)
    windows = []
    with pytest.raises(zonal_stats.RasterError, match="categorical counts classes"):
        reduced([path], where_of([shapely.box(0, 0, 96, 64)]), ["categorical"], windows)
    assert [rows for _, rows, _ in windows] == [(0, 16)]


@pytest.mark.parametrize("table", [0, 1 << 22])
@pytest.mark.parametrize("dtype", ["int64", "uint8", "float64"])
def test_values_of_a_zone_are_counted_as_one_row_each(monkeypatch, table, dtype):
    monkeypatch.setattr(tally, "_TABLE", table)  # 0: by sorting
    zone, value = np.array([1, 0, 1, 1, 0]), np.array([7, 9, 5, 7, 9], dtype)
    cells, count = np.array([4, 2, 1, 1, 1]), np.array([4, 2, 0.5, 0.1, 0.2])
    # zone 0: 9 in 2 + 1 cells, 2 + 0.2 of them; zone 1: 5 in one cell, 7 in 4 + 1, 4 + 0.1 of them
    zones, values, of_cells, counts = tally._summed(zone, value, cells, count, 2)
    assert zones.tolist() == [0, 1, 1] and values.tolist() == [9, 5, 7] and values.dtype == dtype
    assert of_cells.tolist() == [3, 1, 5] and counts.tolist() == [2.2, 0.5, 4.1]
