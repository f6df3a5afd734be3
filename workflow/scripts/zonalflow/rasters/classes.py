"""The names of a categorical raster's classes, where its file, or a file beside it, has them.

They are looked for in this order: CF flags of a NetCDF variable (``flag_values`` and ``flag_meanings``, CF conventions
1.11, section 3.5); GDAL's ``.aux.xml`` beside the raster (a raster attribute table, then category names); ESRI's value
attribute table (``.vat.dbf``) beside it.
"""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

from zonalflow.rasters.read import open_raster

_VALUE = ("value", "code", "class_value", "pixel value")
_NAME = ("class_name", "class name", "classname", "name", "label", "category", "class", "land_cover", "land cover")
_USAGE_NAME, _USAGE_VALUE, _TYPE_TEXT = "2", "5", "2"  # GDAL's GFU_Name, GFU_MinMax and GFT_String


def class_names(path: str, layer: str | None = None) -> dict[int, str]:
    """Return value to name of a raster's classes; empty where no file has names.

    Args:
        path: the raster.
        layer: the variable of a NetCDF file.
    """
    for find in (_flags, _attribute_table, _value_attribute_table):
        names = {value: name.strip() for value, name in find(path, layer).items() if name and name.strip()}
        if names:
            return names
    return {}


def _flags(path: str, layer: str | None) -> dict[int, str]:
    if layer is None:
        return {}
    with open_raster(path, layer) as dataset:
        tags = dataset.tags(1)
    values = re.findall(r"-?\d+", tags.get("flag_values", ""))
    meanings = tags.get("flag_meanings", "").split()
    return dict(zip(map(int, values), meanings, strict=True)) if len(values) == len(meanings) else {}


def _attribute_table(path: str, layer: str | None) -> dict[int, str]:
    sidecar = Path(f"{path}.aux.xml")
    if not sidecar.is_file():
        return {}
    try:
        root = ET.parse(sidecar).getroot()
    except ET.ParseError:
        return {}
    band = next(iter(root.iter("PAMRasterBand")), root)
    table = next(iter(band.iter("GDALRasterAttributeTable")), None)
    if table is not None:
        fields = [{child.tag: child.text or "" for child in field} for field in table.iter("FieldDefn")]
        value = _first(fields, _USAGE_VALUE, _VALUE, text=False)
        name = _first(fields, _USAGE_NAME, _NAME, text=True)
        if value is not None and name is not None:
            rows = [[cell.text or "" for cell in row.iter("F")] for row in table.iter("Row")]
            return {round(float(row[value])): row[name] for row in rows if len(row) == len(fields)}
    return {i: category.text or "" for i, category in enumerate(band.iter("Category"))}


def _first(fields: list[dict[str, str]], usage: str, known: tuple[str, ...], *, text: bool) -> int | None:
    """Return the number of the field with GDAL's usage, or a known name, or the first of the type."""
    of_type = [i for i, field in enumerate(fields) if (field.get("Type") == _TYPE_TEXT) == text]
    by_usage = [i for i in of_type if fields[i].get("Usage") == usage]
    by_name = [i for word in known for i in of_type if fields[i].get("Name", "").lower() == word]
    return next(iter([*by_usage, *by_name, *of_type]), None)


def _value_attribute_table(path: str, layer: str | None) -> dict[int, str]:
    beside = [Path(f"{path}.vat.dbf"), Path(path).with_suffix(".vat.dbf")]
    table = next((candidate for candidate in beside if candidate.is_file()), None)
    if table is None:
        return {}
    import pyogrio

    frame = pyogrio.read_dataframe(table, read_geometry=False)
    columns = {column.lower(): column for column in frame.columns}
    value = next((columns[word] for word in _VALUE if word in columns), None)
    texts = [column for column in frame.columns if frame[column].map(type).eq(str).any()]
    name = next((columns[word] for word in _NAME if columns.get(word) in texts), next(iter(texts), None))
    if value is None or name is None:
        return {}
    return {int(v): str(n) for v, n in zip(frame[value], frame[name], strict=True)}
