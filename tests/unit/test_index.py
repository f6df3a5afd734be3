import json
import shutil

import numpy as np
import pytest
import shapely

from zonalflow.common.errors import ConfigError, GridError
from zonalflow.geometry.grid import Grid
from zonalflow.index import store
from zonalflow.index.build import build_index, weights_digest
from zonalflow.index.segments import segment_reduce
from zonalflow.index.store import DamagedIndexError, index_key, load_index, save_index

GRID = Grid("EPSG:4269", (0.5, 0.0, -100.0, 0.0, -0.5, 45.0), 40, 30)
ZONES = np.array([shapely.box(-97, 38, -93.2, 41.1), shapely.Point(-90, 36).buffer(2.3), None], dtype=object)


def same(one, other) -> bool:
    return all(
        all(map(np.array_equal, one.cells(zone), other.cells(zone))) for zone in range(max(one.n_zones, other.n_zones))
    )


@pytest.mark.parametrize("method", ["center", "all_touched", "coverage"])
@pytest.mark.parametrize("weights", [None, "area", "raster"])
def test_a_stored_index_comes_back(tmp_path, method, weights):
    weights = np.random.default_rng(1).random(GRID.shape) if weights == "raster" else weights
    index = build_index(ZONES, GRID, method, weights=weights, zones_digest="abc")
    save_index(index, tmp_path / "deep" / "index")
    again = load_index(tmp_path / "deep" / "index")
    assert (again.grid, again.method, again.weights, again.zones_digest, again.window) == (
        index.grid, index.method, index.weights, "abc", index.window
    )  # fmt: skip
    assert same(index, again)
    assert isinstance(again.run_start, np.memmap), "jobs on one node share its pages"
    assert np.array_equal(again.n_cells, index.n_cells) and np.array_equal(again.off_grid, index.off_grid)
    assert (weights is None) == (again.weight is None)
    if weights is not None:
        assert np.array_equal(again.weight, index.weight)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["index"], "nothing temporary is left"


def test_the_window_is_the_smallest_that_holds_all_cells():
    index = build_index(ZONES, GRID, "all_touched")
    cells = [index.cells(zone)[:2] for zone in range(3)]
    row, column = (np.concatenate(parts) for parts in zip(*cells, strict=True))
    assert index.window == (row.min(), row.max() + 1, column.min(), column.max() + 1)
    assert index.shape == (index.window[1] - index.window[0], index.window[3] - index.window[2])


def test_without_any_cell_the_window_can_still_be_read(tmp_path):
    index = build_index(np.array([None, shapely.box(0, 0, 1, 1)]), GRID, "center")
    assert index.window == (0, 1, 0, 1) and index.n_cells.tolist() == [0, 0]
    save_index(index, tmp_path / "index")
    assert load_index(tmp_path / "index").n_zones == 2


def test_storing_again_replaces(tmp_path):
    save_index(build_index(ZONES, GRID, "center"), tmp_path / "index")
    save_index(build_index(ZONES[:1], GRID, "center"), tmp_path / "index")
    assert load_index(tmp_path / "index").n_zones == 1
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_a_failed_store_leaves_what_was_there(tmp_path, monkeypatch):
    save_index(build_index(ZONES, GRID, "center"), tmp_path / "index")

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np, "save", full)
        with pytest.raises(OSError, match="No space"):
            save_index(build_index(ZONES[:1], GRID, "center"), tmp_path / "index")
    assert load_index(tmp_path / "index").n_zones == 3
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def truncate(folder):
    path = folder / "run_start.npy"
    path.write_bytes(path.read_bytes()[:-4])


def shorten(folder):
    np.save(folder / "run_length.npy", np.load(folder / "run_length.npy")[:-1])


def confuse(folder):
    """Swap two arrays of one length and type: only a look at what they hold can tell."""
    starts = np.load(folder / "run_start.npy")
    np.save(folder / "run_start.npy", starts + 40 * 30)


def age(folder):
    head = json.loads((folder / "index.json").read_text())
    (folder / "index.json").write_text(json.dumps(head | {"version": 0}))


@pytest.mark.parametrize(
    "damage",
    [
        truncate,
        shorten,
        confuse,
        age,
        shutil.rmtree,
        lambda folder: (folder / "index.json").unlink(),
        lambda folder: (folder / "run_zone.npy").unlink(),
        lambda folder: (folder / "index.json").write_text("{"),
        lambda folder: (folder / "index.json").write_text("{}"),
        lambda folder: (folder / "off_grid.npy").write_bytes(b""),
    ],
)
def test_a_damaged_index_is_found_out(tmp_path, damage):
    folder = tmp_path / "index"
    save_index(build_index(ZONES, GRID, "coverage"), folder)
    damage(folder)
    with pytest.raises(DamagedIndexError, match="delete it and run again"):
        load_index(folder)


def test_the_key_names_all_that_an_index_depends_on():
    weights = np.ones(GRID.shape)
    keys = [
        index_key(GRID, "z", "center"),
        index_key(GRID.window(0, 29, 0, 40), "z", "center"),
        index_key(GRID, "y", "center"),
        index_key(GRID, "z", "coverage"),
        index_key(GRID, "z", "center", "area"),
        index_key(GRID, "z", "center", weights_digest(weights)),
        index_key(GRID, "z", "center", weights_digest(weights * 2)),
        index_key(GRID, "z", "coverage", None, 0.5),
        index_key(GRID, "z", "coverage", None, 0.25),
    ]
    assert len(set(keys)) == len(keys)
    assert index_key(GRID, "z", "center") == keys[0]


def test_what_cannot_be_built_says_so():
    with pytest.raises(ConfigError, match="'centre' is not one of center, all_touched, coverage"):
        build_index(ZONES, GRID, "centre")
    with pytest.raises(ConfigError, match="'aera' is not none, area or a raster"):
        build_index(ZONES, GRID, "center", weights="aera")
    with pytest.raises(GridError, match=r"the weights have \(3, 3\) cells, the grid \(30, 40\)"):
        build_index(ZONES, GRID, "center", weights=np.ones((3, 3)))
    for bad in (-1.0, np.inf):
        with pytest.raises(GridError, match="negative or infinite"):
            build_index(ZONES, GRID, "center", weights=np.full(GRID.shape, bad))


def test_segments_without_values_reduce_to_what_is_given():
    values = np.array([1.0, 2.0, 4.0])
    assert segment_reduce(np.add, values, np.array([0, 0, 2, 2, 3, 3]), 0.0).tolist() == [0, 3, 0, 4, 0]
    assert segment_reduce(np.minimum, values, np.array([0, 0, 2]), np.inf).tolist() == [np.inf, 1]
    assert segment_reduce(np.add, values[:0], np.array([0, 0]), 0.0).tolist() == [0]


def test_a_stored_index_knows_the_least_coverage(tmp_path):
    index = build_index(ZONES, GRID, "coverage", min_coverage=0.5)
    save_index(index, tmp_path / "index")
    assert load_index(tmp_path / "index").min_coverage == 0.5
    assert index.boundary_fraction.min() >= 0.5


@pytest.mark.parametrize("method", ["center", "all_touched"])
def test_a_least_coverage_is_for_the_method_coverage(method):
    with pytest.raises(ConfigError, match=r"min_coverage: 0\.5 needs method: coverage"):
        build_index(ZONES, GRID, method, min_coverage=0.5)


def test_a_large_index_is_checked_once_on_each_machine(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("zonalflow.index.store._LARGE", 0)
    checked = []
    crc32 = store._crc32
    save_index(build_index(ZONES, GRID, "coverage"), tmp_path / "index")
    monkeypatch.setattr("zonalflow.index.store._crc32", lambda array: checked.append(len(array)) or crc32(array))
    load_index(tmp_path / "index")
    first = len(checked)
    assert first == 7  # start, length and zone of runs; cell, fraction and zone of the boundary; cells off the grid
    load_index(tmp_path / "index")
    assert len(checked) == first
    raw = bytearray((tmp_path / "index/run_length.npy").read_bytes())
    raw[-1] ^= 1
    (tmp_path / "index/run_length.npy").write_bytes(raw)  # another time, so it is read again
    with pytest.raises(DamagedIndexError, match=r"run_length.npy is not what was written"):
        load_index(tmp_path / "index")
    (tmp_path / "tmp").rename(tmp_path / "nowhere")  # no folder for notes: each load checks
    save_index(build_index(ZONES, GRID, "coverage"), tmp_path / "index")
    checked.clear()
    for _ in range(2):
        load_index(tmp_path / "index")
    assert len(checked) == 2 * first
