"""A year's shapefile: the zones' shapefile, with numeric columns added to its attribute table.

All years of a study share one geometry: only the ``.dbf`` of a shapefile differs, and in it only the statistics. So
GDAL writes the zones once, and each year's table is that table's fixed-width records followed by the year's columns, as
whole arrays. A library that writes record by record takes longer for 3,000 zones than reading the rasters and computing
their statistics together.

Source of the layout: dBASE III/IV table file format (header of 32 bytes, 32 bytes a field, 0x0D, records, 0x1A).
"""

import shutil
import struct
import warnings
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zonalflow.common.columns import INSIDE
from zonalflow.common.errors import ZonesError
from zonalflow.common.files import atomic_path, check_written, scratch_folder
from zonalflow.common.formats import VECTOR_SUFFIXES
from zonalflow.common.text import count_of

if TYPE_CHECKING:
    import geopandas

MAX_NAME = 10  # characters of a field name
MAX_HEADER = 65535  # bytes: the header's length is a 16-bit number, 2,046 fields
MAX_FILE = 2**31 - 1  # bytes of a .shp or .dbf: many programs read no more
FIXED_DATE = "1970-01-01"  # written as the date of the last change: equal numbers give equal bytes on any day
_BLOCK_BYTES = 1 << 22  # of a table that are in memory together
_WIDTH = {"f": (24, 15), "i": (18, 0)}  # width and decimals, as GDAL writes float64 and int64
_NO_CRS = "a shapefile cannot store this CRS"  # stands in the template's .prj in place of one


def record_bytes(floats: int, integers: int = 0) -> int:
    """Return the bytes that so many columns of each kind take in a record of a table."""
    return floats * _WIDTH["f"][0] + integers * _WIDTH["i"][0]


def check_size(zones: int, record: int, shp: int = 0) -> None:
    """Raise ZonesError if a shapefile would be larger than 2 GB.

    Args:
        zones: how many records its table has.
        record: the bytes of each.
        shp: the bytes of its .shp, where known.
    """
    table = zones * record
    if max(table, shp) > MAX_FILE:
        part = f"a table of {table / 1e9:.1f} GB ({zones:,} zones × {record:,} bytes)"
        part = part if table > MAX_FILE else f"outlines of {shp / 1e9:.1f} GB"
        raise ZonesError(
            f"output.formats: a year's shapefile would have {part}, and a shapefile holds 2 GB; write geoparquet or "
            "gpkg instead of shp, or ask for fewer statistics"
        )


def table_size(dbf: Path) -> tuple[int, int]:
    """Return the number of records of a table and the bytes of each, from its header."""
    with Path(dbf).open("rb") as stream:
        records, _, record = struct.unpack_from("<IHH", stream.read(32), 4)
    return records, record


def append_columns(template: Path, columns: dict[str, np.ndarray]) -> Iterator[bytes]:
    """Return the table of ``template`` with ``columns`` added, as the bytes of a new ``.dbf``, in blocks.

    Args:
        template: a ``.dbf`` file with n records.
        columns: name (at most 10 ASCII characters, unique, not in the template) to float or integer array [n];
            NaN becomes the format's empty value.

    Raises:
        ZonesError: when the columns do not fit into the format, or do not have n values.
    """
    raw = Path(template).read_bytes()
    n_records, header_length, record_length = struct.unpack_from("<IHH", raw, 4)
    records = np.frombuffer(raw, np.uint8, n_records * record_length, header_length).reshape(n_records, record_length)
    fields, widths = [], []
    for name, values in columns.items():
        if len(values) != n_records:
            has = f"{template} has {count_of(n_records, 'record')}"
            raise ZonesError(f"{has}, but {name} has {count_of(len(values), 'value')}")
        width, decimals = _WIDTH[_kind(values)]
        fields.append(struct.pack("<11sc4xBB14x", name.encode("ascii"), b"N", width, decimals))
        widths.append(width)
    new_header = header_length + 32 * len(fields)
    new_record = record_length + sum(widths)
    if new_header > MAX_HEADER or new_record > MAX_HEADER:
        raise ZonesError(
            f"{len(columns)} statistics for each zone are more than a shapefile holds (2,046 fields or 65,535 bytes); "
            "choose gpkg or geoparquet in output.formats"
        )
    check_size(n_records, new_record)
    header = bytearray(raw[: header_length - 1]) + b"".join(fields) + b"\r"
    struct.pack_into("<HH", header, 8, new_header, new_record)
    return _blocks(bytes(header), records, list(columns.values()), widths)


def _blocks(header: bytes, records: np.ndarray, columns: list[np.ndarray], widths: list[int]) -> Iterator[bytes]:
    """Yield a table in blocks of whole records, since that of a year of days has 100 MB."""
    yield header
    n_records, length = records.shape
    together = max(1, _BLOCK_BYTES // (length + sum(widths)))
    for first in range(0, n_records, together):
        rows = slice(first, first + together)
        texts = [_fixed_width(values[rows], width) for values, width in zip(columns, widths, strict=True)]
        yield np.concatenate([records[rows], *texts], axis=1).tobytes()
    yield b"\x1a"


def _kind(values: np.ndarray) -> str:
    return "i" if np.issubdtype(values.dtype, np.integer) else "f"


def _fixed_width(values: np.ndarray, width: int) -> np.ndarray:
    """Return ``values`` as text, right-aligned: uint8 [n, width].

    A loop over numbers, which for thousands of them is faster than importing numpy's string functions.
    """
    as_text = _integer_text if _kind(values) == "i" else _float_text
    text = b"".join([as_text(value, width) for value in values.tolist()])
    return np.frombuffer(text, np.uint8).reshape(len(values), width)


def _integer_text(value: int, width: int) -> bytes:
    return b"%*d" % (width, value)


def _float_text(value: float, width: int) -> bytes:
    """Return 17 significant digits, so that every float64 comes back as it was: in fixed point where they fit."""
    if value != value:
        return b" " * width
    size = abs(value)
    if 1e-1 <= size < 1e5:
        return b"%*.17f" % (width, value)
    if 1e5 <= size < 1e8:
        return b"%*.12f" % (width, value)
    return b"%*.1f" % (width, 0.0) if size == 0 else b"%*.16e" % (width, value)


def short_names(names: list[str], taken: Collection[str] = ()) -> dict[str, str]:
    """Return name to a field name of at most 10 characters, unique also among those that are ``taken``.

    ``percentile_`` becomes ``pct_``; a name that fits stays; a longer one is cut, and numbered where two would be the
    same. Field names are compared without case, as most readers do.
    """
    used = {name.upper() for name in taken}
    short: dict[str, str] = {}
    for name in names:
        base = name.replace("percentile_", "pct_").encode("ascii", "replace").decode().replace("?", "_")
        candidate, number = base[:MAX_NAME], 1
        while candidate.upper() in used:
            suffix = f"_{number}"
            candidate, number = base[: MAX_NAME - len(suffix)] + suffix, number + 1
        used.add(candidate.upper())
        short[name] = candidate
    return short


def write_template(zones: "geopandas.GeoDataFrame", stem: Path) -> dict[str, str]:
    """Write the zones' shapefile without statistics, and return attribute to field name.

    Args:
        zones: the prepared zones.
        stem: the path of the files without suffix.

    Raises:
        OSError: when a file was cut short by a full disk.
    """
    attributes = [name for name in zones.columns if name not in (zones.geometry.name, INSIDE)]
    fields = short_names(attributes)
    frame = zones[[*attributes, zones.geometry.name]].rename(columns=fields)
    stem = Path(stem)
    with scratch_folder(stem) as folder:
        _write_shp(frame, folder / f"{stem.name}.shp")
        for suffix in VECTOR_SUFFIXES["shp"]:
            check_written(folder / f"{stem.name}{suffix}")
        for suffix in reversed(VECTOR_SUFFIXES["shp"]):  # the .shp last, since readers look for it
            (folder / f"{stem.name}{suffix}").replace(stem.with_name(f"{stem.name}{suffix}"))
    return fields


def _write_shp(frame: "geopandas.GeoDataFrame", path: Path) -> None:
    import geopandas
    from pyproj.exceptions import CRSError

    def write(frame: geopandas.GeoDataFrame) -> None:
        frame.to_file(path, driver="ESRI Shapefile", encoding="UTF-8", DBF_DATE_LAST_UPDATE=FIXED_DATE)

    try:
        write(frame)
    except CRSError:  # a rotated pole, for example; it is an error only if the study asks for shapefiles
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there is no CRS
            write(geopandas.GeoDataFrame(frame.drop(columns=frame.geometry.name), geometry=list(frame.geometry)))
        path.with_suffix(".prj").write_text(_NO_CRS, encoding="utf-8")


def write_shapefile(stem: Path, template: Path, columns: dict[str, np.ndarray], names: dict[str, str]) -> None:
    """Write a year's shapefile: the template's geometry, CRS and attributes, and the year's columns.

    Args:
        stem: the path of the files without suffix.
        template: that of :func:`write_template`'s files.
        columns: name to array [n_zones], from :func:`zonalflow.vectors.columns.year_columns`.
        names: name to field, from :func:`zonalflow.vectors.columns.field_names`.

    Raises:
        ZonesError: when a shapefile cannot store the CRS or so many columns.
    """
    if template.with_suffix(".prj").read_text(encoding="utf-8") == _NO_CRS:
        raise ZonesError(
            "output.formats: a shapefile cannot store the rasters' CRS; leave shp out, or write geoparquet"
        )
    table = append_columns(template.with_suffix(".dbf"), {names[name]: values for name, values in columns.items()})
    for suffix in reversed(VECTOR_SUFFIXES["shp"]):
        with atomic_path(stem.with_name(stem.name + suffix)) as temporary:
            if suffix == ".dbf":
                with temporary.open("wb") as stream:
                    stream.writelines(table)
            else:
                shutil.copyfile(template.with_suffix(suffix), temporary)
