"""Step draw_maps: the maps of one variable, one for each year and one picture of all years, on one colour scale."""

from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np

from zonalflow.common.dates import span
from zonalflow.common.files import record_checksums
from zonalflow.report.captions import Caption, caption
from zonalflow.report.colours import limits
from zonalflow.report.maps import draw_overview, draw_years
from zonalflow.report.quantities import Quantity, main_stat, quantity_of
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
    quantity, stat, region = quantity_of(params.variable, params.units), main_stat(params.stats), region_name(zones)
    values = np.stack([year_values(path, stat, quantity) for path in inputs.tables])
    note = f"{len(zones)} {'zone' if len(zones) == 1 else 'zones'}; {params.grain} rasters."

    def caption_of(when: str) -> Caption:
        return caption(quantity, stat, region=region, when=when, synthetic=params.synthetic, note=note)

    years, palette, scale = [str(year) for year in params.years], quantity.palette, limits(values)
    draw_years(outputs.maps, zones, values, [caption_of(year) for year in years], palette=palette, scale=scale)
    all_years = caption_of(span(params.years))
    draw_overview(outputs.overview, zones, values, years, all_years, palette=palette, scale=scale)
    record_checksums(outputs.checksums, [*outputs.maps, outputs.overview])
    log(f"{len(years)} {'map' if len(years) == 1 else 'maps'}, and one picture of all years")


def year_values(path: str, stat: str, quantity: Quantity) -> np.ndarray:
    """Return the statistic of a year table [n_zones], reduced over the year's dates."""
    return annual(load_year(Path(path)).columns[stat], quantity, stat)
