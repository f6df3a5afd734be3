"""The zones with one year's statistics, as vector files: the tutorial's product, one a year.

A shapefile's geometry is the same for all years, so the zones are written once (:func:`write_template`) and a year
adds its own attribute table. The other formats are written by geopandas.
"""

import errno
import itertools
import os
import shutil
import struct
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from zonalflow.atomic import atomic_path
from zonalflow.dbf import MAX_NAME, append_columns, short_names
from zonalflow.errors import ZonesError
from zonalflow.formats import VECTOR_SUFFIXES
from zonalflow.tables import INSIDE, YearTable, tidy_name

_ABBREVIATIONS = {
    "valid_fraction": "valid", "inside_fraction": "insid", "percentile_": "p", "median": "med", "unique": "uniq",
    "majority": "major", "minority": "minor", "nodata": "nodat", "class_": "c", "share_": "s",
}  # fmt: skip
_DATE = "1970-01-01"  # said to be that of the last change: the same numbers must give the same bytes on any day
_DRIVERS = {"gpkg": "GPKG", "geojson": "GeoJSON"}
_UNSAYABLE = "no CRS that a shapefile can say"
_RESERVED = {"gpkg": {"fid", "geom"}}  # columns that the driver makes


def year_columns(table: YearTable, inside: np.ndarray) -> dict[str, np.ndarray]:
    """Return one column [n_zones] for each statistic of the year, and ``inside_fraction``.

    With several dates a column's name ends in the date's month or month and day: ``mean_01``, ``mean_0131``.
    """
    columns = {_dated(tidy_name(name, table.classes), date): table.columns[name][i] for name, i, date in _cells(table)}
    return columns if INSIDE in table.columns else {**columns, INSIDE: inside}


def field_names(table: YearTable, taken: set[str]) -> dict[str, str]:
    """Return the shapefile field, at most 10 characters, of each column that :func:`year_columns` gives.

    A class is called by its value alone, and what a month or a day behind a name leaves no room for is abbreviated:
    ``valid_fraction_0131`` becomes ``valid_0131``. ``taken`` are the fields of the zones' attributes.
    """
    wanted = {}
    for name, _, date in _cells(table):
        room = MAX_NAME - len(_dated("", date))
        wanted[_dated(tidy_name(name, table.classes), date)] = _dated(_abbreviated(name, room), date)
    wanted.setdefault(INSIDE, INSIDE)
    fields = short_names(list(wanted.values()), taken)
    return {name: fields[short] for name, short in wanted.items()}


def _cells(table: YearTable):
    """Yield the column, the number of the date and its suffix (empty for a year with one date), column by column."""
    several = len(table.dates) > 1
    for name in table.columns:
        for i, date in enumerate(table.dates):
            yield name, i, date[5:].replace("-", "") if several else ""


def _dated(name: str, suffix: str) -> str:
    return f"{name}_{suffix}" if suffix else name


def _abbreviated(name: str, room: int) -> str:
    """Return a statistic's name, shorter where it would not fit behind which a date is put."""
    if room == MAX_NAME or len(name) <= room:
        return name
    for start, short in _ABBREVIATIONS.items():
        if name.startswith(start):
            return short + name.removeprefix(start)
    return name


def write_template(zones, stem: Path) -> dict[str, str]:
    """Write the zones' shapefile, without statistics, and return how it names each attribute: name to field."""
    attributes = [name for name in zones.columns if name not in (zones.geometry.name, INSIDE)]
    fields = short_names(attributes)
    frame = zones[[*attributes, zones.geometry.name]].rename(columns=fields)
    stem = Path(stem)
    folder = stem.with_name(f".{stem.name}.{os.getpid()}")
    folder.mkdir(parents=True)
    try:
        _write_shp(frame, folder / f"{stem.name}.shp")
        for suffix in VECTOR_SUFFIXES["shp"]:
            check_written(folder / f"{stem.name}{suffix}")
        for suffix in reversed(VECTOR_SUFFIXES["shp"]):  # the .shp last: it is the one that is looked for
            (folder / f"{stem.name}{suffix}").replace(stem.with_name(f"{stem.name}{suffix}"))
    finally:
        shutil.rmtree(folder)
    return fields


def _write_shp(frame, path: Path) -> None:
    from pyproj.exceptions import CRSError

    options = {"driver": "ESRI Shapefile", "encoding": "UTF-8", "DBF_DATE_LAST_UPDATE": _DATE}
    try:
        frame.to_file(path, **options)
    except CRSError:  # a rotated pole, say: a year's shapefile is refused, but one need not be asked for
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


def write_vector(path: Path, kind: str, zones, columns: dict[str, np.ndarray]) -> None:
    """Write ``zones`` (a GeoDataFrame) with ``columns`` as ``gpkg``, ``geojson`` or ``geoparquet``."""
    import pandas
    import pyogrio
    from pyproj.exceptions import CRSError

    frame = zones.drop(columns=INSIDE)
    attributes = [name for name in frame.columns if name != frame.geometry.name]
    frame = frame.rename(columns=attribute_names(attributes, columns, kind))
    frame = frame.join(pandas.DataFrame(columns, index=frame.index))
    if kind == "geojson" and frame.crs.to_authority() is None:
        frame = frame.to_crs("EPSG:4326")  # GeoJSON has a word for a CRS only if it has a code
    with atomic_path(path) as temporary:
        if kind == "geoparquet":
            frame.to_parquet(temporary, compression="zstd")
            return
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": f"{_DATE}T00:00:00.000Z"})
        try:
            frame.to_file(temporary, driver=_DRIVERS[kind], layer=path.stem)
        except CRSError as error:
            raise ZonesError(
                f"output.formats: {kind} has no word for the rasters' CRS ({error}); write geoparquet or shp"
            ) from error
        check_written(temporary)


def attribute_names(attributes: Iterable[str], columns: Iterable[str], kind: str) -> dict[str, str]:
    """Return what the zones' attributes are called in a format's files: numbered where a result has their name.

    Names are compared without case, as databases do. A shapefile's are another matter, see :func:`field_names`.
    """
    used = {name.lower() for name in columns} | _RESERVED.get(kind, set())
    names = {}
    for name in attributes:
        numbered = (f"{name}_{i}" for i in itertools.count(1))
        names[name] = next(free for free in itertools.chain([name], numbered) if free.lower() not in used)
        used.add(names[name].lower())
    return names


def check_written(path: Path) -> None:
    """Raise OSError when a file is shorter than it says: GDAL closes what a full disk has cut short without complaint.

    Sources: ESRI Shapefile Technical Description (1998) for the length in 16-bit words at byte 24; dBASE table file
    format; SQLite database file format, section 1.3, for the number of pages at byte 28.
    """
    with path.open("rb") as stream:
        head, size = stream.read(100), path.stat().st_size
    try:
        if path.suffix in (".shp", ".shx"):
            whole = size == 2 * struct.unpack_from(">i", head, 24)[0]
        elif path.suffix == ".dbf":
            records, header, record = struct.unpack_from("<IHH", head, 4)
            whole = header > 0 and size >= header + records * record
        elif path.suffix == ".gpkg":
            page, pages = struct.unpack_from(">H", head, 16)[0], struct.unpack_from(">I", head, 28)[0]
            whole = size == (65536 if page == 1 else page) * pages > 0
        elif path.suffix == ".geojson":
            whole = path.read_bytes().rstrip().endswith(b"]\n}")
        else:
            whole = size > 0
    except struct.error:  # shorter than a head
        whole = False
    if not whole:
        raise OSError(errno.ENOSPC, "cut short as it was written", str(path))
