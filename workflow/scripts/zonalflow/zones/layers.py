"""The layers of a vector file, also of those in a zip, in whichever folder of it they lie."""

import zipfile
from pathlib import Path

import pyogrio

from zonalflow.common.errors import ZonesError
from zonalflow.common.text import nearest

_SUFFIXES = (".shp", ".gpkg", ".geojson", ".json", ".fgb", ".kml", ".gml", ".tab", ".mif", ".sqlite")


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


def _layers(path: str) -> list[tuple[str, str]]:
    """Return what GDAL opens and the name of each layer, in the order of the file."""
    sources = [str(path)]
    if str(path).lower().endswith(".zip") and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            inside = [name for name in archive.namelist() if name.lower().endswith(_SUFFIXES)]
        inside = [name for name in inside if not name.startswith("__MACOSX/")]
        if any("/" in name for name in inside):  # GDAL looks at the top of a zip alone
            sources = [f"/vsizip/{{{Path(path).resolve()}}}/{name}" for name in sorted(inside)]
    return [(source, str(name)) for source in sources for name, _ in pyogrio.list_layers(source)]
