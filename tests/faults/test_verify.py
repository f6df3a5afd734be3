"""Verification: sound studies pass by either engine, and whatever is cut, flipped or edited is found and named."""

import json
import os
import pkgutil
import shutil
from pathlib import Path

import geopandas
import netCDF4
import numpy as np
import pandas
import pytest
import shapely
from faults import pipeline
from small import write_tif

from zonalflow.common.errors import VerificationError
from zonalflow.common.files import read_checksums, record_checksums
from zonalflow.geometry.grid import Grid
from zonalflow.index.store import load_index
from zonalflow.verify.numbers import relative_difference
from zonalflow.verify.verdict import verify

STATS = [
    "mean",
    "min",
    "max",
    "sum",
    "std",
    "variance",
    "cv",
    "median",
    "percentile_90",
    "unique",
    "majority",
    "range",
    "nodata",
]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("verify") / "study"
    return folder, pipeline.run_in(folder)


@pytest.fixture
def study(finished, tmp_path, monkeypatch):
    """A finished study in the working directory, to be damaged."""
    folder, study = finished
    shutil.copytree(folder, tmp_path / "study")
    monkeypatch.chdir(tmp_path / "study")
    return study


def verdict():
    return json.loads(Path("results/small/verify.json").read_text(encoding="utf-8"))


def failure(study):
    with pytest.raises(VerificationError) as caught:
        verify(study)
    return str(caught.value)


def flip(path, at=0.5):
    """Flip one bit of a file."""
    raw = bytearray(Path(path).read_bytes())
    raw[int(len(raw) * at)] ^= 1
    Path(path).write_bytes(raw)


def cut(path):
    os.truncate(path, Path(path).stat().st_size // 2)


# -------------------------------------------------------------------------------------------------- sound


def test_a_sound_study_passes(study):
    words = verify(study)
    assert "0 do not match" in words
    found = verdict()
    assert found["verdict"] == "passed"
    assert found["engine"].startswith("rasterstats ")
    zones = json.loads(Path(study.preparation).read_text(encoding="utf-8"))["kept"]
    assert found["numbers_compared"] == 2 * zones  # the mean and the count of each, in one year
    assert found["largest_relative_difference"] <= 1e-12
    assert found["files_checked"] >= 20 and found["files_that_do_not_match"] == 0


def test_the_same_results_give_the_same_verdict_byte_for_byte(study):
    verify(study)
    first = Path("results/small/verify.json").read_bytes()
    verify(study)
    assert Path("results/small/verify.json").read_bytes() == first


def test_verify_leaves_no_raster_open(study):
    """One that Python closes at its own end, rasterio 1.5 answers with “Error in sys.excepthook” on stderr."""
    verify(study)
    assert verdict()["numbers_compared"] > 0  # a raster was read
    opened = {os.path.realpath(descriptor) for descriptor in Path("/proc/self/fd").iterdir()}
    assert not {path for path in opened if path.startswith(f"{Path.cwd()}/")}


@pytest.mark.parametrize("method", ["center", "all_touched", "coverage"])
@pytest.mark.parametrize("weights", ["none", "area"])
def test_every_statistic_by_the_other_engine(tmp_path, monkeypatch, method, weights):
    study = pipeline.run_in(tmp_path / "s", stats=STATS, method=method, weights=weights, output={"formats": ["csv"]})
    monkeypatch.chdir(tmp_path / "s")
    verify(study)
    found = verdict()
    assert found["engine"].startswith("rasterstats " if method == "center" else "exactextract ")
    # nodata is known to rasterstats alone, range is computed from the other two
    assert found["numbers_compared"] >= 8 * (len(STATS) - 1)
    assert found["largest_relative_difference"] < found["tolerance"]


def test_a_least_coverage_by_the_other_engine(tmp_path, monkeypatch):
    numbers = set()
    for least in (0, 0.5):
        study = pipeline.run_in(
            tmp_path / f"{least}", stats=["mean"], method="coverage", min_coverage=least, output={"formats": ["csv"]}
        )
        monkeypatch.chdir(tmp_path / f"{least}")
        verify(study)
        assert verdict()["largest_relative_difference"] < verdict()["tolerance"]
        numbers.add(Path(study.tables["csv"]).read_text(encoding="utf-8"))
    assert len(numbers) == 2


@pytest.mark.parametrize("method", ["center", "coverage"])
def test_classes_by_the_other_engine(tmp_path, monkeypatch, method):
    rasters = tmp_path / "rasters"
    grid = Grid("EPSG:4269", (0.25, 0.0, -83.0, 0.0, -0.25, 30.0), 4, 4)
    classes = np.array([[11, 11, 21, 21], [11, 41, 41, 0], [90, 90, 41, 0], [90, 90, 90, 11]], "uint8")
    write_tif(rasters / "lc_2000.tif", classes, grid=grid, nodata=0)
    raster = {"source": "local", "variables": ["lc"], "path": f"{rasters}/{{variable}}_{{year}}.tif"}
    study = pipeline.run_in(
        tmp_path / "s", raster=raster, stats=["categorical"], method=method, output={"formats": ["csv"]}
    )
    monkeypatch.chdir(tmp_path / "s")
    verify(study)
    zones = json.loads(Path(study.preparation).read_text(encoding="utf-8"))["kept"]
    assert verdict()["numbers_compared"] == 5 * zones  # count, and classes 11, 21, 41 and 90


def netcdf_study(folder):
    """Finish a study of a packed NetCDF file with the dimensions (lon, lat), the southernmost row first."""
    with netCDF4.Dataset(folder / "v_2000.nc", "w") as file:
        for name, first, units in (("lon", -82.96875, "degrees_east"), ("lat", 29.03125, "degrees_north")):
            file.createDimension(name, 16)
            file.createVariable(name, "f8", (name,))[:] = first + np.arange(16) / 16
            file[name].units = units
        variable = file.createVariable("v", "i2", ("lon", "lat"), fill_value=np.int16(-1))
        variable.set_auto_maskandscale(False)
        variable.setncatts({"scale_factor": 0.5, "add_offset": 3.0, "missing_value": np.int16(255), "valid_min": 40.0})
        variable[:] = np.where(np.add.outer(np.arange(16), np.arange(16)) % 3, np.arange(256).reshape(16, 16), 255)
    raster = {"source": "local", "variables": ["v"], "path": f"{folder}/{{variable}}_{{year}}.nc"}
    return pipeline.run_in(folder / "s", raster=raster, stats=STATS[:5], output={"formats": ["csv", "parquet"]})


def test_a_netcdf_study_is_verified_by_its_labels(tmp_path, monkeypatch):
    study = netcdf_study(tmp_path)
    monkeypatch.chdir(tmp_path / "s")
    verify(study)
    zones = json.loads(Path(study.preparation).read_text(encoding="utf-8"))["kept"]
    assert verdict()["numbers_compared"] == 6 * zones  # five statistics and the count
    assert verdict()["largest_relative_difference"] <= 1e-12


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        # the dimensions taken for y and x by their order
        ("arrays.RasterArray.stored", lambda stored: lambda *of: stored(*of).swapaxes(1, 2)),
        # cells a sixteenth wider than they are, as an average over a gap makes them
        ("axes._step", lambda step: lambda centres: step(centres) * 17 / 16),
        # the first row taken for the northernmost
        ("arrays.RasterArray.stored", lambda stored: lambda *of: stored(*of)[:, ::-1]),
        # nothing but the fill value is missing
        ("packing._declared", lambda declared: lambda *of: None),
        # limits of unpacked values compared with stored numbers
        ("packing._limits_are_unpacked", lambda unpacked: lambda *of: False),
    ],
    ids=["transposed", "wide-cells", "upside-down", "missing-value", "valid-range"],
)
def test_a_misread_netcdf_file_is_seen(tmp_path, monkeypatch, name, wrong):
    module, _, function = f"zonalflow.rasters.{name}".rpartition(".")
    owner = pkgutil.resolve_name(module.replace("arrays.RasterArray", "arrays:RasterArray"))
    with monkeypatch.context() as patch:
        patch.setattr("zonalflow.rasters.axes._check_even", lambda *of: None)
        patch.setattr(owner, function, wrong(getattr(owner, function)))
        study = netcdf_study(tmp_path)
    monkeypatch.chdir(tmp_path / "s")
    failure(study)
    assert verdict()["files_that_do_not_match"] == 0  # so the numbers show it


@pytest.mark.parametrize(
    ("ours", "theirs", "size", "apart"),
    [
        (1.0, 1.0, 0, 0.0),
        (0.0, 0.0, 0, 0.0),
        (2.0, 1.0, 0, 0.5),
        (1.0, -1.0, 0, 2.0),
        (np.nan, np.nan, 0, 0.0),
        (np.nan, 1.0, 0, 1.0),
        (1.0, np.nan, 9, 1.0),
        (1e-15, 0.0, 0, 1.0),
        (1e-15, 0.0, 10, 1e-10),  # two orders of summing −10 and 10
    ],
)
def test_how_far_two_numbers_are_apart(ours, theirs, size, apart):
    assert relative_difference(np.array([ours]), np.array([theirs]), size)[0] == pytest.approx(apart, rel=1e-12)


# ------------------------------------------------------------------------------------------------ damaged

RASTER = "resources/demo/PRISM/ppt/annual/-83_29_-82_30/PRISM_ppt_2000.tif"
FILES = [
    RASTER,
    "results/small/zones.parquet",
    "results/small/zonal_stats.parquet",
    "results/small/zonal_stats.csv",
    "results/small/work/ppt/2000.npz",
    "results/small/work/grid.json",
    "results/small/work/zones.dbf",
    *(f"results/small/ppt/stats_2000{suffix}" for suffix in (".shp", ".shx", ".dbf", ".prj", ".cpg", ".gpkg")),
]


@pytest.mark.parametrize("damage", [flip, cut, os.remove])
@pytest.mark.parametrize("path", FILES)
def test_a_damaged_file_is_named_with_how_to_rebuild_it(study, path, damage):
    damage(path)
    said = failure(study)
    assert f"  {path}: " in said
    assert "To rebuild them, delete them and run the study again:\n  rm -rf " in said
    found = verdict()
    assert found["verdict"] == "failed"
    assert path in [mismatch["path"] for mismatch in found["mismatches"]]
    # the advice does repair it
    for mismatch in found["mismatches"]:
        for name in mismatch["delete"]:
            remove(Path(name))
    pipeline.run()
    if path != "results/small/zones.parquet" and "work/" not in path:
        rerun_what_depends(study)
    assert "0 do not match" in verify(study)


def remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def rerun_what_depends(study):
    """Do what Snakemake does on its own, and the pipeline of these tests does not: run what is older than its
    input."""
    for path in [study.manifest, *study.tables.values()]:
        Path(path).unlink(missing_ok=True)
    pipeline.run()


@pytest.mark.parametrize("name", ["index.json", "run_start.npy", "run_zone.npy", "off_grid.npy"])
@pytest.mark.parametrize("damage", [flip, cut, os.remove])
def test_a_damaged_index_is_named(study, name, damage):
    folder = json.loads(Path(study.index).read_text(encoding="utf-8"))["folder"]
    damage(f"{folder}/{name}")
    assert f"rm -rf {folder} {study.index}" in failure(study)


def test_no_bit_of_an_index_can_flip_unnoticed(study):
    """Each byte of each file, one bit of it: refused, or without meaning (the padding of a head)."""
    folder = Path(json.loads(Path(study.index).read_text(encoding="utf-8"))["folder"])
    whole = load_index(folder)
    arrays = {name: np.array(value) for name, value in vars(whole).items() if isinstance(value, np.ndarray)}
    tried = 0
    for path in sorted(folder.iterdir()):
        sound = path.read_bytes()
        for at in range(0, len(sound), max(1, len(sound) // 40)):
            flip(path, (at + 0.5) / len(sound))
            tried += 1
            try:
                found = load_index(folder)
            except pipeline.ZonalflowError:
                pass
            else:
                for name, value in arrays.items():
                    assert np.array_equal(getattr(found, name), value, equal_nan=True), (path, at)
            path.write_bytes(sound)
    assert tried > 300


def test_a_number_changed_everywhere_is_found_by_the_other_engine(study):
    """The table changed, its seal and its manifest made to fit: only computing anew can tell."""
    path = study.tables["parquet"]
    table = pandas.read_parquet(path)
    table["mean"] *= 1.001
    table.to_parquet(path)
    record_checksums(study.checksums("tables"), study.tables.values())
    Path(study.manifest).unlink()
    pipeline.run()
    said = failure(study)
    assert "0 do not match" in said
    assert "mean is" in said and "the other engine says" in said
    found = verdict()
    assert found["largest_relative_difference"] == pytest.approx(0.001, rel=0.01)
    assert len(found["differences"]) > 3


def test_a_manifest_certifies_no_result_that_changed_before_it(study, capsys):
    flip("results/small/ppt/stats_2000.dbf")
    Path(study.manifest).unlink()
    with pytest.raises(SystemExit):
        pipeline.run()
    said = capsys.readouterr().err
    assert "1 result is not what the job wrote" in said
    assert "rm results/small/ppt/stats_2000.dbf" in said
    assert not Path(study.manifest).exists()


@pytest.mark.parametrize(
    "content", [None, "", "{", "[]", '{"results": []}', '{"results": [], "sources": [], "config": 3}']
)
def test_without_a_usable_manifest_there_is_one_message(study, content):
    Path(study.manifest).unlink()
    if content is not None:
        Path(study.manifest).write_text(content)
    assert "results/small/manifest.json cannot be read" in failure(study)
    assert "run the study first" in failure(study)


def test_another_configuration_is_reported(study):
    other = pipeline.study_of({**pipeline.CONFIG, "method": "coverage"})
    assert "the configuration has changed" in failure(other)
    assert "(method)" in failure(other)


def test_the_advice_never_deletes_an_input_of_the_users(tmp_path, monkeypatch):
    zones = tmp_path / "zones.zip"
    shutil.copy(pipeline.CONFIG["zones"]["path"], zones)
    study = pipeline.run_in(tmp_path / "s", zones={"source": "file", "path": str(zones), "id": "GEOID"})
    monkeypatch.chdir(tmp_path / "s")
    flip(zones, 0.999)
    said = failure(study)
    assert f"Your own files, restore them or run the study again with what they are now: {zones}" in said
    assert "rm -r" not in said


def test_zones_in_a_folder_such_as_a_file_geodatabase(tmp_path, monkeypatch):
    zones = geopandas.read_file(pipeline.CONFIG["zones"]["path"])
    zones["geometry"] = [shapely.MultiPolygon(shapely.get_parts(shape).tolist()) for shape in zones.geometry]
    zones.to_file(tmp_path / "zones.gdb", driver="OpenFileGDB")
    study = pipeline.run_in(
        tmp_path / "s", zones={"source": "file", "path": str(tmp_path / "zones.gdb"), "id": "GEOID"}
    )
    monkeypatch.chdir(tmp_path / "s")
    assert "0 do not match" in verify(study)
    flip(max((tmp_path / "zones.gdb").iterdir(), key=lambda path: path.stat().st_size))
    assert f"what they are now: {tmp_path}/zones.gdb/" in failure(study)


def test_checksums_are_what_sha256sum_reads(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a b").write_text("abc")
    record_checksums("work/x.sha256", ["a b"])
    # FIPS 180-2, example B.1
    line = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a b\n"
    assert Path("work/x.sha256").read_text() == line
    assert read_checksums(["work/x.sha256"]) == {"a b": line[:64]}
    Path("work/x.sha256").write_bytes(b"\xff\0 damaged\n")
    assert read_checksums(["work/x.sha256"]) == {}
