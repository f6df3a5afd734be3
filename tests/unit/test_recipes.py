"""What a result was made from: side files, contents, and differences in words."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from zonalflow.common.errors import ZonalflowError
from zonalflow.recipes.contents import Contents
from zonalflow.recipes.job import recorded
from zonalflow.recipes.recipe import Recipe, Record, differences, portable
from zonalflow.recipes.side_files import Folders


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def files(*names):
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(name)


@pytest.mark.parametrize("folder", ["", "rasters/"])
def test_side_files_belong_to_their_raster_alone(folder):
    own = ["v_1.hdr", "v_1.prj", "v_1.tfw", "v_1.tif", "v_1.tif.aux.xml", "v_1.tif.msk.ovr", "v_1.tif.ovr"]
    files(*(folder + name for name in own), f"{folder}v_10.tif", f"{folder}v_10.hdr", f"{folder}v_1.txt")
    assert sorted(Folders().files_of([f"{folder}v_1.tif"])) == [folder + name for name in own]


def test_the_sources_of_a_vrt_belong_to_it():
    source = "<SourceFilename relativeToVRT='{}'>{}</SourceFilename>".format
    files("data/a.tif", "data/a.tif.aux.xml", "b.tif", "data/inner.vrt")
    Path("data/outer.vrt").write_text(f"<V>{source(1, 'a.tif')}{source(0, 'b.tif')}{source(1, 'inner.vrt')}</V>")
    Path("data/inner.vrt").write_text(f"<V>{source(1, 'outer.vrt')}</V>")  # in a circle
    found = Folders().files_of(["data/outer.vrt"])
    assert sorted(found) == ["b.tif", "data/a.tif", "data/a.tif.aux.xml", "data/inner.vrt", "data/outer.vrt"]


def test_a_folder_stands_for_its_files_but_locks():
    files("zones.gdb/a.gdbtable", "zones.gdb/sub/b", "zones.gdb/host.sr.lock")
    assert Folders().files_of(["zones.gdb"]) == ["zones.gdb/a.gdbtable", "zones.gdb/sub/b"]


def test_a_changed_file_with_an_old_time_stamp_is_reread():
    import os

    files("a.tif")
    before = Contents().of("a.tif")
    stat = Path("a.tif").stat()
    Path("a.tif").write_text("b.tif")
    os.utime("a.tif", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    signature = before.signature or (stat.st_size, stat.st_mtime_ns, stat.st_ino, stat.st_ctime_ns)
    contents = Contents([type(before)("a.tif", before.sha256, signature)])
    assert contents.of("a.tif").sha256 != before.sha256


def recipe(**changes):
    values = {"step": "zonal_stats", "code": "1", "keys": {"method": "center"}, "inputs": {}, "made_from": {}}
    return Recipe(**{**values, **changes})


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ({}, {"keys": {"method": "coverage"}}, "method: center → coverage"),
        (
            {"keys": {"years": [["ppt", year] for year in range(2000, 2020)]}},
            {"keys": {"years": [["ppt", year] for year in range(2003, 2021)]}},
            "years: ppt 2020 added, ppt 2000, ppt 2001 and 1 more left out",
        ),
        ({"keys": {"years": [*range(2000, 2020)]}}, {"keys": {"years": [*range(2000, 2021)]}}, "years: 2020 added"),
        ({}, {"code": "2"}, "the code of zonal_stats changed"),
        ({"rasters": [["a.tif", "1"]]}, {"rasters": [["a.tif", "2"]]}, "its raster changed: a.tif"),
        (
            {"rasters": [["a.tif", "1"]]},
            {"rasters": [["a.tif", "1"], ["a.tif.msk", "2"]]},
            "its raster changed: a.tif.msk is new",
        ),
    ],
)
def test_a_change_is_described_in_words(old, new, text):
    made = [recipe(inputs=one) if "rasters" in one else recipe(**one) for one in (old, new)]
    assert differences(*made) == [text]
    assert made[0].digest != made[1].digest


def test_a_study_may_be_moved_with_its_files():
    keys = {"raster": {"path": "/data/rasters/{variable}/v_{year}.tif"}, "zones": {"path": "/data/zones.gpkg"}}
    assert portable(keys) == {"raster": {"path": "{variable}/v_{year}.tif"}, "zones": {"path": "zones.gpkg"}}


@pytest.mark.parametrize("content", ["", "{", "[]", '{"digest": "0", "recipe": {}}'])
def test_a_damaged_record_is_as_none(content):
    Record(recipe()).write("record.json")
    assert Record.read("record.json").recipe == recipe()
    Path("record.json").write_text(content)
    assert Record.read("record.json") is None


def job_that_reads(path):
    named = SimpleNamespace(items=lambda: [])
    return SimpleNamespace(
        input=type("Files", (list,), {"rasters": [path]})(),
        output=type("Files", (list,), {"record": "record.json"})(),
        params=named,
        wildcards=named,
    )


def test_an_input_that_changes_while_it_is_read_is_refused():
    files("a.tif")
    job = job_that_reads("a.tif")
    with pytest.raises(ZonalflowError, match=r"a\.tif changed"), recorded("zonal_stats", job, ["rasters"]):
        Path("a.tif").write_text("other")
    assert not Path("record.json").exists()


def test_an_input_replaced_by_its_like_has_not_changed():
    files("a.tif")
    before = Path("a.tif").stat().st_ino
    with recorded("zonal_stats", job_that_reads("a.tif"), ["rasters"]):
        Path("b.tif").write_bytes(Path("a.tif").read_bytes())
        Path("b.tif").replace("a.tif")
    assert Path("a.tif").stat().st_ino != before
    assert Path("record.json").exists()
