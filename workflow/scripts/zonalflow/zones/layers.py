"""The layers of a vector file, also of those in a zip, in whichever folder of it they lie."""

import re
import zipfile
from pathlib import Path

import pyogrio

from zonalflow.common.errors import ZonesError
from zonalflow.common.text import nearest

_SUFFIXES = (".shp", ".gpkg", ".geojson", ".json", ".fgb", ".kml", ".gml", ".tab", ".mif", ".sqlite")
_GEODATABASE = re.compile(r"(.*?\.gdb)/", re.IGNORECASE)  # a folder


def is_parquet(path: str) -> bool:
    """Return whether a file is GeoParquet, by its suffix."""
    return str(path).lower().endswith((".parquet", ".geoparquet", ".pq"))


def choose_layer(path: str, wanted: str | None) -> tuple[str, str]:
    """Return what GDAL opens, and the layer of it that is asked for, or the first that has features.

    A KML often begins with a layer without features.

    Raises:
        ZonesError: for a file without such a layer; the message names those that it has.
    """
    found = _layers(path)
    names = [name for _, name in found]
    if wanted is not None:
        if wanted not in names:
            raise ZonesError(
                f"zones.layer: {path} has no layer {wanted!r}{nearest(wanted, names)} It has: {', '.join(names)}"
            )
        if names.count(wanted) > 1:
            raise ZonesError(f"zones.layer: {path} has {names.count(wanted)} layers {wanted!r}; unpack it")
        return found[names.index(wanted)]
    for source, name in found:
        if pyogrio.read_info(source, layer=name, force_feature_count=True)["features"]:
            return source, name
    raise ZonesError(f"{path} has no features in any of its layers ({', '.join(names) or 'none'})")


def describe_choice(path: str) -> str:
    """Return which layer is taken where none is asked for and the file has several; else an empty text."""
    names = [] if is_parquet(path) else [name for _, name in _layers(path)]
    if len(names) < 2:
        return ""
    return f"layer {choose_layer(path, None)[1]!r} of {path}, the first with features of: {', '.join(names)}"


def _layers(path: str) -> list[tuple[str, str]]:
    """Return what GDAL opens and the name of each layer, in the order of the file."""
    sources, lower = [str(path)], str(path).lower()
    if lower.endswith(".shp") and not any(Path(path).with_suffix(shx).exists() for shx in (".shx", ".SHX")):
        raise ZonesError(f"{path} lacks its .shx file; copy all files of the shapefile: .shp, .shx, .dbf, .prj")
    if lower.endswith(".gz"):
        sources = [f"/vsigzip/{Path(path).resolve()}"]
    if lower.endswith(".zip") and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.startswith("__MACOSX/")]
        inside = {name for name in names if name.lower().endswith(_SUFFIXES)}
        inside |= {found[1] for name in names if (found := _GEODATABASE.match(name))}
        if any("/" in name or name.lower().endswith(".gdb") for name in inside):  # GDAL looks at a zip's top alone
            sources = [f"/vsizip/{{{Path(path).resolve()}}}/{name}" for name in sorted(inside)]
    return [(source, str(name)) for source in sources for name, _ in pyogrio.list_layers(source)]
