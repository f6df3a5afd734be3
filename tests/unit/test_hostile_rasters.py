"""Rasters as users have them: the right numbers, or one message that names the file and the date. Sums by hand."""

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine
from small import GRID, boxes, compute_year, counting, place, read_time_steps, write_tif

from zonalflow.common.errors import GridError, RasterError
from zonalflow.geometry.grid import Grid
from zonalflow.index.grids import grid_finder
from zonalflow.rasters.read import TimeStep

# Rows 0 and 1, columns 0 … 2 of 0, 1, 2, … in rows of 6: 0 1 2 / 6 7 8. And one cell, 23.
ZONES = boxes((0, 2, 3, 4), (5, 0, 6, 1))
STATS = ["mean", "min", "max", "sum", "std", "median"]


def numbers(path, stats=("mean", "min", "max", "sum"), zones=ZONES, grid=GRID, **options):
    """Return the statistics of the first zone at a date, and the counts of both zones."""
    time_steps = read_time_steps([TimeStep("2003", str(path))], grid_finder(place(zones, grid)), **options)
    table = compute_year(time_steps, list(stats))
    return [table.columns[name][0, 0] for name in stats], table.columns["count"][0].tolist()


def refusal(path, error=RasterError, **options):
    with pytest.raises(error) as caught:
        numbers(path, **options)
    text = str(caught.value)
    assert str(path) in text and "2003" in text, "file and date"
    return text


@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"]
)
def test_every_type_of_number(tmp_path, dtype):
    path = write_tif(tmp_path / "a.tif", counting().astype(dtype), nodata=7)  # the 7 of the second row is no data
    assert numbers(path) == ([17 / 5, 0, 8, 17], [5, 1])


def test_large_integers_keep_their_last_digit(tmp_path):
    values = np.full((4, 6), 2**53 + 1, dtype=np.int64)
    path = write_tif(tmp_path / "a.tif", values, nodata=-1)
    [low, high], _ = numbers(path, ["min", "max"])
    assert (low, high) == (2**53, 2**53)  # as float64, in which everything is computed, has it


def test_negative_values(tmp_path):
    path = write_tif(tmp_path / "a.tif", -counting().astype("int16"), nodata=-9999)
    assert numbers(path) == ([-4, -8, 0, -24], [6, 1])


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_numbers_are_refused(tmp_path, dtype):
    path = write_tif(tmp_path / "a.tif", counting().astype(dtype), nodata=-1)
    assert f"holds complex numbers ({dtype})" in refusal(path)


def test_nan_is_no_data_beside_the_nodata_value(tmp_path):
    values = counting()
    values[0, 0], values[1, 1] = np.nan, -9999
    path = write_tif(tmp_path / "a.tif", values, nodata=-9999)
    assert numbers(path) == ([(1 + 2 + 6 + 8) / 4, 1, 8, 17], [4, 1])


def test_nan_as_the_nodata_value(tmp_path):
    values = counting()
    values[0, 0] = np.nan
    path = write_tif(tmp_path / "a.tif", values, nodata=np.nan)
    assert numbers(path) == ([24 / 5, 1, 8, 24], [5, 1])


def test_a_zone_of_nothing_but_nodata_is_empty(tmp_path):
    path = write_tif(tmp_path / "a.tif", np.full((4, 6), -9999.0, "float32"), nodata=-9999)
    found, counts = numbers(path, STATS)
    assert counts == [0, 0]
    assert np.isnan(found).all()


def test_infinity_is_a_value_and_stays_in_its_zone(tmp_path):
    values = counting()
    values[0, 0] = np.inf
    path = write_tif(tmp_path / "a.tif", values, nodata=-9999)
    assert numbers(path) == ([np.inf, 1, np.inf, np.inf], [6, 1])
    _, (first, second) = numbers(path, STATS)
    assert (first, second) == (6, 1)


def test_infinity_as_the_nodata_value(tmp_path):
    values = counting()
    values[0, 0] = -np.inf
    path = write_tif(tmp_path / "a.tif", values, nodata=-np.inf)
    assert numbers(path) == ([24 / 5, 1, 8, 24], [5, 1])
    assert numbers(write_tif(tmp_path / "b.tif", values), nodata="-inf") == ([24 / 5, 1, 8, 24], [5, 1])


@pytest.mark.parametrize("tag", [-3.4e38, -3.4028234663852886e38, float(np.finfo(np.float32).min)])
def test_the_most_negative_number_with_few_digits(tmp_path, tag):
    values = counting()
    values[0, 0] = np.finfo(np.float32).min
    path = write_tif(tmp_path / "a.tif", values, nodata=tag)
    assert numbers(path) == ([24 / 5, 1, 8, 24], [5, 1])


def test_without_a_nodata_value_one_must_be_configured(tmp_path):
    path = write_tif(tmp_path / "a.tif", counting())
    assert "does not declare its nodata value" in refusal(path)
    assert numbers(path, nodata="none") == ([4, 0, 8, 24], [6, 1])
    assert numbers(path, nodata=8) == ([16 / 5, 0, 7, 16], [5, 1])


def test_without_a_crs_one_must_be_configured(tmp_path):
    bare = Grid("", GRID.transform, 6, 4)
    path = write_tif(tmp_path / "a.tif", counting(), grid=bare, nodata=-1)
    assert "has no CRS; set it in the configuration, for example raster.crs: EPSG:4269" in refusal(path)
    assert numbers(path, crs="EPSG:4269") == ([4, 0, 8, 24], [6, 1])


def test_another_crs_is_another_grid(tmp_path):
    there = Grid("EPSG:32617", GRID.transform, 6, 4)
    path = write_tif(tmp_path / "a.tif", counting(), grid=there, nodata=-1)
    text = refusal(path, GridError)
    assert "is not on the study's grid" in text
    assert "WGS 84 / UTM zone 17N" in text and "EPSG:4269" in text


def test_the_first_row_may_be_the_southernmost(tmp_path):
    south_up = Grid("EPSG:4269", (1.0, 0.0, 0.0, 0.0, 1.0, -1.0), 6, 5)  # and one row more in the south
    values = np.vstack([np.full((1, 6), 99, "float32"), counting()[::-1]])
    path = write_tif(tmp_path / "a.tif", values, grid=south_up, nodata=-1)
    assert numbers(path, grid=south_up) == ([4, 0, 8, 24], [6, 1])
    assert "first row southernmost" in refusal(path, GridError)  # of a study whose first row is the northernmost


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize(
    ("transform", "message"),
    [
        (Affine.rotation(30) * Affine.scale(1, -1), "rotated, sheared or mirrored"),
        (Affine(1, 0.2, 0, 0, -1, 4), "rotated, sheared or mirrored"),
        (Affine(-1, 0, 6, 0, -1, 4), "rotated, sheared or mirrored"),
        (Affine.identity(), "is not georeferenced"),
    ],
    ids=["rotated", "sheared", "mirrored", "none"],
)
def test_a_grid_that_no_zone_can_be_laid_on(tmp_path, transform, message):
    path = tmp_path / "a.tif"
    profile = {"driver": "GTiff", "count": 1, "height": 4, "width": 6, "dtype": "float32", "crs": "EPSG:4269"}
    with rasterio.open(path, "w", nodata=-1, transform=transform, **profile) as target:
        target.write(counting(), 1)
    assert message in refusal(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read as a raster"),
        (b"II*\0\x08\0\0\0\0\0", "cannot be read as a raster"),
        (b"<html>no raster</html>", "cannot be read as a raster"),
    ],
)
def test_a_file_that_holds_no_raster(tmp_path, content, message):
    path = tmp_path / "a.tif"
    path.write_bytes(content)
    assert message in refusal(path)


def test_no_such_file(tmp_path):
    assert "no such file" in refusal(tmp_path / "a.tif")


@pytest.mark.parametrize("compress", ["none", "deflate"])
def test_a_raster_cut_short_is_never_half_read(tmp_path, compress):
    grid = Grid("EPSG:4269", (0.01, 0.0, 0.0, 0.0, -0.01, 4.0), 600, 400)
    path = write_tif(tmp_path / "a.tif", counting(grid), grid=grid, nodata=-1, compress=compress)
    whole = numbers(path, grid=grid)
    content = path.read_bytes()
    for share in (0.1, 0.5, 0.9, 0.999):
        path.write_bytes(content[: int(len(content) * share)])
        try:
            found = numbers(path, grid=grid)
        except RasterError as error:
            assert str(path) in str(error) and "2003" in str(error)
        else:
            assert found == whole


def test_a_bit_flipped_since_the_fetch_is_found(tmp_path):
    from zonalflow.common.files import sha256

    path = write_tif(tmp_path / "2003.tif", counting(), nodata=-1)
    step = TimeStep("2003", str(path), sha256=sha256(path))
    find = grid_finder(place(ZONES))
    assert len(list(read_time_steps([step], find))) == 1
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(RasterError) as caught:
        list(read_time_steps([step], find))
    assert "its checksum differs from its receipt's" in str(caught.value)
    assert f"delete {tmp_path}/2003.json and run again" in str(caught.value)
    path.unlink()
    with pytest.raises(RasterError, match=r"2003.tif \(2003\) is missing"):
        list(read_time_steps([step], find))


def test_a_file_that_claims_too_many_cells_is_refused(tmp_path):
    path, n = tmp_path / "a.tif", 400_000  # 1.6 × 10¹¹ cells, in blocks of which none is stored
    profile = {"driver": "GTiff", "count": 1, "dtype": "uint8", "crs": "EPSG:4269", "nodata": 255, "SPARSE_OK": True}
    tiles = {"tiled": True, "blockxsize": 4096, "blockysize": 4096, "BIGTIFF": "YES"}
    transform = Affine(6 / n, 0, 0, 0, -4 / n, 4)
    with rasterio.open(path, "w", width=n, height=n, transform=transform, **profile, **tiles):
        pass
    assert path.stat().st_size < 200_000
    assert "claims 1.6e+11 cells (400000 columns, 400000 rows)" in refusal(path)


@pytest.mark.parametrize("nodata", [1e39, float("inf")])
def test_nodata_beyond_the_type_leaves_the_largest_value_alone(tmp_path, nodata):
    values = counting().astype("float32")
    values[0, 1] = np.finfo("float32").max
    path = write_tif(tmp_path / "a.tif", values, nodata=-1)
    assert numbers(path, ["max"], nodata=nodata)[0] == [float(np.finfo("float32").max)]
