"""Step draw_maps: the maps of one variable, one for each year and one picture of all years, on one colour scale.

Beside a year's vector files, a style gives them the colours of its map in QGIS.
"""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import geopandas
import numpy as np

from zonalflow.common.columns import CODES, INSIDE, SHARE, label, main_stat
from zonalflow.common.dates import months_text, rasters_of, span
from zonalflow.common.files import record_checksums, write_text
from zonalflow.common.text import count_of
from zonalflow.report.captions import Caption, caption
from zonalflow.report.colours import Classes, Palette, class_colours, limits
from zonalflow.report.maps import draw_overview, draw_years
from zonalflow.report.quantities import MOST_FREQUENT, Quantity, quantity_of
from zonalflow.report.trends import annual, most_common
from zonalflow.run.rule import Log
from zonalflow.tables.year_table import YearTable, load_year, table_head, units_of
from zonalflow.vectors.style import style_of_year
from zonalflow.zones.labels import region_name


@dataclass(frozen=True)
class Inputs:
    """The year tables of the variable, in the order of the years, and the prepared zones (GeoParquet)."""

    tables: list[str]
    zones: str


@dataclass(frozen=True)
class Outputs:
    """A PNG for each year, the PNG with all years, and the checksums of all.

    Attributes:
        further: the same of each further statistic: its years, then all years.
        styles: a style for each year's vector files, or none.
    """

    maps: list[str]
    overview: str
    checksums: str
    further: list[str] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Params:
    """What is drawn, as configured; with `synthetic` every picture states that the rasters were generated.

    `further` are the statistics that are drawn besides the main one, `vectors` the formats of the files with styles.
    """

    variable: str
    years: list[int]
    stats: list[str]
    grain: str
    months: list[int] | None
    units: dict[str, str]
    synthetic: bool
    further: list[str] = field(default_factory=list)
    vectors: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Drawn:
    """A statistic and its values [n_years, n_zones]; of classes, the values are their numbers."""

    stat: str
    values: np.ndarray
    palette: Palette | Classes

    def of_whole_years(self, heads: list[YearTable]) -> np.ndarray:
        """Return the values of the years that lack no date; all of them where every year does."""
        lacks = np.array([bool(head.missing) for head in heads])
        return np.where(lacks[:, None] & ~lacks.all(), np.nan, self.values)

    def scale(self, heads: list[YearTable]) -> tuple[float, float]:
        """Return the values at the two ends of the colour scale."""
        return self.palette.scale if isinstance(self.palette, Classes) else limits(self.of_whole_years(heads))


def draw_maps(inputs: Inputs, outputs: Outputs, params: Params, log: Log) -> None:
    """Draw the maps of one variable, write the styles, and write the checksums of both.

    A year that lacks dates has a map of those that it has, which says so. It sets no scale, and is left out of the
    picture of all years, unless all years are like it.
    """
    zones = geopandas.read_parquet(inputs.zones)
    heads = [table_head(Path(path)) for path in inputs.tables]
    of_years = [(params.variable, year, head) for year, head in zip(params.years, heads, strict=True)]
    quantity = quantity_of(params.variable, units_of(of_years, params.units))
    draw = partial(_draw, zones=zones, heads=heads, quantity=quantity, params=params)
    main = drawn_of(inputs.tables, main_of(params.stats, heads), quantity, heads)
    draw([*outputs.maps, outputs.overview], main)
    each = len(params.years) + 1
    for number, stat in enumerate(params.further):
        paths = outputs.further[number * each : (number + 1) * each]
        draw(paths, drawn_of(inputs.tables, stat, quantity, heads))
    attributes = [name for name in zones.columns if name not in (zones.geometry.name, INSIDE)]
    for path, head in zip(outputs.styles, heads if outputs.styles else [], strict=True):
        look = (main.palette, main.scale(heads), main.values, params.vectors)
        write_text(path, style_of_year(head, attributes, main.stat, quantity, *look))
    record_checksums(outputs.checksums, [*outputs.maps, outputs.overview, *outputs.further, *outputs.styles])
    n = len(params.years) * (1 + len(params.further))
    log(f"{count_of(n, 'map')}, and one picture of all years for each statistic")
    for year, head in zip(params.years, heads, strict=True):
        if head.missing:
            log(f"{year} lacks {count_of(len(head.missing), 'date')}: its map is of {part_of(head, params.months)}")


def _draw(
    paths: list[str],
    drawn: Drawn,
    *,
    zones: geopandas.GeoDataFrame,
    heads: list[YearTable],
    quantity: Quantity,
    params: Params,
) -> None:
    """Draw the maps of one statistic: a path for each year, and one for the picture of all."""
    region, values, palette = region_name(zones), drawn.values, drawn.palette
    note = f"{count_of(len(zones), 'zone')}; {rasters_of(params.grain)}."

    def caption_of(when: str, part: str) -> Caption:
        return caption(quantity, drawn.stat, region=region, when=when, synthetic=params.synthetic, note=note, part=part)

    years = [str(year) for year in params.years]
    shown = drawn.of_whole_years(heads)
    scale = drawn.scale(heads)
    captions = [caption_of(year, part_of(head, params.months)) for year, head in zip(years, heads, strict=True)]
    draw_years(paths[:-1], zones, values, captions, palette=palette, scale=scale)
    all_years = caption_of(span(params.years), months_text(params.months) if params.months else "")
    draw_overview(paths[-1], zones, shown, years, all_years, palette=palette, scale=scale)


def part_of(table: YearTable, months: list[int] | None) -> str:
    """Return of which months or dates the rasters of a year are; an empty text for a whole year."""
    if not table.missing:
        return months_text(months) if months else ""
    if len(table.dates[0]) == len("2000-01"):
        return months_text([int(date[5:7]) for date in table.dates])
    return f"{len(table.dates)} of {len(table.dates) + len(table.missing)} dates"


def main_of(stats: list[str], heads: list[YearTable]) -> str:
    """Return what the main maps show: of a categorical raster the most frequent class, else a number."""
    if "categorical" in stats:
        return MOST_FREQUENT
    codes = [stat for stat in stats if stat in CODES and any(head.classes for head in heads)]
    return codes[0] if codes else main_stat(stats)


def drawn_of(paths: list[str], stat: str, quantity: Quantity, heads: list[YearTable]) -> Drawn:
    """Return a statistic of all years as it is drawn: as classes where its values are the codes of classes."""
    if stat == MOST_FREQUENT:
        return Drawn(stat, *class_values(paths))
    if stat in CODES and any(head.classes for head in heads):
        return Drawn(stat, *codes_as_classes(paths, stat))
    return Drawn(stat, np.stack([year_values(path, stat, quantity) for path in paths]), quantity.palette)


def codes_as_classes(paths: list[str], stat: str) -> tuple[np.ndarray, Classes]:
    """Return a statistic whose values are codes of classes, as :func:`class_values` does; of several dates the mode."""
    tables = [load_year(Path(path)) for path in paths]
    codes = np.stack([most_common(table.columns[stat].astype(float)) for table in tables])
    shown = np.unique(codes[np.isfinite(codes)])
    numbers = np.where(np.isfinite(codes), np.searchsorted(shown, codes), np.nan)
    return numbers, _classes_of([label(code) for code in shown], tables)


def year_values(path: str, stat: str, quantity: Quantity) -> np.ndarray:
    """Return the statistic of a year table [n_zones], reduced over the year's dates."""
    return annual(load_year(Path(path)).columns[stat], quantity, stat)


def class_values(paths: list[str]) -> tuple[np.ndarray, Classes]:
    """Return the most frequent class of each year and zone [n_years, n_zones], as numbers of the classes returned.

    Of a year with several dates their mean shares count; of equal shares the smallest value. Classes that are nowhere
    the most frequent one are not among those returned. NaN stands for zones without data.
    """
    tables = [load_year(Path(path)) for path in paths]
    names = {name for table in tables for name in table.columns if name.startswith(SHARE)}
    found = sorted((name.removeprefix(SHARE) for name in names), key=float)
    codes = []
    for table in tables:
        missing = np.zeros_like(table.columns["count"], dtype=float)
        shares = [np.nan_to_num(table.columns.get(SHARE + value, missing)).mean(axis=0) for value in found]
        together = np.stack(shares) if found else missing[:1]
        codes.append(np.where(together.max(axis=0) > 0, together.argmax(axis=0), np.nan))
    values = np.stack(codes)
    shown = np.unique(values[np.isfinite(values)]).astype(int)
    number = np.full(max(len(found), 1), np.nan)
    number[shown] = np.arange(len(shown))
    values = np.where(np.isfinite(values), number[np.nan_to_num(values).astype(int)], np.nan)
    return values, _classes_of([found[i] for i in shown], tables)


def _classes_of(codes: list[str], tables: list[YearTable]) -> Classes:
    """Return codes with the names and colours that the tables give them."""
    names: dict[str, str] = {}
    colours: dict[str, str] = {}
    for table in tables:
        names |= table.classes
        colours |= table.colours
    labels = {code: names.get(code, code) for code in codes}
    chosen = class_colours(labels, colours)
    return Classes(tuple(chosen[code] for code in labels), tuple(labels.values()), tuple(labels))
