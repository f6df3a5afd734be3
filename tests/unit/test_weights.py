"""Weights of cells: by a raster such as population, on the study's grid."""

import numpy as np
import pytest
import rasterio
import xarray
from small import GRID, boxes, compute_year, counting, mask_out, place, read_time_steps, write_tif

from zonalflow.common.errors import GridError, RasterError
from zonalflow.geometry.grid import Grid
from zonalflow.index.cache import Counting, ensure_index
from zonalflow.index.grids import grid_finder
from zonalflow.rasters.read import TimeStep
from zonalflow.readers.weights import weight_strips, weights_key

FINE = Grid("EPSG:4269", (0.5, 0.0, 0.0, 0.0, -0.5, 4.0), 12, 8)
ZONES = boxes((0, 3, 2, 4), (1, 0, 5, 2))


def load_weights(weights, grid, crs=None):
    return np.concatenate([values for _, values in weight_strips(weights["path"], grid, crs)])


def test_population_weighted_mean_by_hand(tmp_path):
    population = np.zeros(GRID.shape, np.float32)
    population[0, :3] = 1, 3, np.nan
    path = write_tif(tmp_path / "population.tif", population, nodata=np.nan)
    weights = load_weights({"path": str(path)}, GRID)
    raster = write_tif(tmp_path / "a.tif", counting() + 10, nodata=-1)
    where = place(boxes((0, 3, 3, 4), (3, 3, 6, 4)), weights=weights)
    table = compute_year(read_time_steps([TimeStep("2000", str(raster))], grid_finder(where)), ["mean", "sum"])
    # (1 × 10 + 3 × 11) / 4; the second zone has no weight
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


def test_a_raster_of_weights_with_two_bands_is_refused(tmp_path):
    path = write_tif(tmp_path / "people.tif", np.stack([counting(), counting()]), nodata=-1)
    with rasterio.open(path, "r+") as dataset:
        dataset.descriptions = ("2000", None)
    with pytest.raises(RasterError, match=r"people.tif has 2 bands \(2000, no name\), but a raster of weights has one"):
        load_weights({"path": str(path)}, GRID)


@pytest.mark.parametrize("names", [["people"], ["people", "houses"]])
def test_weights_may_be_the_only_variable_of_a_netcdf_file(tmp_path, names):
    path = tmp_path / "w.nc"
    axes = {"lat": np.arange(0.5, 4), "lon": np.arange(0.5, 6)}
    xarray.Dataset({name: (("lat", "lon"), counting()[::-1]) for name in names}, axes).to_netcdf(path)
    if len(names) == 1:  # the southernmost row is the first in the file
        np.testing.assert_array_equal(load_weights({"path": str(path)}, GRID, "EPSG:4269"), counting())
    else:
        with pytest.raises(RasterError, match=r"w.nc must hold one variable on a grid. Its variables: people, houses"):
            load_weights({"path": str(path)}, GRID, "EPSG:4269")


@pytest.mark.parametrize("method", ["center", "coverage"])
def test_a_huge_weight_leaves_other_zones_as_they_are(tmp_path, method):
    weights = np.ones(GRID.shape, np.float32)
    weights[0, 0] = 3.4e38  # a nodata value that the file does not declare
    path = write_tif(tmp_path / "w.tif", weights)
    zones = boxes((0, 3, 2, 4), (2, 3, 4, 4), (0, 0, 6, 1))
    where = place(zones, method=method, weights=load_weights({"path": str(path)}, GRID))
    table = compute_year([("2000", counting(), None, where)], ["mean", "sum"])
    # cells 0 and 1 by 3.4e38 and 1; 2 and 3; 18 … 23
    np.testing.assert_allclose(table.columns["mean"], [[1 / 3.4e38, 2.5, 20.5]], rtol=1e-6)
    np.testing.assert_allclose(table.columns["sum"], [[1.0, 5.0, 123.0]])


@pytest.mark.parametrize(
    ("crs", "north"),
    [
        ("EPSG:4326", 60.0),
        ("EPSG:4807", 60 / 0.9),  # NTF (Paris) is in grads, of which 400 are a circle
        ('GEOGCS["r",DATUM["d",SPHEROID["s",6378137,298.257]],PRIMEM["g",0],UNIT["radian",1]]', np.pi / 3),
    ],
    ids=["degrees", "grads", "radians"],
)
def test_area_weights_follow_the_unit_of_the_latitude(crs, north):
    # a third of the way to the pole and twice that: rows of 30 degrees from 60 N to the equator, centres 45 and 15 N
    grid = Grid(crs, (north / 2, 0.0, 0.0, 0.0, -north / 2, north), 1, 2)
    np.testing.assert_allclose(grid.row_areas(), np.cos(np.radians([45, 15])), rtol=1e-12)


def test_a_zarr_store_of_weights_is_known_by_its_contents(tmp_path):
    for name, text in (("a", "1"), ("b", "1"), ("c", "2")):
        (tmp_path / f"{name}.zarr/c").mkdir(parents=True)
        (tmp_path / f"{name}.zarr/c/0").write_text(text)
    one, same, other = (weights_key({"path": str(tmp_path / f"{name}.zarr")}) for name in "abc")
    assert one == same != other
