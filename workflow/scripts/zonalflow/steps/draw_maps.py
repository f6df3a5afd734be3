"""Step draw_maps: the maps of one variable, one for each year and one picture of all years, on one colour scale."""

from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np

from zonalflow.common.columns import SHARE
from zonalflow.common.dates import months_text, rasters_of, span
from zonalflow.common.files import record_checksums
from zonalflow.common.text import count_of
from zonalflow.report.captions import Caption, caption
from zonalflow.report.colours import Classes, Palette, class_colours, limits
from zonalflow.report.maps import draw_overview, draw_years
from zonalflow.report.quantities import MOST_FREQUENT, Quantity, main_stat, quantity_of
from zonalflow.report.trends import annual
from zonalflow.run.rule import Log
from zonalflow.tables.year_table import YearTable, load_year, table_head, units_of
from zonalflow.zones.labels import region_name


@dataclass(frozen=True)
class Inputs:
    """The year tables of the variable, in the order of the years, and the prepared zones (GeoParquet)."""

    tables: list[str]
    zones: str


@dataclass(frozen=True)
class Outputs:
    """A PNG for each year, the PNG with all years, and the checksums of all."""

    maps: list[str]
    overview: str
    checksums: str


@dataclass(frozen=True)
class Params:
    """What is drawn, as configured; with `synthetic` every picture states that the rasters were generated."""

    variable: str
    years: list[int]
    stats: list[str]
    grain: str
    months: list[int] | None
    units: dict[str, str]
    synthetic: bool


def draw_maps(inputs: Inputs, outputs: Outputs, params: Params, log: Log) -> None:
    """Draw the maps of one variable and write their checksums.

    A year that lacks dates has a map of those that it has, which says so. It sets no scale, and is left out of the
    picture of all years, unless all years are like it.
    """
    zones = geopandas.read_parquet(inputs.zones)
    heads = [table_head(Path(path)) for path in inputs.tables]
    of_years = [(params.variable, year, head) for year, head in zip(params.years, heads, strict=True)]
    units = units_of(of_years, params.units)
    quantity, region = quantity_of(params.variable, units), region_name(zones)
    palette: Palette | Classes = quantity.palette
    if "categorical" in params.stats:
        stat = MOST_FREQUENT
        values, palette = class_values(inputs.tables)
    else:
        stat = main_stat(params.stats)
        values = np.stack([year_values(path, stat, quantity) for path in inputs.tables])
    note = f"{len(zones)} {'zone' if len(zones) == 1 else 'zones'}; {rasters_of(params.grain)}."

    def caption_of(when: str, part: str) -> Caption:
        return caption(quantity, stat, region=region, when=when, synthetic=params.synthetic, note=note, part=part)

    years = [str(year) for year in params.years]
    lacks = np.array([bool(head.missing) for head in heads])
    shown = np.where(lacks[:, None] & ~lacks.all(), np.nan, values)
    scale = palette.scale if isinstance(palette, Classes) else limits(shown)
    captions = [caption_of(year, part_of(head, params.months)) for year, head in zip(years, heads, strict=True)]
    draw_years(outputs.maps, zones, values, captions, palette=palette, scale=scale)
    all_years = caption_of(span(params.years), months_text(params.months) if params.months else "")
    draw_overview(outputs.overview, zones, shown, years, all_years, palette=palette, scale=scale)
    record_checksums(outputs.checksums, [*outputs.maps, outputs.overview])
    log(f"{len(years)} {'map' if len(years) == 1 else 'maps'}, and one picture of all years")
    for year, head in zip(years, heads, strict=True):
        if head.missing:
            log(f"{year} lacks {count_of(len(head.missing), 'date')}: its map is of {part_of(head, params.months)}")


def part_of(table: YearTable, months: list[int] | None) -> str:
    """Return of which months or dates the rasters of a year are; an empty text for a whole year."""
    if not table.missing:
        return months_text(months) if months else ""
    if len(table.dates[0]) == len("2000-01"):
        return months_text([int(date[5:7]) for date in table.dates])
    return f"{len(table.dates)} of {len(table.dates) + len(table.missing)} dates"


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
    names_of: dict[str, str] = {}
    colours_of: dict[str, str] = {}
    for table in tables:
        names_of |= table.classes
        colours_of |= table.colours
    labels = {found[i]: names_of.get(found[i], found[i]) for i in shown}
    number = np.full(max(len(found), 1), np.nan)
    number[shown] = np.arange(len(shown))
    colours = class_colours(labels, colours_of)
    values = np.where(np.isfinite(values), number[np.nan_to_num(values).astype(int)], np.nan)
    return values, Classes(tuple(colours[value] for value in labels), tuple(labels.values()))
