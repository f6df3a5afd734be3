"""The names and colours of a categorical raster's classes, where its file, or a file beside it, has them.

They are looked for in this order: CF flags of a NetCDF variable (``flag_values`` and ``flag_meanings``, CF conventions
1.11, section 3.5); GDAL's ``.aux.xml`` beside the raster (a raster attribute table, then category names); ESRI's value
attribute table (``.vat.dbf``) beside it. A text that is only a number is no name.

Source of the attribute table: GDAL's ``GDALRasterAttributeTable``. Each row stands for the value in the column of usage
``MinMax``; for the values from ``Min`` to ``Max``; or, in a table without such columns, row i for the values from
``Row0Min + i BinSize`` up to the next row's. GeoCDL writes a table with the one column ``CLASS``, in which row i stands
for the value i.
"""

import contextlib
import functools
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable
from pathlib import Path

from zonalflow.rasters.arrays import open_array
from zonalflow.rasters.packing import numbers_of
from zonalflow.rasters.read import open_raster

_VALUE = ("value", "code", "class_value", "pixel value")
_NAME = ("class_name", "class name", "classname", "name", "label", "category", "class", "land_cover", "land cover")
_USAGE_NAME, _USAGE_MIN, _USAGE_MAX, _USAGE_VALUE = "2", "3", "4", "5"  # GDAL's GFU_Name, GFU_Min, GFU_Max, GFU_MinMax
_INDEX = re.compile("[0-9]{1,9}")  # of a row; a damaged one names no class
_TYPE_TEXT = "2"  # GDAL's GFT_String

_COLOUR = re.compile("#[0-9a-fA-F]{6}")

_Field = dict[str, str]
_Row = list[str]


def class_names(path: str, layer: str | None = None, *, from_geocdl: bool = False) -> dict[int, str]:
    """Return value to name of a raster's classes; empty where no file has names.

    Args:
        path: the raster.
        layer: the variable of a NetCDF file.
        from_geocdl: whether the raster and its attribute table come from GeoCDL.
    """
    table = functools.partial(_attribute_table, from_geocdl=from_geocdl)
    for find in (_flags, table, _value_attribute_table):
        names = {value: name.strip() for value, name in find(path, layer).items() if _is_name(name)}
        if names:
            return names
    return {}


def class_colours(path: str, layer: str | None = None) -> dict[int, str]:
    """Return value to colour (``#rrggbb``) of a raster's classes; empty where no file has colours.

    They are taken from the colour table of a raster, or from ``flag_colors`` of a NetCDF variable.

    Args:
        path: the raster.
        layer: the variable of a NetCDF file.
    """
    if layer is not None:
        with open_array(path, layer) as array:
            attributes = array.variable.attrs
        values, texts = numbers_of(attributes, "flag_values"), str(attributes.get("flag_colors", "")).split()
        pairs = zip(map(int, values), texts, strict=True) if len(values) == len(texts) else ()
        return {value: text.lower() for value, text in pairs if _COLOUR.fullmatch(text)}
    with open_raster(path) as raster:
        try:
            table = raster.colormap(1)
        except ValueError:  # it has none
            return {}
    return {value: "#{:02x}{:02x}{:02x}".format(*colour[:3]) for value, colour in table.items()}


def _is_name(text: str | None) -> bool:
    """Return whether a text is more than a number."""
    return bool(text and text.strip()) and _number(text) is None


def _number(text: str | None) -> float | None:
    with contextlib.suppress(TypeError, ValueError):
        return float(text)  # type: ignore[arg-type]  # None is a TypeError
    return None


def _flags(path: str, layer: str | None) -> dict[int, str]:
    if layer is None:
        return {}
    with open_array(path, layer) as array:
        attributes = array.variable.attrs
    values = numbers_of(attributes, "flag_values")
    meanings = str(attributes.get("flag_meanings", "")).split()
    return dict(zip(map(int, values), meanings, strict=True)) if len(values) == len(meanings) else {}


def _attribute_table(path: str, layer: str | None, *, from_geocdl: bool) -> dict[int, str]:
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
        rows = [(row.get("index"), [cell.text or "" for cell in row.iter("F")]) for row in table.iter("Row")]
        numbered = [(str(i) if number is None else number, row) for i, (number, row) in enumerate(rows)]
        whole = [(int(number), row) for number, row in numbered if _INDEX.fullmatch(number) and len(row) == len(fields)]
        name, value_of = _name_field(fields, [row for _, row in whole]), _value_of_row(table, fields)
        if from_geocdl and [field.get("Name") for field in fields] == ["CLASS"]:
            value_of = lambda i, _: float(i)  # noqa: E731 - like those that _value_of_row returns
        if name is not None and value_of is not None:
            values = ((value_of(i, row), row[name]) for i, row in whole)
            return {int(value): text for value, text in values if value is not None and value.is_integer()}
    return {i: category.text or "" for i, category in enumerate(band.iter("Category"))}


def _value_of_row(table: ET.Element, fields: list[_Field]) -> Callable[[int, _Row], float | None] | None:
    """Return what gives the value that a row (its number, and its texts) stands for; None if the table does not."""
    numeric = [i for i, field in enumerate(fields) if field.get("Type") != _TYPE_TEXT]

    def find(usage: str, known: tuple[str, ...] = ()) -> int | None:
        by_usage = [i for i in numeric if fields[i].get("Usage") == usage]
        return next(iter([*by_usage, *_called(known, fields, numeric)]), None)

    value, low, high = find(_USAGE_VALUE, _VALUE), find(_USAGE_MIN), find(_USAGE_MAX)
    if value is not None:
        return lambda _, row: _number(row[value])
    if low is not None and high is not None:  # the name of a single value, not of a range
        return lambda _, row: _number(row[low]) if _number(row[low]) == _number(row[high]) else None
    attributes = {key.lower(): _number(text) for key, text in table.attrib.items()}
    first, step = attributes.get("row0min"), attributes.get("binsize")
    if first is None or not step:
        return None
    if step == 1:
        return lambda i, _: float(math.ceil(first + i))  # the one whole number from -0.5 up to 0.5 is 0
    return lambda i, _: first + i * step


def _name_field(fields: list[_Field], rows: list[_Row]) -> int | None:
    """Return the number of the field with the names: by GDAL's usage, by its own name, or else the first with texts."""
    texts = [
        i for i, field in enumerate(fields) if field.get("Type") == _TYPE_TEXT and _any_name(row[i] for row in rows)
    ]
    by_usage = [i for i in texts if fields[i].get("Usage") == _USAGE_NAME]
    return next(iter([*by_usage, *_called(_NAME, fields, texts), *texts]), None)


def _any_name(texts: Iterable[str]) -> bool:
    return any(map(_is_name, texts))


def _called(known: tuple[str, ...], fields: list[_Field], among: list[int]) -> list[int]:
    return [i for word in known for i in among if fields[i].get("Name", "").lower() == word]


def _value_attribute_table(path: str, layer: str | None) -> dict[int, str]:
    beside = [Path(f"{path}.vat.dbf"), Path(path).with_suffix(".vat.dbf")]
    table = next((candidate for candidate in beside if candidate.is_file()), None)
    if table is None:
        return {}
    import pyogrio

    frame = pyogrio.read_dataframe(table, read_geometry=False)
    columns = {column.lower(): column for column in frame.columns}
    value = next((columns[word] for word in _VALUE if word in columns), None)
    texts = [c for c in frame.columns if _any_name(text for text in frame[c] if isinstance(text, str))]
    name = next((columns[word] for word in _NAME if columns.get(word) in texts), next(iter(texts), None))
    if value is None or name is None:
        return {}
    return {int(v): str(n) for v, n in zip(frame[value], frame[name], strict=True)}
