"""Archives that would do harm are refused with the member's name, and nothing is written."""

import io
import os
import stat
import struct
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zonalflow.common.errors import FetchError
from zonalflow.sources.archive import ArchiveError, Limits, check_members, unpack


def zipped(path, *members, mode=None, flags=None):
    """Write a zip of (name, content) pairs; `mode` is the last member's Unix mode, `flags` its flag bits."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            if mode is not None and name == members[-1][0]:
                info.external_attr = mode << 16
            archive.writestr(info, content)
    if flags is not None:  # of the last central directory entry: bytes 8-9 (APPNOTE 4.3.12)
        data = bytearray(path.read_bytes())
        at = data.rindex(b"PK\x01\x02") + 8
        data[at : at + 2] = struct.pack("<H", flags)
        path.write_bytes(data)
    return path


def refused(path, folder, member, why):
    """Check that unpacking names the member and the reason, and that the folder stays empty."""
    with pytest.raises(ArchiveError) as caught:
        unpack(path, folder)
    assert repr(member) in str(caught.value)
    assert why in str(caught.value)
    assert not folder.exists() or list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../outside.tif", "outside the folder"),
        ("a/../../outside.tif", "outside the folder"),
        ("a/..", "outside the folder"),
        ("/etc/passwd", "absolute"),
        ("C:/windows.tif", "absolute"),
        ("..\\outside.tif", "backslashes"),
        ("a\nb.tif", "control characters"),
    ],
)
def test_names_that_leave_the_folder(tmp_path, name, why):
    path = zipped(tmp_path / "evil.zip", ("good.tif", "x"), (name, "x"))
    refused(path, tmp_path / "out", name, why)
    assert sorted(file.name for file in tmp_path.iterdir()) in (["evil.zip"], ["evil.zip", "out"])


@pytest.mark.parametrize(
    ("mode", "why"),
    [
        (stat.S_IFLNK | 0o777, "link"),
        (stat.S_IFCHR | 0o600, "device"),
        (stat.S_IFBLK | 0o600, "device"),
        (stat.S_IFIFO | 0o600, "pipe"),
        (stat.S_IFSOCK | 0o600, "socket"),
    ],
)
def test_members_that_are_not_regular_files(tmp_path, mode, why):
    path = zipped(tmp_path / "evil.zip", ("good.tif", "x"), ("special.tif", "/etc/passwd"), mode=mode)
    refused(path, tmp_path / "out", "special.tif", why)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ["grid.tif", "GRID.TIF", "./grid.tif"])
def test_two_members_of_one_name(tmp_path, second):
    path = zipped(tmp_path / "evil.zip", ("grid.tif", "one"), (second, "two"))
    refused(path, tmp_path / "out", second, "occurs twice")


@pytest.mark.parametrize("names", [("a.tif", "A.tif/b.tif"), ("a.tif/", "a.tif")])
def test_a_member_that_is_file_and_folder(tmp_path, names):
    path = zipped(tmp_path / "evil.zip", *[(name, "") for name in names])
    refused(path, tmp_path / "out", "a.tif", "is also a folder")


def test_a_name_longer_than_file_systems_take(tmp_path):
    path = zipped(tmp_path / "evil.zip", ("x" * 300 + ".tif", ""))
    refused(path, tmp_path / "out", "x" * 300 + ".tif", "too long")


def test_encrypted_members(tmp_path):
    path = zipped(tmp_path / "evil.zip", ("good.tif", "x"), ("secret.tif", "x"), flags=1)
    refused(path, tmp_path / "out", "secret.tif", "encrypted")


def test_archives_within_the_archive_by_name(tmp_path):
    path = zipped(tmp_path / "evil.zip", ("inner.zip", "whatever"))
    refused(path, tmp_path / "out", "inner.zip", "packed archive")


def test_archives_within_the_archive_by_content(tmp_path):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("x", "x")
    path = zipped(tmp_path / "evil.zip", ("picture.tif", inner.getvalue()))
    refused(path, tmp_path / "out", "picture.tif", "packed archive")


def test_more_bytes_than_allowed_are_refused(tmp_path):
    path = zipped(tmp_path / "bomb.zip", ("a.tif", bytes(600)), ("b.tif", bytes(600)))
    with pytest.raises(ArchiveError, match=r"'b\.tif'.*zip bomb"):
        unpack(path, tmp_path / "out", limits=Limits(bytes=1000))
    assert not (tmp_path / "out").exists()


def test_a_zip_bomb_is_recognised_by_its_ratio(tmp_path):
    path = zipped(tmp_path / "bomb.zip", ("zeros.tif", bytes(1 << 20)))  # deflate packs zeros a thousandfold
    with pytest.raises(ArchiveError, match=r"'zeros\.tif' unpacks to more than 200 times"):
        check_members(path, Limits(free=1000))


def test_a_grid_of_nodata_is_not_a_bomb(tmp_path):
    path = zipped(tmp_path / "ocean.zip", ("ocean.tif", bytes(1 << 20)))
    assert len(check_members(path)) == 1


def test_more_members_than_allowed_are_refused(tmp_path):
    path = zipped(tmp_path / "many.zip", *[(f"{number}.tif", "x") for number in range(11)])
    with pytest.raises(ArchiveError, match="11 members, more than 10"):
        check_members(path, Limits(members=10))


def test_members_that_overlap(tmp_path):
    """Two directory entries that share one member's bytes, as in David Fifield's bombs."""
    path = zipped(tmp_path / "bomb.zip", ("a.tif", os.urandom(5000)))
    data = bytearray(path.read_bytes())
    directory, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entry = bytes(data[directory:end])
    again = entry.replace(b"a.tif", b"b.tif")
    tail = bytearray(data[end:])
    tail[8:16] = struct.pack("<HHI", 2, 2, 2 * len(entry))
    path.write_bytes(bytes(data[:directory]) + entry + again + bytes(tail))
    with pytest.raises(ArchiveError, match="overlap"):
        check_members(path)


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9])
def test_a_zip_cut_short_is_a_transient_error(tmp_path, keep):
    path = zipped(tmp_path / "cut.zip", ("grid.tif", os.urandom(10_000)))
    path.write_bytes(path.read_bytes()[: int(10_000 * keep)])
    with pytest.raises(FetchError, match=r"cut\.zip is not a readable zip") as caught:
        unpack(path, tmp_path / "out")
    assert not isinstance(caught.value, ArchiveError)


def test_a_flipped_bit_is_damage_and_leaves_no_file(tmp_path):
    path = zipped(tmp_path / "flipped.zip", ("grid.tif", os.urandom(10_000)))
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(data)
    with pytest.raises(FetchError, match=r"flipped\.zip is a damaged zip archive"):
        unpack(path, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.fixture(scope="module")
def sound_zip(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "sound.zip"
    members = [("metadata.json", "{}"), ("a.tif", bytes(range(256))), ("sub/b.tif", b"x" * 300)]
    return zipped(path, *members).read_bytes()


@settings(max_examples=500, deadline=None, derandomize=True)
@given(data=st.data())
def test_an_archive_with_changed_bytes_never_leaves_its_folder(sound_zip, data):
    """Fuzz: up to four bytes of a sound zip changed."""
    content = bytearray(sound_zip)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "fuzzed.zip").write_bytes(content)
        try:
            paths = unpack(folder / "fuzzed.zip", folder / "out")
        except FetchError:
            paths = []
        assert all(path.resolve().is_relative_to(folder / "out") for path in paths)
        assert {path.name for path in folder.iterdir()} <= {"fuzzed.zip", "out"}
