"""Step draw_maps: the maps of one variable, one for each year and one of all years."""

from pathlib import Path

import geopandas
import numpy as np

from zonalflow.common.dates import span
from zonalflow.report.captions import Caption, caption
from zonalflow.report.colours import limits
from zonalflow.report.maps import draw_overview, draw_years
from zonalflow.report.quantities import Quantity, main_stat, quantity_of
from zonalflow.report.trends import annual
from zonalflow.tables.year_table import load_year
from zonalflow.zones.labels import region_name


def draw_variable(
    *, variable: str, years: list[int], tables: list[str], zones: str, maps: list[str], overview: str, stats: list[str],
    grain: str, units: dict[str, str], synthetic: bool,
) -> None:  # fmt: skip
    """Draw one map for each year and one picture of all years, on one colour scale.

    Args:
        variable, years: what is drawn.
        tables, maps: the year table, and the PNG to write, of each year.
        zones: the prepared zones (GeoParquet).
        overview: the PNG with all years.
        stats, grain, units: as configured.
        synthetic: whether the rasters were generated, which every map then says.
    """
    frame = geopandas.read_parquet(zones)
    quantity, stat, region = quantity_of(variable, units), main_stat(stats), region_name(frame)
    values = np.stack([year_values(path, stat, quantity) for path in tables])
    note = f"{len(frame)} {'zone' if len(frame) == 1 else 'zones'}; {grain} rasters."

    def texts(when: str) -> Caption:
        return caption(quantity, stat, region=region, when=when, synthetic=synthetic, note=note)

    palette, scale = quantity.palette, limits(values)
    draw_years(maps, frame, values, [texts(str(year)) for year in years], palette=palette, scale=scale)
    draw_overview(
        overview, frame, values, [str(year) for year in years], texts(span(years)), palette=palette, scale=scale
    )


def year_values(path: str, stat: str, quantity: Quantity) -> np.ndarray:
    """Return the statistic of a year table [n_zones], reduced over the year's dates."""
    return annual(load_year(Path(path)).columns[stat], quantity, stat)
