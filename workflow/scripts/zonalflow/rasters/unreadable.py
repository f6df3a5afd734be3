"""What a file is that GDAL cannot read, by its first bytes, and what converts it."""

from pathlib import Path

_HEADS = (
    (b"\x0e\x03\x13\x01", "is an HDF4 file, which this GDAL does not read; convert it with a GDAL that does "
     "(conda-forge: libgdal-hdf4): gdal_translate -of GTiff"),
    (b"\x1f\x8b", "is compressed with gzip; unpack it: gunzip --keep"),
    (b"BZh", "is compressed with bzip2; unpack it: bunzip2 --keep"),
    (b"\xfd7zXZ", "is compressed with xz; unpack it: unxz --keep"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd; unpack it: unzstd"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7-Zip archive; unpack it"),
    (b"<", "is a web page or another text with tags, perhaps a server's message in place of a raster"),
)  # fmt: skip


def describe_unreadable(path: str, cause: object) -> str:
    """Return why a file cannot be read as a raster, in a sentence that is true of its content."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(512).lstrip(b"\xef\xbb\xbf \t\r\n")
    except OSError:
        head = b"?"
    if not head:
        return f"{path} cannot be read as a raster: it is empty"
    if head[257:262] == b"ustar":
        return f"{path} cannot be read as a raster: it is a tar archive; unpack it"
    what = next((text for start, text in _HEADS if head.startswith(start)), None)
    return f"{path} cannot be read as a raster: it {what}" if what else f"{path} cannot be read as a raster ({cause})"
