"""A file or a folder appears complete or not at all."""

import json

import pytest

from zonalflow.common.errors import ZonalflowError
from zonalflow.common.files import (
    atomic_folder,
    atomic_path,
    read_json,
    scratch_folder,
    sha256,
    sweep,
    temporary_name,
    write_json,
    write_sealed_json,
    write_text,
)


def test_the_file_appears_only_at_the_end(tmp_path):
    target = tmp_path / "new" / "table.csv"
    with atomic_path(target) as temporary:
        temporary.write_text("a,b\n")
        assert not target.exists()
    assert target.read_text() == "a,b\n"
    assert list(target.parent.iterdir()) == [target]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "table.csv"
    target.write_text("old")
    with pytest.raises(RuntimeError, match="midway"), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError("midway")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_appears_only_at_the_end(tmp_path):
    target = tmp_path / "new" / "index"
    with atomic_folder(target) as temporary:
        (temporary / "a.npy").write_text("a")
        assert not target.exists()
    assert (target / "a.npy").read_text() == "a"
    assert list(target.parent.iterdir()) == [target]


def test_a_new_folder_replaces_all_of_the_old_one(tmp_path):
    target = tmp_path / "index"
    for name in ("a.npy", "b.npy"):
        with atomic_folder(target) as temporary:
            (temporary / name).write_text(name)
    assert [path.name for path in target.iterdir()] == ["b.npy"]
    assert list(tmp_path.iterdir()) == [target]


def test_an_error_leaves_the_old_folder_and_nothing_else(tmp_path):
    target = tmp_path / "index"
    target.mkdir()
    (target / "a.npy").write_text("old")
    with pytest.raises(RuntimeError, match="midway"), atomic_folder(target) as temporary:
        (temporary / "a.npy").write_text("half")
        raise RuntimeError("midway")
    assert (target / "a.npy").read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_scratch_folder_left_by_a_kill_is_swept(tmp_path):
    left = temporary_name(tmp_path / "zones")
    left.mkdir()
    (left / "zones.shp").touch()
    with scratch_folder(tmp_path / "zones") as folder:
        assert folder.parent == tmp_path
        assert folder.name.startswith(".zones~")
    assert list(tmp_path.iterdir()) == [left]
    sweep(tmp_path / "zones")
    assert list(tmp_path.iterdir()) == []


def test_the_temporary_name_is_hidden_and_keeps_the_suffixes(tmp_path):
    target = tmp_path / "cb_2021_us_county_20m.shp.zip"
    name = temporary_name(target)
    assert name.parent == tmp_path
    assert name.name.startswith(".cb_2021_us_county_20m~")
    assert name.suffixes == [".shp", ".zip"]
    assert temporary_name(target) != name


def test_the_longest_name_still_has_a_temporary_name(tmp_path):
    target = tmp_path / ("x" * 250 + ".csv")
    write_text(target, "fits")
    assert target.read_text() == "fits"


def test_json_is_readable_and_ends_with_a_newline(tmp_path):
    write_json(tmp_path / "a.json", {"zone": "Doña Ana", "b": [1, 2], "a": None})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert text.startswith('{\n "zone": "Doña Ana"')
    assert text.endswith("}\n")
    assert list(json.loads(text)) == ["zone", "b", "a"]


def test_nan_in_json_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"mean": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_line_ends_are_written_as_they_are(tmp_path):
    write_text(tmp_path / "a.txt", "one\r\ntwo\n")
    assert (tmp_path / "a.txt").read_bytes() == b"one\r\ntwo\n"


def test_sha256_is_that_of_the_standard(tmp_path):
    # FIPS 180-2, example B.1: the message "abc"
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_sweeping_removes_only_this_files_leftovers(tmp_path):
    target = tmp_path / "data[1].tif"
    left = temporary_name(target)
    other = temporary_name(tmp_path / "data.tif")
    for path in (target, left, other):
        path.write_text("x")
    sweep(target)
    assert sorted(tmp_path.iterdir()) == sorted([target, other])


def test_sealed_json_gives_what_was_written_and_no_other_content(tmp_path):
    path = tmp_path / "grid.json"
    write_sealed_json(path, {"cell": 0.25, "name": "Doña Ana"})
    assert read_json(path, sealed=True) == read_json(path) == {"cell": 0.25, "name": "Doña Ana"}
    path.write_text(path.read_text().replace("0.25", "0.35"))
    with pytest.raises(ZonalflowError, match=r"grid\.json is damaged .*delete it and run again"):
        read_json(path, sealed=True)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b"[" * 20000, b"3"])
def test_damaged_json_is_named(content, tmp_path):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ZonalflowError, match=r"a\.json is damaged"):
        read_json(tmp_path / "a.json")
