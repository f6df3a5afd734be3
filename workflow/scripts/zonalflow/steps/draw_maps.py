"""Step draw_maps: the maps of one variable, one for each year and one picture of all years, on one colour scale."""

from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np

from zonalflow.common.columns import SHARE
from zonalflow.common.dates import span
from zonalflow.common.files import record_checksums
from zonalflow.report.captions import Caption, caption
from zonalflow.report.colours import Classes, Palette, class_colours, limits
from zonalflow.report.maps import draw_overview, draw_years
from zonalflow.report.quantities import MOST_FREQUENT, Quantity, main_stat, quantity_of
from zonalflow.report.trends import annual
from zonalflow.run.rule import Log
from zonalflow.tables.year_table import load_year
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
    units: dict[str, str]
    synthetic: bool


def draw_maps(inputs: Inputs, outputs: Outputs, params: Params, log: Log) -> None:
    """Draw the maps of one variable and write their checksums."""
    zones = geopandas.read_parquet(inputs.zones)
    quantity, region = quantity_of(params.variable, params.units), region_name(zones)
    palette: Palette | Classes = quantity.palette
    if "categorical" in params.stats:
        stat = MOST_FREQUENT
        values, palette = class_values(inputs.tables)
    else:
        stat = main_stat(params.stats)
        values = np.stack([year_values(path, stat, quantity) for path in inputs.tables])
    note = f"{len(zones)} {'zone' if len(zones) == 1 else 'zones'}; {params.grain} rasters."

    def caption_of(when: str) -> Caption:
        return caption(quantity, stat, region=region, when=when, synthetic=params.synthetic, note=note)

    years = [str(year) for year in params.years]
    scale = palette.scale if isinstance(palette, Classes) else limits(values)
    draw_years(outputs.maps, zones, values, [caption_of(year) for year in years], palette=palette, scale=scale)
    all_years = caption_of(span(params.years))
    draw_overview(outputs.overview, zones, values, years, all_years, palette=palette, scale=scale)
    record_checksums(outputs.checksums, [*outputs.maps, outputs.overview])
    log(f"{len(years)} {'map' if len(years) == 1 else 'maps'}, and one picture of all years")


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
