"""The pictures of one variable: which statistic is drawn, what the maps log, and drawing them."""

from pathlib import Path

import geopandas
import numpy as np

from zonalflow.common.dates import span
from zonalflow.report.maps import caption, draw_overview, draw_years, limits
from zonalflow.report.quantities import Quantity, main_stat, quantity
from zonalflow.report.trends import annual
from zonalflow.tables.year_table import load_year
from zonalflow.zones.labels import region_name


def year_values(path: str, stat: str, of: Quantity) -> np.ndarray:
    """Return one number a zone [n_zones] of a year table: the statistic, over the year's dates."""
    return annual(load_year(Path(path)).columns[stat], of, stat)


def draw_variable(
    *, variable: str, years: list[int], tables: list[str], zones: str, maps: list[str], overview: str, stats: list[str],
    grain: str, units: dict[str, str], synthetic: bool,
) -> None:  # fmt: skip
    """Draw one map a year and one picture of all years, on one colour scale.

    Args:
        variable, years: what is drawn.
        tables, maps: the year table, and the PNG to write, of each year.
        zones: the prepared zones (GeoParquet).
        overview: the PNG with all years.
        stats, grain, units: as configured.
        synthetic: whether the rasters are made up, which every picture then says.
    """
    frame = geopandas.read_parquet(zones)
    of = quantity(variable, units)
    stat = main_stat(stats) or "count"  # only categories were asked for: show the cells that hold data
    values = np.stack([year_values(path, stat, of) for path in tables])
    note = f"{len(frame)} zones; {grain} rasters."

    def words(when: str):
        return caption(of, stat, place=region_name(frame), when=when, synthetic=synthetic, note=note)

    style = {"palette": of.palette, "scale": limits(values)}
    draw_years(maps, frame, values, [words(str(year)) for year in years], **style)
    draw_overview(overview, frame, values, [str(year) for year in years], words(span(years)), **style)
