"""Adding numeric columns to a shapefile's attribute table without reading it record by record.

All the years of a study share one geometry: of a shapefile's parts only the ``.dbf`` differs, and of that only the
statistics. So the zones are written once, by GDAL, and each year's table is that table's fixed-width records with the
year's columns put behind them, as whole arrays. A library that writes records one at a time takes longer for 3,000
zones than reading the rasters and computing their statistics together.

Source of the layout: dBASE III/IV table file format (header of 32 bytes, 32 bytes a field, 0x0D, records, 0x1A).
"""

import shutil
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from zonalflow.common.columns import INSIDE
from zonalflow.common.errors import ZonesError
from zonalflow.common.files import atomic_path, check_written, scratch_folder
from zonalflow.common.formats import VECTOR_SUFFIXES

MAX_NAME = 10  # characters of a field name
MAX_HEADER = 65535  # bytes: the header's length is a 16-bit number, 2,046 fields
_PIECE = 1 << 22  # bytes of a table that are in memory at a time
_WIDTH = {"f": (24, 15), "i": (18, 0)}  # width and decimals, as GDAL writes float64 and int64


def append_columns(template: Path, columns: dict[str, np.ndarray]) -> Iterator[bytes]:
    """Return the table of ``template`` with ``columns`` added, as the bytes of a new ``.dbf``, in pieces.

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
            raise ZonesError(f"{template} has {n_records} records, but {name} has {len(values)} values")
        width, decimals = _WIDTH[_kind(values)]
        fields.append(struct.pack("<11sc4xBB14x", name.encode("ascii"), b"N", width, decimals))
        widths.append(width)
    new_header = header_length + 32 * len(fields)
    new_record = record_length + sum(widths)
    if new_header > MAX_HEADER or new_record > MAX_HEADER:
        raise ZonesError(
            f"{len(columns)} statistics a zone are more than a shapefile holds (2,046 fields, 65,535 bytes a zone); "
            "choose gpkg or geoparquet in output.formats"
        )
    header = bytearray(raw[: header_length - 1]) + b"".join(fields) + b"\r"
    struct.pack_into("<HH", header, 8, new_header, new_record)
    return _pieces(bytes(header), records, list(columns.values()), widths)


def _pieces(header: bytes, records: np.ndarray, columns: list[np.ndarray], widths: list[int]) -> Iterator[bytes]:
    """Yield a table piece by piece: as a whole, that of a year of days has 100 MB."""
    yield header
    n_records, length = records.shape
    step = max(1, _PIECE // (length + sum(widths)))
    for first in range(0, n_records, step):
        some = slice(first, first + step)
        texts = [_fixed_width(values[some], width) for values, width in zip(columns, widths, strict=True)]
        yield np.concatenate([records[some], *texts], axis=1).tobytes()
    yield b"\x1a"


def _kind(values: np.ndarray) -> str:
    return "i" if np.issubdtype(values.dtype, np.integer) else "f"


def _fixed_width(values: np.ndarray, width: int) -> np.ndarray:
    """Return ``values`` as text, right-aligned: uint8 [n, width].

    One number after the other, which for thousands of them is faster than importing numpy's string functions.
    """
    form = _integer_text if _kind(values) == "i" else _float_text
    text = b"".join([form(value, width) for value in values.tolist()])
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


def short_names(names: list[str], taken: set[str] = frozenset()) -> dict[str, str]:
    """Return a field name of at most 10 characters for each of ``names``, unique also against ``taken``.

    A name that fits stays; ``percentile_`` becomes ``pct_``; another is cut, and numbered where two would be the same.
    Field names are compared without case, as most readers do.
    """
    used = {name.upper() for name in taken}
    short = {}
    for name in names:
        base = name.replace("percentile_", "pct_").encode("ascii", "replace").decode().replace("?", "_")
        candidate, number = base[:MAX_NAME], 1
        while candidate.upper() in used:
            suffix = f"_{number}"
            candidate, number = base[: MAX_NAME - len(suffix)] + suffix, number + 1
        used.add(candidate.upper())
        short[name] = candidate
    return short


FIXED_DATE = "1970-01-01"  # said to be that of the last change: the same numbers must give the same bytes on any day
_UNSAYABLE = "no CRS that a shapefile can say"


def write_template(zones, stem: Path) -> dict[str, str]:
    """Write the zones' shapefile, without statistics, and return how it names each attribute: name to field."""
    attributes = [name for name in zones.columns if name not in (zones.geometry.name, INSIDE)]
    fields = short_names(attributes)
    frame = zones[[*attributes, zones.geometry.name]].rename(columns=fields)
    stem = Path(stem)
    with scratch_folder(stem) as folder:
        _write_shp(frame, folder / f"{stem.name}.shp")
        for suffix in VECTOR_SUFFIXES["shp"]:
            check_written(folder / f"{stem.name}{suffix}")
        for suffix in reversed(VECTOR_SUFFIXES["shp"]):  # the .shp last: it is the one that is looked for
            (folder / f"{stem.name}{suffix}").replace(stem.with_name(f"{stem.name}{suffix}"))
    return fields


def _write_shp(frame, path: Path) -> None:
    from pyproj.exceptions import CRSError

    options = {"driver": "ESRI Shapefile", "encoding": "UTF-8", "DBF_DATE_LAST_UPDATE": FIXED_DATE}
    try:
        frame.to_file(path, **options)
    except CRSError:  # a rotated pole, log: a year's shapefile is refused, but one need not be asked for
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there is no CRS
            frame.set_crs(None, allow_override=True).to_file(path, **options)
        path.with_suffix(".prj").write_text(_UNSAYABLE, encoding="utf-8")


def write_shapefile(stem: Path, template: Path, columns: dict[str, np.ndarray], names: dict[str, str]) -> None:
    """Write the year's shapefile: the template's geometry, CRS and attributes, and ``columns`` [n_zones] each.

    ``names`` are the fields of the columns, see :func:`field_names`.
    """
    if template.with_suffix(".prj").read_text(encoding="utf-8") == _UNSAYABLE:
        raise ZonesError(
            "output.formats: a shapefile has no word for the rasters' CRS; leave shp out, or write geoparquet"
        )
    table = append_columns(template.with_suffix(".dbf"), {names[name]: values for name, values in columns.items()})
    for suffix in reversed(VECTOR_SUFFIXES["shp"]):
        with atomic_path(stem.with_name(stem.name + suffix)) as temporary:
            if suffix == ".dbf":
                with temporary.open("wb") as stream:
                    stream.writelines(table)
            else:
                shutil.copyfile(template.with_suffix(suffix), temporary)
