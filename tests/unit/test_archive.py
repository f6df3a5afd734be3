"""What is read from a valid zip archive; what is refused is in tests/faults/test_archives.py."""

import zipfile

import pytest

from zonalflow.common.errors import FetchError
from zonalflow.sources.archive import check_members, unpack


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as writer:
        writer.writestr(zipfile.ZipInfo("notes/", (1985, 1, 1, 0, 0, 0)), "")
        writer.writestr(zipfile.ZipInfo("notes/read me.txt", (1985, 1, 1, 0, 0, 0)), "hello")
        writer.writestr(zipfile.ZipInfo("grid.tif", (1985, 1, 1, 0, 0, 0)), b"II*\0" + bytes(1000))
    return path


def test_members_are_the_files_in_their_order(archive):
    assert [member.filename for member in check_members(archive)] == ["notes/read me.txt", "grid.tif"]


def test_unpacked_files_have_their_bytes_and_todays_time(archive, tmp_path):
    paths = unpack(archive, tmp_path / "out")
    assert paths == [tmp_path / "out/notes/read me.txt", tmp_path / "out/grid.tif"]
    assert paths[0].read_text() == "hello"
    assert paths[1].read_bytes() == b"II*\0" + bytes(1000)
    # 1985 is what the archive says; a folder that deletes by age must see the archive's own age.
    assert all(path.stat().st_mtime >= archive.stat().st_mtime - 1 for path in paths)


def test_only_what_is_wanted_is_unpacked(archive, tmp_path):
    assert unpack(archive, tmp_path / "out", wanted="grid.tif".__eq__) == [tmp_path / "out/grid.tif"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["grid.tif"]


def test_a_file_that_is_not_a_zip_is_named(tmp_path):
    path = tmp_path / "data.zip"
    path.write_text("<html>")
    with pytest.raises(FetchError, match=r"data\.zip is not a readable zip archive"):
        check_members(path)
