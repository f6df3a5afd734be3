"""Rasters on other grids than the study's, and windows of grids."""

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from small import GRID, boxes, compute_year, counting, place, read_time_steps, write_tif

from zonalflow.common.errors import GridError
from zonalflow.geometry.box import box_window, window_in
from zonalflow.geometry.grid import Grid
from zonalflow.index.cache import Counting, ensure_index
from zonalflow.index.grids import StudyZones, grid_finder, index_other_grid
from zonalflow.rasters.read import TimeStep
from zonalflow.tables.year_table import load_year, save_year

FINE = Grid("EPSG:4269", (0.5, 0.0, 0.0, 0.0, -0.5, 4.0), 12, 8)
SHIFTED = Grid("EPSG:4269", (1.0, 0.0, 2.0, 0.0, -1.0, 4.0), 4, 4)
ZONES = boxes((0, 3, 2, 4), (1, 0, 5, 2))


@pytest.fixture
def index_other(tmp_path, monkeypatch):
    """Return a function that indexes the two zones on another grid; its ``lines`` are the log."""
    monkeypatch.chdir(tmp_path)
    ZONES.to_file("zones.gpkg")
    ZONES.to_parquet("zones.parquet")
    lines = []
    options = {
        "id": "id",
        "layer": None,
        "crs": None,
        "where": None,
        "states": None,
        "dissolve": False,
        "keep": "clipped",
    }

    def make(grid, bbox=None, method="center"):
        zones = StudyZones("zones.parquet", "z", ["zones.gpkg"], options, bbox)
        return index_other_grid(grid, zones, Counting(method), lines.append)

    make.lines = lines
    return make


def test_each_distinct_grid_gets_an_index_of_its_own(tmp_path, index_other):
    files = [
        write_tif(tmp_path / "1.tif", counting(), nodata=-1),
        write_tif(tmp_path / "2.tif", counting(FINE), grid=FINE, nodata=-1),
        write_tif(tmp_path / "3.tif", counting(SHIFTED), grid=SHIFTED, nodata=-1),
        write_tif(tmp_path / "4.tif", counting(FINE) + 1, grid=FINE, nodata=-1),
    ]
    steps = [TimeStep(f"2000-0{i}", str(path)) for i, path in enumerate(files, start=1)]
    table = compute_year(read_time_steps(steps, grid_finder(place(ZONES), index_other)), ["mean"])
    assert table.grids[0] == "study"
    assert len(set(table.grids)) == 3
    assert table.grids[1] == table.grids[3]
    # zone a is cells 0, 1 of GRID; 0 … 3 and 12 … 15 of FINE; the shifted grid begins where it ends
    assert table.columns["count"].tolist() == [[2, 8], [8, 32], [0, 6], [8, 32]]
    np.testing.assert_array_equal(table.columns["mean"][:, 0], [0.5, 7.5, np.nan, 8.5])
    # zone b, four by two cells of GRID: rows 2, 3, columns 1 … 4: 13 … 16 and 19 … 22
    assert table.columns["mean"][0, 1] == 17.5
    assert table.columns["inside_fraction"].tolist() == [[1, 1], [1, 1], [0, 0.75], [1, 1]]


def test_another_grid_is_indexed_once_and_recorded(tmp_path, index_other):
    first = index_other(FINE)
    lines = len(index_other.lines)
    again = index_other(FINE)
    assert len(index_other.lines) == lines
    assert (again.name, again.inside.tolist()) == (first.name, [1, 1])
    assert again.description == first.description
    assert Grid.from_dict(first.description["file_grid"]) == FINE
    assert index_other(FINE, method="coverage").name != first.name


def test_a_lost_index_of_another_grid_is_rebuilt(tmp_path, index_other):
    first = index_other(FINE)
    (tmp_path / first.description["index"] / "run_start.npy").write_bytes(b"")
    again = index_other(FINE)
    assert again.index.n_cells.tolist() == [8, 32]
    assert any("building it again" in line for line in index_other.lines)


def test_a_grid_in_another_crs_gets_zones_in_that_crs(index_other):
    # a grid of 10 km cells in Albers around the first zone, whose cells are counted with pyproj
    albers = "+proj=aea +lat_0=2 +lon_0=3 +lat_1=1 +lat_2=3 +datum=NAD83 +units=m"
    grid = Grid(rasterio.crs.CRS.from_string(albers).to_wkt(), (10000.0, 0, -400000.0, 0, -10000.0, 300000.0), 80, 60)
    found = index_other(grid)
    x, y = np.meshgrid(-400000 + 10000 * (np.arange(80) + 0.5), 300000 - 10000 * (np.arange(60) + 0.5))
    lon, lat = Transformer.from_crs(albers, "EPSG:4269", always_xy=True).transform(x, y)
    # the zones' edges are straight in Albers between their corners: allow the cells along them
    inside = ((lon > 0) & (lon < 2) & (lat > 3) & (lat < 4)).sum()
    assert found.index.n_cells[0] == pytest.approx(inside, abs=25)
    assert found.inside.tolist() == [1, 1]


def test_a_box_cuts_the_other_grid_too(index_other):
    found = index_other(FINE, bbox=[0, 0, 1.2, 4])
    assert found.index.grid.bounds == (0, 0, 1.5, 4)
    assert found.inside.tolist() == [0.75, 0.125]


def test_a_year_table_keeps_its_grids(tmp_path, index_other):
    path = write_tif(tmp_path / "2.tif", counting(FINE), grid=FINE, nodata=-1)
    steps = read_time_steps([TimeStep("2000", str(path))], grid_finder(place(ZONES), index_other))
    table = compute_year(steps, ["mean"])
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


def test_an_index_that_another_process_built_meanwhile_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written = []

    def geometry_of_the_slower():
        """While this process reads its zones, another one builds and writes the same index."""
        key, _ = ensure_index(lambda: ZONES.geometry.to_numpy(), GRID, "z", Counting("center"), print)
        written.append((tmp_path / "resources/index" / key / "index.json").stat())
        return ZONES.geometry.to_numpy()

    key, index = ensure_index(geometry_of_the_slower, GRID, "z", Counting("center"), print)
    assert index.n_cells.tolist() == [2, 8]
    assert (tmp_path / "resources/index" / key / "index.json").stat().st_ino == written[0].st_ino
    assert [path.name for path in (tmp_path / "resources/index").iterdir()] == [key]
