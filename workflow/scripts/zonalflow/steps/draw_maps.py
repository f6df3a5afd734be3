"""Step draw_maps: the maps of one variable, one for each year and one picture of all years, on one colour scale."""

from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np

from zonalflow.common.dates import span
from zonalflow.common.files import record_checksums
from zonalflow.report.maps import Caption, caption, draw_overview, draw_years, limits
from zonalflow.report.quantities import Quantity, main_stat, quantity
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
    """What is drawn, as configured; `synthetic` says that the rasters are made up, which every picture then says."""

    variable: str
    years: list[int]
    stats: list[str]
    grain: str
    units: dict[str, str]
    synthetic: bool


def draw_maps(inputs: Inputs, outputs: Outputs, params: Params, log: Log) -> None:
    """Draw the maps of one variable and write their checksums."""
    frame = geopandas.read_parquet(inputs.zones)
    of = quantity(params.variable, params.units)
    stat = main_stat(params.stats) or "count"  # only categories were asked for: show the cells that hold data
    values = np.stack([year_values(path, stat, of) for path in inputs.tables])
    region, note = region_name(frame), f"{len(frame)} zones; {params.grain} rasters."

    def caption_of(when: str) -> Caption:
        return caption(of, stat, place=region, when=when, synthetic=params.synthetic, note=note)

    scale = limits(values)
    captions = [caption_of(str(year)) for year in params.years]
    draw_years(outputs.maps, frame, values, captions, palette=of.palette, scale=scale)
    years = [str(year) for year in params.years]
    draw_overview(
        outputs.overview, frame, values, years, caption_of(span(params.years)), palette=of.palette, scale=scale
    )
    record_checksums(outputs.checksums, [*outputs.maps, outputs.overview])
    log(f"{len(outputs.maps)} maps")


def year_values(path: str, stat: str, of: Quantity) -> np.ndarray:
    """Return one number a zone [n_zones] of a year table: the statistic, over the year's dates."""
    return annual(load_year(Path(path)).columns[stat], of, stat)
