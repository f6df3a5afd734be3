"""Maps of zones: one for each year on one colour scale, and one picture of all years.

Zones that the grid cuts are hatched, and zones without data are grey; a legend explains both. The layout is fixed in
inches and so is the same for every year.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass

import geopandas
import numpy as np
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from zonalflow.common.columns import INSIDE
from zonalflow.report import outlines
from zonalflow.report.captions import Caption
from zonalflow.report.colours import INK, NEUTRAL, Classes, Palette, limits
from zonalflow.report.figure import (
    DPI,
    MARGIN,
    Rectangle,
    Texts,
    add_class_legend,
    add_colour_bar,
    add_hatching,
    add_legend,
    add_zones,
    aspect_ratio,
    line_width,
    map_axes,
    save,
    style,
    zone_paths,
)

_BOTTOM = 1.25  # inches below the maps, for colour bar, legend and note


def draw_years(
    paths: Sequence[str | os.PathLike[str]],
    zones: geopandas.GeoDataFrame,
    table: np.ndarray,
    captions: Sequence[Caption],
    *,
    palette: Palette | Classes = NEUTRAL,
    scale: tuple[float, float] | None = None,
) -> None:
    """Write one map (PNG) for each year, all on the same colour scale.

    Args:
        paths, captions: one for each year.
        zones: the prepared zones; those with an ``inside_fraction`` below 1, if they have one, are hatched.
        table: values [n_years, n_zones], NaN for a zone without data.
        palette: the colours; of classes, the values are their numbers.
        scale: the values at the two ends of the colour bar; by default :func:`zonalflow.report.colours.limits` chooses.
    """
    table = np.asarray(table, dtype=float)
    with style():
        figure, collection, texts = _year_figure(zones, table, scale or _scale(table, palette), palette)
        for path, values, caption in zip(paths, table, captions, strict=True):
            collection.set_array(np.ma.masked_invalid(values))
            texts.show(caption)
            save(figure, path)


def draw_overview(
    path: str | os.PathLike[str],
    zones: geopandas.GeoDataFrame,
    table: np.ndarray,
    labels: Sequence[str],
    caption: Caption,
    *,
    palette: Palette | Classes = NEUTRAL,
    scale: tuple[float, float] | None = None,
) -> None:
    """Write one picture (PNG) with a small map for each row of ``table`` [n_years, n_zones], and one colour bar.

    ``labels`` are the titles of the small maps; the other arguments are those of :func:`draw_years`.
    """
    table = np.asarray(table, dtype=float)
    scale = scale or _scale(table, palette)
    shapes = outlines.to_plane(zones)
    bounds = outlines.extent(shapes)
    panels = _arrange_panels(len(table), aspect_ratio(bounds))
    paths = zone_paths(outlines.simplified(shapes, _half_pixel(bounds, panels.width)))
    line = line_width(len(zones), panels.width) * 0.5
    with style():
        figure = Figure(panels.figure_size)
        for values, label, box in zip(table, labels, panels.boxes, strict=True):
            axes = map_axes(figure, box, bounds)
            collection = add_zones(axes, paths, scale, palette.values, line)
            collection.set_array(np.ma.masked_invalid(values))
            axes.set_title(label, fontsize=panels.font_size, pad=2, y=1.0, color=INK)
        texts = _add_key(figure, collection, table, palette, width=5.0, n_cut=0)
        texts.show(caption)
        save(figure, path)


def _year_figure(
    zones: geopandas.GeoDataFrame, table: np.ndarray, scale: tuple[float, float], palette: Palette | Classes
) -> tuple[Figure, PathCollection, Texts]:
    """Lay out the figure that all years share, with its outlines; values and texts change from year to year."""
    shapes = outlines.to_plane(zones)
    bounds = outlines.extent(shapes)
    aspect = aspect_ratio(bounds)
    width = 7.5
    map_width = min(width - 2 * MARGIN, 6.5 * aspect)  # the height of the page is limited too
    map_height = map_width / aspect
    figure = Figure((width, 0.7 + map_height + _BOTTOM))
    paths = zone_paths(outlines.simplified(shapes, _half_pixel(bounds, map_width)))
    axes = map_axes(figure, ((width - map_width) / 2, _BOTTOM, map_width, map_height), bounds)
    line = line_width(len(zones), map_width)
    collection = add_zones(axes, paths, scale, palette.values, line)
    cut = _cut(zones)
    add_hatching(axes, [path for path, is_cut in zip(paths, cut, strict=True) if is_cut], line)
    texts = _add_key(figure, collection, table, palette, width=4.2, n_cut=int(cut.sum()))
    return figure, collection, texts


def _scale(table: np.ndarray, palette: Palette | Classes) -> tuple[float, float]:
    return palette.scale if isinstance(palette, Classes) else limits(table)


def _add_key(
    figure: Figure,
    collection: PathCollection,
    table: np.ndarray,
    palette: Palette | Classes,
    *,
    width: float,
    n_cut: int,
) -> Texts:
    """Add what explains the colours: a colour bar ``width`` inches wide, or classes; return the figure's texts."""
    missing = not np.isfinite(table).all()
    if isinstance(palette, Classes):
        add_class_legend(figure, palette, n_cut, missing)
        return Texts(figure, None)
    texts = Texts(figure, add_colour_bar(figure, collection, table, width=width))
    add_legend(figure, n_cut, missing)
    return texts


def _cut(zones: geopandas.GeoDataFrame) -> np.ndarray:
    """Return which zones [n_zones] the grid's edge cuts."""
    inside = np.ones(len(zones)) if INSIDE not in zones else zones[INSIDE].to_numpy(dtype=float)
    return np.asarray(inside < 1)


def _half_pixel(bounds: Rectangle, inches: float) -> float:
    """Return half of a pixel in the map's units, when the map is ``inches`` wide."""
    return (bounds[2] - bounds[0]) / (inches * DPI * 2)


@dataclass(frozen=True)
class _Panels:
    """Where the small maps of an overview lie; all in inches but the size of their titles, in points."""

    figure_size: tuple[float, float]
    boxes: list[Rectangle]
    width: float
    font_size: float


def _arrange_panels(count: int, aspect: float) -> _Panels:
    """Lay out ``count`` maps of one aspect ratio, row by row, on a figure of fixed width."""
    columns, rows = _columns_and_rows(count, aspect)
    top, figure_width = 0.68, 10.0
    # wider than what lies between the zones of one map, such as fields
    gap = max(0.12, 0.08 * figure_width / columns) if columns > 1 else 0.12
    width = (figure_width - 2 * MARGIN - gap * (columns - 1)) / columns
    font_size = min(11, max(5.5, width * 6))
    title = font_size * 1.5 / 72
    step = width / aspect + title + gap
    figure_height = top + rows * step + _BOTTOM
    boxes = [
        (
            MARGIN + (i % columns) * (width + gap),
            figure_height - top - (i // columns) * step - title - width / aspect,
            width,
            width / aspect,
        )
        for i in range(count)
    ]
    return _Panels((figure_width, figure_height), boxes, width, font_size)


def _columns_and_rows(count: int, aspect: float) -> tuple[int, int]:
    """Return (columns, rows) for ``count`` panels: near to a 16:10 page, with few panels left empty."""

    def badness(columns: int) -> float:
        rows = math.ceil(count / columns)
        return abs(math.log(columns * aspect / rows / 1.6)) + 3 * (columns * rows - count) / count

    columns = min(range(1, count + 1), key=badness)
    return columns, math.ceil(count / columns)
