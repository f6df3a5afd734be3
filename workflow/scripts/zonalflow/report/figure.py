"""Parts of a map's figure: zones, hatching, colour bar, legend and texts, placed in inches."""

import math
import os
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib
import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colorbar import Colorbar
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator

from zonalflow.common.files import atomic_path
from zonalflow.report.captions import Caption
from zonalflow.report.colours import HATCH, INK, MISSING

DPI = 150
MARGIN = 0.3  # inches left and right of everything
BAR_BOTTOM = 0.78  # inches between the figure's lower edge and the colour bar

Rectangle = tuple[float, float, float, float]


@contextmanager
def style() -> Iterator[None]:
    """Set matplotlib's options for all maps, whatever the user's own ones are."""
    with matplotlib.rc_context(
        {
            "font.family": "DejaVu Sans",
            "hatch.linewidth": 0.6,
            "hatch.color": HATCH,
            "text.parse_math": False,  # a unit such as "$" is no formula
        }
    ):
        yield


def aspect_ratio(bounds: Rectangle) -> float:
    """Return width to height of (west, south, east, north), within what a page can show."""
    west, south, east, north = bounds
    return min(max((east - west) / max(north - south, 1e-12), 0.2), 8.0)


def line_width(n_zones: int, inches: float) -> float:
    """Return the width in points of the borders on a map that is ``inches`` wide: they never hide small zones."""
    return min(0.8, max(0.08, 0.9 * inches / math.sqrt(n_zones)))


def map_axes(figure: Figure, box: Rectangle, bounds: Rectangle) -> Axes:
    """Add axes for a map of ``bounds`` at ``box``: left, bottom, width and height in inches."""
    axes = figure.add_axes(_relative(figure, box))
    west, south, east, north = bounds
    axes.set(xlim=(west, east), ylim=(south, north), aspect="equal")
    axes.set_axis_off()
    return axes


def zone_paths(shapes: np.ndarray) -> list[Path]:
    """Turn each geometry into one path; a hole runs against its shell, so that it is not filled."""
    paths = []
    for shape in shapely.orient_polygons(shapes):
        rings = [shapely.get_coordinates(ring) for ring in shapely.get_rings(shapely.get_parts(shape))]
        if not rings:
            paths.append(Path(np.full((1, 2), np.nan)))
            continue
        codes = [[Path.MOVETO, *[Path.LINETO] * (len(ring) - 2), Path.CLOSEPOLY] for ring in rings]
        paths.append(Path(np.concatenate(rings), np.concatenate(codes)))
    return paths


def add_zones(
    axes: Axes, paths: list[Path], scale: tuple[float, float], colours: tuple[str, ...], line: float
) -> PathCollection:
    """Add the zones to a map; the collection's ``set_array`` colours them by their values."""
    # Borders that would cover most of the zones are left out; a thin line in the zone's own colour closes the seams.
    edge, width = ("white", line) if line > 0.1 else ("face", 0.1)
    collection = PathCollection(
        paths,
        norm=Normalize(*scale),
        cmap=ListedColormap(colours).with_extremes(bad=MISSING),
        joinstyle="round",
        edgecolors=edge,
        linewidths=width,
    )
    axes.add_collection(collection, autolim=False)
    return collection


def add_hatching(axes: Axes, paths: list[Path], line: float) -> None:
    """Hatch the zones of ``paths``."""
    if paths:
        hatched = PathCollection(paths, facecolors="none", edgecolors=HATCH, linewidths=line, hatch="////")
        axes.add_collection(hatched, autolim=False)


def add_colour_bar(figure: Figure, collection: PathCollection, table: np.ndarray, width: float) -> Colorbar:
    """Add the colour bar, ``width`` inches at most, with pointed ends where values of ``table`` lie beyond it."""
    low, high = collection.norm.vmin, collection.norm.vmax
    finite = table[np.isfinite(table)]
    beyond = bool((finite < low).any()), bool((finite > high).any())
    extend = {(True, True): "both", (True, False): "min", (False, True): "max"}.get(beyond, "neither")
    box = MARGIN, BAR_BOTTOM, min(width, figure.get_figwidth() - 2 * MARGIN), 0.16
    bar = figure.colorbar(
        collection,
        cax=figure.add_axes(_relative(figure, box)),
        orientation="horizontal",
        extend=extend,
        extendfrac=0.03,
        ticks=MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]),
    )
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8, colors=INK, length=3)
    return bar


def add_legend(figure: Figure, n_cut: int, missing: bool) -> None:
    """Explain hatching and grey, if the map has them, to the right of the colour bar."""
    handles = []
    if n_cut:
        label = f"cut by the grid's edge ({n_cut})"
        handles.append(Patch(facecolor="white", edgecolor=HATCH, hatch="////", linewidth=0.5, label=label))
    if missing:
        handles.append(Patch(facecolor=MISSING, edgecolor="white", label="no cell or no data"))
    if handles:
        width, height = figure.get_size_inches()
        figure.legend(
            handles=handles,
            loc="center right",
            bbox_to_anchor=(1 - MARGIN / width, (BAR_BOTTOM + 0.05) / height),
            frameon=False,
            fontsize=8,
            labelcolor=INK,
            borderaxespad=0,
            handlelength=1.6,
            handleheight=1.1,
        )


class Texts:
    """The title, the colour bar's label and the note of a figure, wrapped to its width."""

    def __init__(self, figure: Figure, bar: Colorbar):
        width, height = figure.get_size_inches()
        self._width = width - 2 * MARGIN
        self._bar = bar
        self._title = figure.text(
            MARGIN / width, 1 - 0.22 / height, "", size=12, weight="bold", color=INK, verticalalignment="top"
        )
        self._note = figure.text(MARGIN / width, 0.1 / height, "", size=7, color="#52606d", verticalalignment="bottom")

    def show(self, caption: Caption) -> None:
        """Set the texts; a title of more than two lines is set smaller, a longer note is cut."""
        for size in (12, 10.5, 9, 7.5):
            lines = textwrap.wrap(caption.title, int(self._width * 72 / (size * 0.62)))
            if len(lines) <= 2:
                break
        self._title.set_text("\n".join(_at_most(lines, 2)))
        self._title.set_fontsize(size)
        note = textwrap.wrap(caption.note, int(self._width * 72 / (7 * 0.52)))
        self._note.set_text("\n".join(_at_most(note, 2)))
        self._bar.set_label(_at_most(textwrap.wrap(caption.scale, 60), 1)[0], size=8, color=INK)


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write the figure as PNG, atomically; the same numbers give the same bytes."""
    with atomic_path(path) as temporary:
        # without matplotlib's version, which it would write into the file
        figure.savefig(temporary, dpi=DPI, facecolor="white", metadata={"Software": None})


def _at_most(lines: list[str], count: int) -> list[str]:
    return [*lines[: count - 1], lines[count - 1] + " …"] if len(lines) > count else lines or [""]


def _relative(figure: Figure, box: Rectangle) -> Rectangle:
    """Turn left, bottom, width and height in inches into shares of the figure."""
    width, height = figure.get_size_inches()
    left, bottom, across, up = box
    return left / width, bottom / height, across / width, up / height
