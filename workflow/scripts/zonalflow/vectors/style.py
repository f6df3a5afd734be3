"""A style for QGIS (``.qml``) beside a year's vector files: QGIS applies a style that has the name of the file.

The format is that of QGIS 3 (``QgsGraduatedSymbolRenderer::save`` and ``QgsCategorizedSymbolRenderer::save``). The
colours are those of the maps, on the same scale in every year.
"""

import xml.etree.ElementTree as ET
from collections.abc import Sequence

import numpy as np

from zonalflow.common.columns import SHARE
from zonalflow.report.colours import Classes, Palette
from zonalflow.report.quantities import MOST_FREQUENT, Quantity, stat_unit
from zonalflow.tables.year_table import YearTable
from zonalflow.vectors.columns import field_names, sources_of_columns
from zonalflow.vectors.shapefile import short_names

_BORDER = "90,90,90,255"
_CLASSES = 9  # of a scale
Step = tuple[float, float, str]  # from, up to, colour


def style_of_year(
    table: YearTable,
    attributes: Sequence[str],
    stat: str,
    quantity: Quantity,
    palette: Palette | Classes,
    scale: tuple[float, float],
    values: np.ndarray,
    kinds: Sequence[str] = ("shp", "gpkg"),
) -> str:
    """Return the style of a year's vector files, in the colours of its map.

    Args:
        table: the year's table; of its columns the names are enough.
        attributes: those of the prepared zones, whose names a shapefile shortens before those of the results.
        stat, quantity, palette, scale: what the maps show, and how.
        values: of all years, on that scale.
        kinds: the formats of the files.
    """
    fields = field_names(table, set(short_names(list(attributes)).values()))
    names: dict[str, list[tuple[str, str]]] = {}
    for column, (name, _) in sources_of_columns(table).items():
        own = fields[column] if "shp" in kinds else column  # where one of the two is not needed, no file asks for it
        names.setdefault(name, []).append((own if [*kinds] == ["shp"] else column, own))
    if isinstance(palette, Classes):
        classes = dict(zip(palette.codes, zip(palette.names, palette.values, strict=True), strict=True))
        shares = {_code(name): of for name, of in names.items() if name.startswith(SHARE)}
        if stat != MOST_FREQUENT or not shares:
            return categorized(value_of(names.get(stat, [(stat, stat)]), "mean"), classes)
        return categorized(most_frequent(dict(sorted(shares.items(), key=lambda of: float(of[0])))), classes)
    finite = values[np.isfinite(values)]
    lowest, highest = (float(finite.min()), float(finite.max())) if finite.size else scale
    how = stat if stat in ("min", "max") else "sum" if quantity.adds_up and stat in ("mean", "sum") else "mean"
    width = (scale[1] - scale[0]) / _CLASSES
    digits = int(np.clip(1 - np.floor(np.log10(width)), 0, 6))
    steps = steps_of(scale, palette.values, lowest, highest)
    return graduated(value_of(names[stat], how), steps, digits, stat_unit(stat, quantity))


def _code(column: str) -> str:
    """Return the class of a column: 41 of ``share_41_Forest``."""
    return column.removeprefix(SHARE).partition("_")[0]


def steps_of(scale: tuple[float, float], colours: Sequence[str], lowest: float, highest: float) -> list[Step]:
    """Return nine equal steps of a colour scale; the outer ones take all values to the lowest and highest.

    Args:
        scale: the values at the two ends of the colour scale.
        colours: from the least to the greatest value (``#rrggbb``).
        lowest, highest: of all values.
    """
    edges = np.linspace(*scale, _CLASSES + 1)
    middles = ((np.arange(_CLASSES) + 0.5) / _CLASSES * len(colours)).astype(int)
    edges[0], edges[-1] = min(edges[0], lowest), max(edges[-1], highest)
    return [(float(edges[i]), float(edges[i + 1]), colours[middle]) for i, middle in enumerate(middles)]


def graduated(expression: str, steps: Sequence[Step], digits: int, unit: str) -> str:
    """Return the style of values: `expression` in QGIS's language, and steps from the lowest value to the highest."""
    renderer = ET.Element("renderer-v2", type="graduatedSymbol", attr=expression, graduatedMethod="GraduatedColor")
    ranges = ET.SubElement(renderer, "ranges")
    for i, (low, high, _) in enumerate(steps):
        label = f"{low:,.{digits}f} – {high:,.{digits}f}{unit and ' '}{unit}"
        ET.SubElement(
            ranges, "range", lower=repr(low), upper=repr(high), symbol=str(i), label=label, render="true"
        )  # fmt: skip
    return _document(renderer, [colour for *_, colour in steps])


def categorized(expression: str, classes: dict[str, tuple[str, str]]) -> str:
    """Return the style of classes: `expression` in QGIS's language, and value to name and colour (``#rrggbb``)."""
    renderer = ET.Element("renderer-v2", type="categorizedSymbol", attr=expression)
    categories = ET.SubElement(renderer, "categories")
    for i, (value, (name, _)) in enumerate(classes.items()):
        ET.SubElement(
            categories, "category", value=value, type="double", symbol=str(i), label=name, render="true"
        )  # fmt: skip
    return _document(renderer, [colour for _, colour in classes.values()])


def value_of(names: Sequence[tuple[str, str]], how: str) -> str:
    """Return the expression of a value that is reduced over the dates of a year.

    Args:
        names: of each date the column, and the field of a shapefile.
        how: ``sum``, ``mean``, ``min`` or ``max``.
    """
    fields = [field(*name) for name in names]
    if len(fields) == 1:
        return fields[0]
    if how in ("min", "max"):
        return f"{how}({', '.join(fields)})"
    total = f"({' + '.join(fields)})"
    return total if how == "sum" else f"{total} / {len(fields)}"


def most_frequent(shares: dict[str, list[tuple[str, str]]]) -> str:
    """Return the expression of the class with the largest share; of equal ones the first.

    ``shares`` are class to the names of its columns, as in :func:`value_of`, in the order of the classes.
    """
    values = {value: value_of(names, "mean") for value, names in shares.items()}
    largest = f"max({', '.join(values.values())})"
    cases = " ".join(f"WHEN {share} = @largest THEN {value}" for value, share in values.items())
    return f"with_variable('largest', {largest}, CASE {cases} END)"


def field(column: str, short: str) -> str:
    """Return the expression of a column, which a shapefile calls `short`."""
    if column == short:
        return '"' + column.replace('"', '""') + '"'
    names = ", ".join(f"attribute($currentfeature, '{name}')" for name in (short, column))
    return f"if(layer_property(@layer, 'storage_type') = 'ESRI Shapefile', {names})"


def _document(renderer: ET.Element, colours: Sequence[str]) -> str:
    symbols = ET.SubElement(renderer, "symbols")
    for i, colour in enumerate(colours):
        symbol = ET.SubElement(symbols, "symbol", type="fill", name=str(i), alpha="1")
        layer = ET.SubElement(symbol, "layer", {"class": "SimpleFill", "enabled": "1", "pass": "0", "locked": "0"})
        options = ET.SubElement(layer, "Option", type="Map")
        rgb = ",".join(str(int(colour[k : k + 2], 16)) for k in (1, 3, 5))
        for name, value in {
            "color": f"{rgb},255", "style": "solid", "outline_color": _BORDER, "outline_style": "solid",
            "outline_width": "0.1", "outline_width_unit": "MM",
        }.items():  # fmt: skip
            ET.SubElement(options, "Option", type="QString", name=name, value=value)
            ET.SubElement(layer, "prop", k=name, v=value)  # of QGIS before 3.26
    qgis = ET.Element("qgis", version="3.28.0", styleCategories="Symbology")
    qgis.append(renderer)
    ET.indent(qgis)
    return f"<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n{ET.tostring(qgis, encoding='unicode')}\n"
