"""Compiled loops: they give numpy's numbers, and without numba numpy does it all."""

import builtins
import itertools

import numpy as np
import pytest
import shapely
from small import write_tif

from zonalflow.geometry.grid import Grid
from zonalflow.index.build import build_index
from zonalflow.index.grids import IndexedGrid
from zonalflow.index.spans import spans_of
from zonalflow.kernels import compiled, loops
from zonalflow.kernels.calls import Kernels
from zonalflow.rasters.read import TimeStep
from zonalflow.readers.opening import open_sources
from zonalflow.readers.source import Linear, Stored
from zonalflow.steps import zonal_stats

GRID = Grid("EPSG:4269", (1.0, 0.0, 0.0, 0.0, -1.0, 40.0), 700, 40)
KINDS = [np.dtype(kind) for kind in compiled.DTYPES]


@pytest.fixture(autouse=True)
def kept_elsewhere(monkeypatch, tmp_path_factory):
    """Keep what is compiled for all tests, but not beside the environment."""
    folder = tmp_path_factory.getbasetemp() / "kernels"
    monkeypatch.setattr(compiled, "_folder", lambda _: folder)


def stored(values, mask=None, linear=None):
    return Stored(values, mask, lambda cells, _: (cells, None), linear=linear)


def added(values, order):
    return np.add.reduceat(values, order)


def test_long_sums_have_numpys_order():
    values = np.random.default_rng(1).random(5000)
    scratch = np.empty(5128)
    for n in (1, 7, 8, 9, 127, 128, 129, 130, 500, 1001, 4999):
        scratch[:5000] = values
        assert values[0] + loops.pairwise(scratch, 1, n - 1, 5000) == np.add.reduceat(values[:n], [0])[0], n


def python_loop(name, arrays):
    """Call a loop as Python, with arrays for pointers."""
    return getattr(loops, name)(*arrays)


@pytest.mark.parametrize("scale", [1.0, 0.5])
@pytest.mark.parametrize("masked", [False, True])
def test_runs_are_summed_without_their_missing_cells(masked, scale):
    pytest.importorskip("numba")
    values = np.array([[3, 9, 5, 9, 2, 1], [9, 9, 4, 6, 7, 8]], np.float32)
    mask = np.array([False, False, True, False, False, False]) if masked else None
    steps = [stored(row, mask, Linear(9, 9, scale, 1.0 if scale != 1 else 0.0)) for row in values]
    total, lost = np.zeros((2, 2, 2))
    assert Kernels().sum_runs(steps, np.array([0, 4]), np.array([4, 2]), total, lost)
    # runs: cells 0 to 3 and 4 to 5. 9 is missing, and cell 2 where it is masked; ½ v + 1 where it is scaled
    cells = {
        False: [[(8, 2, 2), (3, 2, 0)], [(10, 2, 2), (15, 2, 0)]],
        True: [[(3, 1, 3), (3, 2, 0)], [(6, 1, 3), (15, 2, 0)]],
    }
    for step in range(2):
        for run in range(2):
            whole, n, missing = cells[masked][step][run]
            assert total[step, run] == (whole if scale == 1 else whole / 2 + n)
            assert lost[step, run] == missing


@pytest.mark.parametrize("dtype", KINDS, ids=str)
def test_codes_are_counted_in_patches_and_alone(dtype):
    pytest.importorskip("numba")
    code = np.array([1] * 20 + [2, 1, 2, 1, 3, 3, 3, 3, 3, 1, 2], dtype)
    table = np.zeros(10, np.int64)
    assert Kernels().count_codes(stored(code), np.array([0, 25]), np.array([25, 6]), np.array([0, 5]), table)
    # run 0: cells 0 to 24, 20 + 2 ones, 2 twos, 1 three; run 1: cells 25 to 30, 4 threes, a one and a two
    assert table.tolist() == [0, 22, 2, 1, 0, 0, 1, 1, 4, 0]


def test_a_nodata_value_beyond_the_type_masks_no_cell():
    assert Linear.of(np.dtype("uint8"), 256) == Linear.of(np.dtype("uint8"), 0.5) == Linear(1, 0)
    assert Linear.of(np.dtype("int32"), 1e20) == Linear.of(np.dtype("float32"), np.nan) == Linear(1, 0)
    low = Linear.of(np.dtype("float32"), -3.4e38)
    assert low.low < -3.4e38 < low.high < -3.3e38


def tables(tmp_path, monkeypatch, dtype, kind, method, stats):
    """Return the tables of two time steps without and with compiled loops."""
    rng = np.random.default_rng(3)
    values = np.clip(np.round(rng.normal(20, 30, (2, 40, 700)), 0 if dtype.kind in "iu" else 3), 0, 99)
    values[rng.random(values.shape) < 0.1] = 111
    profile = {"scale": 0.25, "offset": 3.0} if kind == "scaled" else {}
    path = write_tif(tmp_path / "a.tif", values.astype(dtype), grid=GRID, nodata=111, **profile)
    if kind == "masked":
        import rasterio

        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as dataset:
            dataset.nodata = None
            dataset.write_mask(values[0] != 111)
    zones = np.array(
        [shapely.box(3.3, 2.2, 650.5, 30.5), shapely.box(600.1, 1, 699.3, 39.7), shapely.box(5, 5, 5.2, 5.2)]
    )
    index = build_index(zones, GRID, method)
    where = IndexedGrid(GRID, (0, 0), index, np.ones(3))
    steps = [TimeStep(f"2000-0{band}", str(path), band) for band in (1, 2)]
    found = []
    for kernels in (None, Kernels()):
        monkeypatch.setattr(zonal_stats, "kernels_for", lambda _, kernels=kernels: kernels)
        found.append(zonal_stats.compute_year(open_sources(steps, lambda *_: where), stats))
    return found


@pytest.mark.parametrize("method", ["center", "coverage"])
@pytest.mark.parametrize("kind", ["plain", "scaled", "masked"])
@pytest.mark.parametrize(
    "dtype", [np.dtype("uint8"), np.dtype("int16"), np.dtype("float32"), np.dtype("float64")], ids=str
)
def test_compiled_loops_give_the_numbers_of_numpy(tmp_path, monkeypatch, dtype, kind, method):
    pytest.importorskip("numba")
    used = []
    kept = compiled.loop
    monkeypatch.setattr("zonalflow.kernels.calls.loop", lambda name, dtype: (used.append(name), kept(name, dtype))[1])
    classes = ["categorical", "majority"] if dtype.kind in "iu" else []
    plain, loop = tables(tmp_path, monkeypatch, dtype, kind, method, ["mean", "sum", *classes])
    assert {"sum_integers", "sum_runs"} & set(used) and ("sum_boundary" in used) == (method == "coverage")
    assert plain.columns.keys() == loop.columns.keys()
    for name, column in plain.columns.items():
        # to the last bit with the numpy of the lock; another one may add in another order
        np.testing.assert_allclose(loop.columns[name], column, rtol=1e-14, equal_nan=True, err_msg=name)


@pytest.mark.parametrize("missing", ["none", "the same", "different"])
@pytest.mark.parametrize("dtype", [np.dtype("uint8"), np.dtype("int16"), np.dtype("float32")], ids=str)
def test_steps_side_by_side_give_the_numbers_of_each_alone(tmp_path, monkeypatch, dtype, missing):
    pytest.importorskip("numba")
    used = []
    kept = compiled.loop
    monkeypatch.setattr("zonalflow.kernels.calls.loop", lambda name, dtype: (used.append(name), kept(name, dtype))[1])
    grid, rng = Grid("EPSG:4269", (1.0, 0.0, 0.0, 0.0, -1.0, 40.0), 300, 40), np.random.default_rng(8)
    values = rng.integers(0, 99, (6, 40, 300)).astype(dtype)
    if dtype.kind == "f":
        values = (values + rng.random(values.shape)).astype(dtype)
    if missing != "none":
        values[:, rng.random((40, 300)) < 0.2] = 111
    if missing == "different":
        values[rng.random(values.shape) < 0.1] = 111
        values[3, :, 100:] = 111
    path = write_tif(tmp_path / "a.tif", values, grid=grid, nodata=111)
    edges = [0.3, 1.1, 4.4, 8.5, 17.2, 30.7, 95.5, 200.6, 299.9]  # overlapping zones, and runs of 1 to 105 cells
    zones = [shapely.box(a, y, b + 2.2, y + 3.4) for a, b in itertools.pairwise(edges) for y in (1.2, 3.1, 30)]
    index = build_index(np.array(zones), grid, "coverage")
    where = IndexedGrid(grid, (0, 0), index, np.ones(len(zones)))
    steps = [TimeStep(f"2000-0{band}", str(path), band) for band in range(1, 7)]
    found = []
    for kernels in (None, Kernels()):
        monkeypatch.setattr(zonal_stats, "kernels_for", lambda _, kernels=kernels: kernels)
        found.append(zonal_stats.compute_year(open_sources(steps, lambda *_: where), ["mean", "sum"]))
    assert set(used) == {"sum_steps"}
    for name, column in found[0].columns.items():
        np.testing.assert_allclose(found[1].columns[name], column, rtol=1e-14, equal_nan=True, err_msg=name)


def test_a_span_holds_what_begins_in_it():
    # cells 250 to 259 of a run and cell 255 begin in the first 256 cells; a run at 300 and cell 511 in the next; none
    # in 512 to 767; a cell at 1000
    spans = spans_of(np.array([250, 300]), np.array([10, 5]), np.array([255, 511, 1000]))
    assert spans.tolist() == [[250, 300, 1000], [260, 512, 1001], [1, 2, 2], [1, 2, 3]]


def test_numpy_does_all_where_numba_is_missing(tmp_path, monkeypatch):
    imported = builtins.__import__

    def without(name, *rest, **more):
        if name.partition(".")[0] in ("numba", "llvmlite"):
            raise ImportError(name)
        return imported(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    compiled._loaded.cache_clear()
    first, second = tables(tmp_path, monkeypatch, np.dtype("uint8"), "plain", "coverage", ["mean", "categorical"])
    compiled._loaded.cache_clear()
    for name, column in first.columns.items():
        assert column.tobytes() == second.columns[name].tobytes(), name


def test_a_damaged_loop_is_compiled_again(tmp_path, monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setattr(compiled, "_folder", lambda _: tmp_path)
    kept = tmp_path / "count_codes-i1.ll"
    kept.write_text("no code")
    compiled._loaded.cache_clear()
    assert compiled.loop("count_codes", np.dtype("int8")) is not None
    assert len(kept.read_text()) > 1000
    compiled._loaded.cache_clear()


def test_loops_are_compiled_once(tmp_path, monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setattr(compiled, "_folder", lambda _: tmp_path)
    compiled._loaded.cache_clear()
    assert compiled.loop("count_codes", np.dtype("int8")) is not None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["count_codes-i1.ll", "count_codes-i1.o"]
    compiled._loaded.cache_clear()
    monkeypatch.setattr(compiled, "_compile", None)
    monkeypatch.setattr(compiled._MachineCode, "put", None)
    assert compiled.loop("count_codes", np.dtype("int8")) is not None
    compiled._loaded.cache_clear()


@pytest.mark.parametrize("fault", ["cut short", "another byte", "of other code"])
def test_damaged_machine_code_is_made_again(tmp_path, monkeypatch, fault):
    pytest.importorskip("numba")
    monkeypatch.setattr(compiled, "_folder", lambda _: tmp_path)
    compiled._loaded.cache_clear()
    assert compiled.loop("count_codes", np.dtype("int8")) is not None
    kept = tmp_path / "count_codes-i1.o"
    whole = kept.read_bytes()
    damaged = {
        "cut short": whole[:-9],
        "another byte": whole[:99] + bytes([whole[99] ^ 1]) + whole[100:],
        "of other code": bytes(32) + whole[32:],
    }
    kept.write_bytes(damaged[fault])
    compiled._loaded.cache_clear()
    codes, table = stored(np.array([1, 1, 2], np.int8)), np.zeros(3, np.int64)
    assert Kernels().count_codes(codes, np.array([0]), np.array([3]), np.array([0]), table)
    assert table.tolist() == [0, 2, 1]
    assert kept.read_bytes() == whole
    compiled._loaded.cache_clear()


def test_a_read_only_environment_puts_loops_into_the_users_cache(tmp_path, monkeypatch, folder_of=compiled._folder):
    pytest.importorskip("numba")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("sys.prefix", str(tmp_path / "env"))
    monkeypatch.setattr("os.access", lambda *_: False)
    folder = folder_of("a.ll")
    assert folder.parent == tmp_path / "cache/zonalflow-kernels"
    beside = tmp_path / "env/zonalflow-kernels" / folder.name
    beside.mkdir(parents=True)
    (beside / "a.ll").touch()
    assert folder_of("a.ll") == beside


def test_few_cells_load_no_loop():
    from zonalflow.kernels.choice import MANY, kernels_for

    assert kernels_for(MANY - 1) is None
    assert kernels_for(MANY) == Kernels()
