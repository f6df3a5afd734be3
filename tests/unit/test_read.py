"""What is read from a raster, whatever its format: values, nodata, grid."""

import gzip
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
from small import GRID, boxes, compute_year, counting, mask_out, place, read_time_steps, write_tif

from zonalflow.common.errors import GridError, RasterError
from zonalflow.geometry.grid import Grid
from zonalflow.index.grids import grid_finder
from zonalflow.rasters.nodata import MISSING
from zonalflow.rasters.read import TimeStep, open_raster, raster_grid

WEST_ROW = boxes((0, 3, 3, 4))  # cells 0, 1 and 2: the first three of the northernmost row


def read(path, *, zones=WEST_ROW, grid=GRID, **options):
    """Return the values read from the first band of a file, as the engine gets them, and nodata."""
    ((_, values, nodata, _),) = read_time_steps(
        [TimeStep("2000", str(path))], grid_finder(place(zones, grid)), **options
    )
    return values, nodata


@pytest.mark.parametrize(("driver", "name"), [("GTiff", "a.tif"), ("COG", "a.tif"), ("EHdr", "a.bil")])
def test_formats_give_the_same_values(tmp_path, driver, name):
    path = write_tif(tmp_path / name, counting(), driver=driver, nodata=-9999)
    values, nodata = read(path)
    assert values.tolist() == [[0, 1, 2]]
    assert nodata == -9999


def test_a_bil_within_its_zip_is_read_in_place(tmp_path):
    write_tif(tmp_path / "a.bil", counting(), driver="EHdr", nodata=-9999)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for part in tmp_path.glob("a.*"):
            if part.suffix != ".zip":
                archive.write(part, part.name)
        archive.writestr("__MACOSX/._a.bil", b"")  # as a Mac packs it
    assert read(tmp_path / "a.zip")[0].tolist() == [[0, 1, 2]]


def test_a_zip_must_hold_one_raster(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("one.tif", b"")
        archive.writestr("two.tif", b"")
    with pytest.raises(
        RasterError, match=r"a.zip holds 2 rasters \['one.tif', 'two.tif'\]; a zip must hold exactly one"
    ):
        read(tmp_path / "a.zip")


def test_scale_and_offset_turn_stored_into_physical_values(tmp_path):
    stored = counting().astype(np.int16)
    path = write_tif(tmp_path / "a.tif", stored, nodata=1, scale=0.1, offset=-5.0)
    values, nodata = read(path)
    np.testing.assert_allclose(values, [[-5.0, MISSING, -4.8]], rtol=1e-15)
    assert nodata == MISSING


def test_nodata_and_nan_stay_apart_in_a_scaled_raster(tmp_path):
    stored = counting()
    stored[0, :2] = -1, np.nan
    path = write_tif(tmp_path / "a.tif", stored, nodata=-1, scale=2.0, offset=0.0)
    time_steps = read_time_steps([TimeStep("2000", str(path))], grid_finder(place(WEST_ROW)))
    table = compute_year(time_steps, ["nodata", "nan", "count", "mean"])
    assert {name: column.tolist() for name, column in table.columns.items()} == {
        "nodata": [[1.0]], "nan": [[1.0]], "mean": [[4.0]], "count": [[1]], "valid_fraction": [[pytest.approx(1 / 3)]]
    }  # fmt: skip


def test_integer_nodata_is_no_data(tmp_path):
    path = write_tif(tmp_path / "a.tif", counting().astype(np.uint8), nodata=2)
    values, nodata = read(path)
    assert (values.dtype, nodata) == (np.uint8, 2)


def test_nodata_must_be_declared_somewhere(tmp_path):
    path = write_tif(tmp_path / "a.tif", counting())
    with pytest.raises(
        RasterError, match=r"does not declare its nodata value.*raster.nodata: -9999, or raster.nodata: none"
    ):
        read(path)
    assert read(path, nodata=-9999)[1] == -9999
    assert read(path, nodata="none")[1] is None


def test_cells_that_the_file_masks_are_no_data(tmp_path):
    path = write_tif(tmp_path / "a.tif", counting())
    mask_out(path, 0, 1)
    values, nodata = read(path)
    assert values.tolist() == [[0, MISSING, 2]]
    assert nodata == MISSING


def test_the_configured_crs_is_for_files_without_one(tmp_path):
    bare = Grid("", GRID.transform, GRID.width, GRID.height)
    path = write_tif(tmp_path / "a.tif", counting(), grid=bare, nodata=-1)
    with pytest.raises(
        RasterError, match=r"has no CRS; set it in the configuration, for example raster.crs: EPSG:4269"
    ):
        read(path)
    assert read(path, crs="EPSG:4269")[0].tolist() == [[0, 1, 2]]
    with open_raster(str(write_tif(tmp_path / "b.tif", counting(), nodata=-1))) as dataset:
        assert raster_grid(dataset, "EPSG:5070").crs == "EPSG:5070"  # what the configuration says wins


def test_a_raster_without_a_place_on_the_earth(tmp_path):
    path = tmp_path / "a.tif"
    with open_raster(str(write_tif(path, counting(), nodata=-1))) as dataset:
        assert not dataset.transform.is_identity
    nowhere = Grid("EPSG:4269", (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), 6, 4)
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        write_tif(path, counting(), grid=nowhere, nodata=-1)
    with pytest.raises(RasterError, match="is not georeferenced"):
        read(path)


@pytest.mark.parametrize(
    "other",
    [
        Grid("EPSG:4269", (1.0, 0.0, 0.5, 0.0, -1.0, 4.0), 6, 4),  # shifted
        Grid("EPSG:4269", (2.0, 0.0, 0.0, 0.0, -2.0, 4.0), 3, 2),  # coarser
        Grid("EPSG:4326", (1.0, 0.0, 0.0, 0.0, -1.0, 4.0), 6, 4),  # another CRS
    ],
)
def test_another_grid_is_an_error_that_shows_both_grids(tmp_path, other):
    path = write_tif(tmp_path / "a.tif", counting(other), grid=other, nodata=-1)
    with pytest.raises(GridError) as error:
        read(path)
    message = str(error.value)
    assert f"{path} (2000) is not on the study's grid" in message
    assert other.describe().split(" cells")[0] in message
    assert "6 × 4 cells of 1 × 1" in message
    assert "raster.on_grid_change: reindex" in message


def test_rounding_of_the_corners_is_no_other_grid(tmp_path):
    rounded = Grid("EPSG:4269", (1.0000000001, 0.0, 1e-9, 0.0, -1.0000000001, 4.0), 6, 4)
    assert read(write_tif(tmp_path / "a.tif", counting(), grid=rounded, nodata=-1))[0].tolist() == [[0, 1, 2]]


def test_a_missing_a_broken_and_a_cut_file_are_named(tmp_path):
    with pytest.raises(RasterError, match=r"nowhere.tif: no such file"):
        read(tmp_path / "nowhere.tif")
    (tmp_path / "page.tif").write_text("<html>later</html>")
    with pytest.raises(RasterError, match=r"page.tif cannot be read as a raster"):
        read(tmp_path / "page.tif")
    path = write_tif(tmp_path / "cut.tif", counting(), nodata=-1)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(RasterError, match=r"cut.tif \(2000\) is damaged"):
        read(path, zones=boxes((0, 0, 6, 4)))


@pytest.mark.skipif("ZONALFLOW_REAL_DATA" not in os.environ, reason="ZONALFLOW_REAL_DATA names no folder")
def test_a_real_prism_zip_is_read_as_it_is():
    path = Path(os.environ["ZONALFLOW_REAL_DATA"]) / "PRISM_ppt_stable_4kmD2_19810101_bil.zip"
    with open_raster(str(path)) as dataset:
        grid = raster_grid(dataset, None)
        values = dataset.read(1)
    assert (grid.width, grid.height, dataset.nodata) == (1405, 621, -9999)
    assert grid.bounds == pytest.approx((-125.0208333, 24.0625, -66.4791667, 49.9375), abs=1e-6)
    kept = values[values != -9999]
    assert 0 <= kept.min() < kept.max() < 500  # millimetres in a day


# ------------------------------------------------------------------------------------------------- nodata, exactly


def declaring(path, nodata, kind):
    """Return a VRT of a GeoTIFF that declares a nodata value in any spelling."""
    vrt = path.with_suffix(".vrt")
    vrt.write_text(
        f'''<VRTDataset rasterXSize="6" rasterYSize="4"><SRS>EPSG:4269</SRS><GeoTransform>0,1,0,4,0,-1</GeoTransform>
        <VRTRasterBand dataType="{kind}" band="1"><NoDataValue>{nodata}</NoDataValue><SimpleSource>
        <SourceFilename>{path}</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>'''
    )
    return vrt


@pytest.mark.parametrize(
    ("kind", "nodata"), [("Int64", 2**60), ("Int64", -(2**60)), ("UInt64", 2**63), ("UInt64", 2**64 - 2)]
)
@pytest.mark.parametrize("blocks", [False, True], ids=["whole", "in strips"])
def test_64_bit_nodata_is_compared_exactly(tmp_path, monkeypatch, kind, nodata, blocks):
    values = np.full(GRID.shape, 5, kind.lower())
    values[0, :3] = nodata, nodata + 1, 7  # as float64, the first two are equal
    path = declaring(write_tif(tmp_path / "a.tif", values), nodata, kind)
    if blocks:
        monkeypatch.setattr("zonalflow.stats.plan.STRIP", 1)
    for configured in (None, nodata):
        steps = read_time_steps([TimeStep("2000", str(path))], grid_finder(place(WEST_ROW)), nodata=configured)
        table = compute_year(steps, ["sum"])
        assert table.columns["count"].tolist() == [[2]]
        assert table.columns["sum"].tolist() == [[float(nodata + 1) + 7]]


@pytest.mark.parametrize(("declared", "dtype"), [("-9999", "uint8"), ("255.5", "uint8"), ("nan", "uint8")])
def test_declared_nodata_beyond_the_type_is_refused(tmp_path, declared, dtype):
    path = write_tif(tmp_path / "a.bil", counting().astype(dtype), driver="EHdr", nodata=201)
    header = tmp_path / "a.hdr"
    header.write_text(header.read_text().replace("201", declared) + "PIXELTYPE UNSIGNEDINT\n")
    message = rf"a.bil declares the nodata value {declared}, .* can hold \({dtype}, whole numbers from 0 to 255\)"
    with pytest.raises(RasterError, match=message):
        read(path)
    assert read(path, nodata="none")[0].tolist() == [[0, 1, 2]]


def test_configured_nodata_means_the_stored_value(tmp_path):
    stored = counting().astype(np.int16)
    path = write_tif(tmp_path / "a.tif", stored, scale=0.1, offset=-5.0)
    assert read(path, nodata=1)[0].tolist() == [[-5.0, MISSING, 2 * np.float64(0.1) - 5]]


@pytest.mark.parametrize(
    ("nodata", "dtype", "can"),
    [
        (-9999, "uint8", False), (255, "uint8", True), (-99.99, "int16", False), ("nan", "int16", False),
        ("nan", "float32", True), (1e39, "float32", False), (2**63, "int64", False), (2**63, "uint64", True),
        ("none", "uint8", True), (None, "uint8", True),
    ],
)  # fmt: skip
def test_nodata_that_cannot_occur_is_a_warning(tmp_path, nodata, dtype, can):
    lines = []
    path = write_tif(tmp_path / "a.tif", counting().astype(dtype), nodata=1)
    read(path, nodata=nodata, log=lines.append)
    assert [line.startswith(f"WARNING: raster.nodata: {nodata} means a stored value") for line in lines] == (
        [] if can else [True]
    )


# ---------------------------------------------------------------------------------------- refused, and said why


@pytest.mark.parametrize(
    "crs",
    [
        'LOCAL_CS["field",UNIT["metre",1]]',
        'ENGCRS["barn",EDATUM["corner"],CS[Cartesian,2],AXIS["x",east],AXIS["y",north],LENGTHUNIT["metre",1]]',
        "EPSG:4978",  # geocentric
    ],
)
def test_a_crs_without_a_relation_to_the_earth_is_refused(tmp_path, crs):
    path = write_tif(tmp_path / "a.tif", counting(), nodata=-1, crs=crs)
    with pytest.raises(RasterError, match=r"a.tif has a CRS that does not say where on the earth its cells lie"):
        read(path)
    assert read(path, crs="EPSG:4269")[0].tolist() == [[0, 1, 2]]  # the configuration knows better


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x0e\x03\x13\x01....", r"it is an HDF4 file.*libgdal-hdf4"),
        (gzip.compress(b"raster"), r"it is compressed with gzip; unpack it: gunzip"),
        (b"", r"it is empty$"),
        (b"\n<!DOCTYPE html><html>Sign in</html>", r"it is a web page"),
        (b"x" * 100, r" \(.*not recognized"),
    ],
    ids=["HDF4", "gzip", "empty", "page", "other"],
)
def test_a_file_that_is_not_a_raster_is_described(tmp_path, content, message):
    (tmp_path / "a.tif").write_bytes(content)
    with (
        pytest.raises(RasterError, match=rf"a.tif cannot be read as a raster.*{message}"),
        open_raster(str(tmp_path / "a.tif")),
    ):
        pass
