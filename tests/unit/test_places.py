"""Rasters on other grids than the study's, and weights."""

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from small import GRID, boxes, counting, mask_out, place, write_tif

from zonalflow.common.errors import GridError, RasterError
from zonalflow.geometry.box import box_window, window_in
from zonalflow.geometry.grid import Grid
from zonalflow.index.cache import Counting, ensure_index
from zonalflow.index.grids import StudyZones, grid_finder, index_other_grid
from zonalflow.rasters.read import TimeStep, read_time_steps
from zonalflow.rasters.weights import load_weights, weights_key
from zonalflow.steps.zonal_stats import compute_year
from zonalflow.tables.year_table import load_year, save_year

FINE = Grid("EPSG:4269", (0.5, 0.0, 0.0, 0.0, -0.5, 4.0), 12, 8)
SHIFTED = Grid("EPSG:4269", (1.0, 0.0, 2.0, 0.0, -1.0, 4.0), 4, 4)
ZONES = boxes((0, 3, 2, 4), (1, 0, 5, 2))


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Return a function that indexes the two zones on another grid; its ``lines`` are the log."""
    monkeypatch.chdir(tmp_path)
    ZONES.to_file("zones.gpkg")
    lines = []

    ZONES.to_parquet("zones.parquet")
    options = {"id": "id", "layer": None, "crs": None, "where": None, "states": None, "keep": "clipped"}

    def make(grid, bbox=None, method="center"):
        zones = StudyZones("zones.parquet", "z", ["zones.gpkg"], options, bbox)
        return index_other_grid(grid, zones, Counting(method), lines.append)

    make.lines = lines
    return make


def test_each_distinct_grid_gets_an_index_of_its_own(tmp_path, elsewhere):
    files = [
        write_tif(tmp_path / "1.tif", counting(), nodata=-1),
        write_tif(tmp_path / "2.tif", counting(FINE), grid=FINE, nodata=-1),
        write_tif(tmp_path / "3.tif", counting(SHIFTED), grid=SHIFTED, nodata=-1),
        write_tif(tmp_path / "4.tif", counting(FINE) + 1, grid=FINE, nodata=-1),
    ]
    slices = [TimeStep(f"2000-0{i}", str(path)) for i, path in enumerate(files, start=1)]
    table = compute_year(read_time_steps(slices, grid_finder(place(ZONES), elsewhere)), ["mean"])
    assert table.grids[0] == "study"
    assert len(set(table.grids)) == 3
    assert table.grids[1] == table.grids[3]
    # zone a is cells 0, 1 of GRID; 0 … 3 and 12 … 15 of FINE; the shifted grid begins where it ends
    assert table.columns["count"].tolist() == [[2, 8], [8, 32], [0, 6], [8, 32]]
    np.testing.assert_array_equal(table.columns["mean"][:, 0], [0.5, 7.5, np.nan, 8.5])
    # zone b, four by two cells of GRID: rows 2, 3, columns 1 … 4: 13 … 16 and 19 … 22
    assert table.columns["mean"][0, 1] == 17.5
    assert table.columns["inside_fraction"].tolist() == [[1, 1], [1, 1], [0, 0.75], [1, 1]]


def test_a_place_is_made_once_and_recorded(tmp_path, elsewhere):
    first = elsewhere(FINE)
    lines = len(elsewhere.lines)
    again = elsewhere(FINE)
    assert len(elsewhere.lines) == lines
    assert (again.name, again.inside.tolist()) == (first.name, [1, 1])
    assert again.description == first.description
    assert Grid.from_dict(first.description["file_grid"]) == FINE
    assert elsewhere(FINE, method="coverage").name != first.name


def test_a_lost_or_damaged_index_elsewhere_is_built_again(tmp_path, elsewhere):
    first = elsewhere(FINE)
    (tmp_path / first.description["index"] / "run_start.npy").write_bytes(b"")
    again = elsewhere(FINE)
    assert again.index.n_cells.tolist() == [8, 32]
    assert any("building it again" in line for line in elsewhere.lines)


def test_a_grid_in_another_crs_gets_zones_in_that_crs(elsewhere):
    # a grid of 10 km cells in Albers around the first zone, whose cells are counted with pyproj
    albers = "+proj=aea +lat_0=2 +lon_0=3 +lat_1=1 +lat_2=3 +datum=NAD83 +units=m"
    grid = Grid(rasterio.crs.CRS.from_string(albers).to_wkt(), (10000.0, 0, -400000.0, 0, -10000.0, 300000.0), 80, 60)
    found = elsewhere(grid)
    x, y = np.meshgrid(-400000 + 10000 * (np.arange(80) + 0.5), 300000 - 10000 * (np.arange(60) + 0.5))
    lon, lat = Transformer.from_crs(albers, "EPSG:4269", always_xy=True).transform(x, y)
    # the zones' edges are straight in Albers between their corners: allow the cells along them
    inside = ((lon > 0) & (lon < 2) & (lat > 3) & (lat < 4)).sum()
    assert found.index.n_cells[0] == pytest.approx(inside, abs=25)
    assert found.inside.tolist() == [1, 1]


def test_a_box_cuts_the_other_grid_too(elsewhere):
    found = elsewhere(FINE, bbox=[0, 0, 1.2, 4])
    assert found.index.grid.bounds == (0, 0, 1.5, 4)
    assert found.inside.tolist() == [0.75, 0.125]


def test_a_year_table_keeps_its_grids(tmp_path, elsewhere):
    path = write_tif(tmp_path / "2.tif", counting(FINE), grid=FINE, nodata=-1)
    table = compute_year(read_time_steps([TimeStep("2000", str(path))], grid_finder(place(ZONES), elsewhere)), ["mean"])
    save_year(tmp_path / "2000.npz", table)
    read = load_year(tmp_path / "2000.npz")
    assert (read.grids, read.other_grids) == (table.grids, table.other_grids)
    assert list(read.other_grids) == read.grids


# -------------------------------------------------------------------------------------------------------------- windows


@pytest.mark.parametrize(
    ("inner", "window"),
    [
        (GRID, (0, 4, 0, 6)),
        (GRID.window(1, 3, 2, 5), (1, 3, 2, 5)),
        (Grid("EPSG:4269", (1.0, 0, 0.5, 0, -1.0, 4.0), 2, 2), None),  # half a cell aside
        (Grid("EPSG:4269", (1.0, 0, 5.0, 0, -1.0, 4.0), 2, 2), None),  # reaches beyond
        (Grid("EPSG:4269", (0.5, 0, 0.0, 0, -0.5, 4.0), 2, 2), None),  # finer
        (Grid("EPSG:4326", (1.0, 0, 0.0, 0, -1.0, 4.0), 2, 2), None),  # another datum
    ],
)
def test_a_grid_within_a_grid(inner, window):
    assert window_in(GRID, inner) == window


def test_a_box_on_a_grid_that_counts_longitudes_to_360():
    world = Grid("EPSG:4326", (1.0, 0, 0.0, 0, -1.0, 90.0), 360, 180)
    assert box_window(world, [-87.5, 24.5, -79.0, 31.0]) == (59, 66, 272, 281)
    assert box_window(world, [10, 40, 20, 50]) == (40, 50, 10, 20)
    with pytest.raises(GridError, match="on both sides of the meridian 0 at which the rasters begin"):
        box_window(world, [-10, 35, 30, 60])


# -------------------------------------------------------------------------------------------------------------- weights


def test_population_weighted_mean_by_hand(tmp_path):
    population = np.zeros(GRID.shape, np.float32)
    population[0, :3] = 1, 3, np.nan
    path = write_tif(tmp_path / "population.tif", population, nodata=np.nan)
    weights = load_weights({"path": str(path)}, GRID)
    raster = write_tif(tmp_path / "a.tif", counting() + 10, nodata=-1)
    where = place(boxes((0, 3, 3, 4), (3, 3, 6, 4)), weights=weights)
    table = compute_year(read_time_steps([TimeStep("2000", str(raster))], grid_finder(where)), ["mean", "sum"])
    # (1 × 10 + 3 × 11) / 4; nobody lives in the second zone
    np.testing.assert_array_equal(table.columns["mean"], [[10.75, np.nan]])
    np.testing.assert_array_equal(table.columns["sum"], [[43.0, 0.0]])
    assert table.columns["count"].tolist() == [[3, 3]]


def test_weights_of_the_whole_grid_serve_a_part_of_it(tmp_path):
    path = write_tif(tmp_path / "w.tif", counting())
    assert load_weights({"path": str(path)}, GRID.window(1, 3, 2, 4)).tolist() == [[8, 9], [14, 15]]


def test_weights_are_scaled_and_integer_counts_need_no_nodata(tmp_path):
    path = write_tif(tmp_path / "w.tif", counting().astype(np.int32), scale=2.0, offset=1.0)
    assert load_weights({"path": str(path)}, GRID)[0].tolist() == [1, 3, 5, 7, 9, 11]


def test_masked_cells_weigh_nothing(tmp_path):
    path = write_tif(tmp_path / "w.tif", counting())
    mask_out(path, 0, 1)
    np.testing.assert_array_equal(load_weights({"path": str(path)}, GRID)[0], [0, np.nan, 2, 3, 4, 5])


def test_weights_on_another_grid_are_refused_with_both_grids(tmp_path):
    path = write_tif(tmp_path / "w.tif", counting(FINE), grid=FINE, nodata=-1)
    with pytest.raises(GridError, match=r"(?s)w.tif does not have the cells.*12 × 8 cells of 0.5.*6 × 4 cells of 1"):
        load_weights({"path": str(path)}, GRID)


def test_negative_weights_are_refused(tmp_path):
    path = write_tif(tmp_path / "w.tif", counting() - 1)
    with pytest.raises(RasterError, match=r"w.tif holds 1 negative or infinite weight, such as -1"):
        load_weights({"path": str(path)}, GRID)


def test_the_weights_name_the_index(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    keys = set()
    for start in (0, 1):
        path = write_tif(tmp_path / "w.tif", counting(start=start))
        key, index = ensure_index(
            lambda: ZONES.geometry.to_numpy(), GRID, "z", Counting("center", {"path": str(path)}), print
        )
        keys.add(key)
        assert index.weight[0, 0] == start
    keys.add(ensure_index(lambda: ZONES.geometry.to_numpy(), GRID, "z", Counting("center", "area"), print)[0])
    keys.add(ensure_index(lambda: ZONES.geometry.to_numpy(), GRID, "z", Counting("center"), print)[0])
    assert len(keys) == 4
    assert weights_key("none") is None
