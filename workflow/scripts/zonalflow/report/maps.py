"""Maps of zones: one picture a year on one colour scale, and one picture of all years.

A picture says what, where and when it shows, and in which unit. Zones that the grid cuts are hatched, and
zones without data are grey, with a key for both. The layout is fixed in inches and so is the same for every
year.
"""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np
import shapely

from zonalflow.common.files import atomic_path
from zonalflow.report import outlines, palettes
from zonalflow.report.quantities import NO_UNIT, Quantity, headline, stat_label, stat_unit

DPI = 150
SYNTHETIC = "Synthetic data, made up for the demo: no measurements."
_FONTS = {"font.family": "DejaVu Sans", "hatch.linewidth": 0.6, "hatch.color": "#3c4650"}


@dataclass(frozen=True)
class Caption:
    """The words of a picture: title, label of the colour bar (with the unit), small note below."""

    title: str
    scale: str
    note: str = ""


def limits(values: np.ndarray) -> tuple[float, float]:
    """Return the common colour scale of all values: the central 99 %, lest one zone flatten the rest.

    Infinite and missing values do not count. Without any value it is (0, 1); a constant gets a little room.
    """
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    if not finite.size:
        return 0.0, 1.0
    low, high = np.quantile(finite, (0.005, 0.995))
    if high <= low:
        room = max(abs(low) * 0.05, 0.5)
        return low - room, high + room
    return float(low), float(high)


def draw_year(
    path: str | Path,
    zones: geopandas.GeoDataFrame,
    values: np.ndarray,
    caption: Caption,
    *,
    palette: str = "neutral",
    scale: tuple[float, float] | None = None,
) -> None:
    """Write one map, a PNG; see :func:`draw_years` for the arguments. ``values`` is [n_zones]."""
    scale = scale or limits(values)
    draw_years([path], zones, np.asarray(values)[None], [caption], palette=palette, scale=scale)


def draw_years(
    paths: Sequence[str | Path],
    zones: geopandas.GeoDataFrame,
    table: np.ndarray,
    captions: Sequence[Caption],
    *,
    palette: str = "neutral",
    scale: tuple[float, float] | None = None,
) -> None:
    """Write one map a year, all on the same scale; the outlines are prepared once.

    ``table`` is [n_years, n_zones], NaN for a zone without data. The column ``inside_fraction`` of ``zones``,
    if there is one, tells which are cut (below 1). ``palette`` is a name in :mod:`zonalflow.report.palettes`,
    ``scale`` the values at the two ends of the colour bar, by default those of :func:`limits` over the table.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    table = np.asarray(table, dtype=float)
    scale = scale or limits(table)
    with _style():
        figure, collection, words = _year_figure(zones, table, scale, palette)
        canvas = FigureCanvasAgg(figure)
        for path, values, caption in zip(paths, table, captions, strict=True):
            collection.set_array(np.ma.masked_invalid(values))
            words.show(caption)
            _save(canvas, path)


def draw_overview(
    path: str | Path,
    zones: geopandas.GeoDataFrame,
    table: np.ndarray,
    labels: Sequence[str],
    caption: Caption,
    *,
    palette: str = "neutral",
    scale: tuple[float, float] | None = None,
) -> None:
    """Write one picture with a small map for each row of ``table`` [n_years, n_zones], and one colour bar.

    ``labels`` names the small maps; the other arguments are those of :func:`draw_years`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    table = np.asarray(table, dtype=float)
    scale = scale or limits(table)
    shapes = outlines.to_plane(zones)
    bounds = outlines.extent(shapes)
    aspect = _aspect(bounds)
    columns, rows = _arrangement(len(table), aspect)
    margin, gap, width = 0.3, 0.12, 10.0
    panel = (width - 2 * margin - gap * (columns - 1)) / columns
    size = min(11, max(5.5, panel * 6))
    label = size * 1.5 / 72
    step = panel / aspect + label + gap
    top, bottom = 0.68, 1.25
    height = top + rows * step + bottom
    with _style():
        figure = Figure((width, height))
        paths = _paths(outlines.simplified(shapes, (bounds[2] - bounds[0]) / (panel * DPI * 2)))
        for i, (values, text) in enumerate(zip(table, labels, strict=True)):
            left = margin + (i % columns) * (panel + gap)
            low = height - top - (i // columns) * step - label - panel / aspect
            axes = _map_axes(figure, (left, low, panel, panel / aspect), bounds)
            collection = _zones(axes, paths, scale, palette, line=_line_width(len(zones), panel) * 0.5)
            collection.set_array(np.ma.masked_invalid(values))
            axes.set_title(text, fontsize=size, pad=2, y=1.0, color=palettes.INK)
        words = _Words(figure, margin)
        _colour_bar(figure, collection, table, scale, (margin, 0.78, min(5.0, width - 2 * margin), 0.16), words)
        _key(figure, table, np.zeros(len(zones), dtype=bool), width - margin, 0.78)
        words.show(caption)
        _save(FigureCanvasAgg(figure), path)


def caption(
    of: Quantity,
    stat: str,
    *,
    place: str,
    when: str,
    synthetic: bool = False,
    note: str = "",
) -> Caption:
    """Word the picture of a year or years, as in ``Annual precipitation, Florida, 2000``.

    ``note`` is the small print: whom the data are from. A picture of synthetic data says so twice.
    """
    title = ", ".join(part for part in (headline(of, stat), place, when) if part)
    title = title[:1].upper() + title[1:] + (" (synthetic data)" if synthetic else "")
    unit = stat_unit(stat, of)
    scale = f"{stat_label(stat)} in each zone" + (f" ({unit})" if unit not in ("", NO_UNIT) else "")
    return Caption(title, scale, f"{SYNTHETIC} {note}".strip() if synthetic else note)


# -------------------------------------------------------------------------------------------------------
# what is drawn


def _year_figure(zones, table, scale, palette):
    """Lay out the figure that all years share; return it, its collection of zones and its texts."""
    from matplotlib.figure import Figure

    shapes = outlines.to_plane(zones)
    bounds = outlines.extent(shapes)
    aspect = _aspect(bounds)
    margin, top, bottom = 0.3, 0.7, 1.25
    width = 7.5
    map_width = min(width - 2 * margin, 6.5 * aspect)  # a tall map may not become a poster
    map_height = map_width / aspect
    height = top + map_height + bottom
    figure = Figure((width, height))
    paths = _paths(outlines.simplified(shapes, (bounds[2] - bounds[0]) / (map_width * DPI * 2)))
    axes = _map_axes(figure, ((width - map_width) / 2, bottom, map_width, map_height), bounds)
    line = _line_width(len(zones), map_width)
    collection = _zones(axes, paths, scale, palette, line)
    cut = _cut(zones)
    _hatch(axes, [path for path, is_cut in zip(paths, cut, strict=True) if is_cut], line)
    words = _Words(figure, margin)
    _colour_bar(figure, collection, table, scale, (margin, 0.78, min(4.2, width - 2 * margin), 0.16), words)
    _key(figure, table, cut, width - margin, 0.78)
    return figure, collection, words


def _zones(axes, paths, scale, palette, line):
    from matplotlib.collections import PathCollection
    from matplotlib.colors import ListedColormap, Normalize

    # Where borders would be most of what one sees, there are none; a thread of the zone's own colour closes
    # the seams.
    edges = {"edgecolors": "white", "linewidths": line} if line > 0.1 else {"edgecolors": "face", "linewidths": 0.1}
    colours = ListedColormap(palettes.sequential(palette)).with_extremes(bad=palettes.MISSING)
    collection = PathCollection(paths, norm=Normalize(*scale), cmap=colours, joinstyle="round", **edges)
    axes.add_collection(collection, autolim=False)
    return collection


def _hatch(axes, paths, line):
    from matplotlib.collections import PathCollection

    if paths:
        axes.add_collection(
            PathCollection(paths, facecolors="none", edgecolors="#3c4650", linewidths=line, hatch="////"),
            autolim=False,
        )


class _Words:
    """The title, the colour bar's label and the note of a figure, wrapped to its width."""

    def __init__(self, figure, margin: float):
        width, height = figure.get_size_inches()
        self._title = figure.text(
            margin / width, 1 - 0.22 / height, "", size=12, weight="bold", color=palettes.INK, va="top"
        )
        self._note = figure.text(margin / width, 0.1 / height, "", size=7, color="#52606d", va="bottom")
        self._width = width - 2 * margin
        self.bar = None

    def show(self, caption: Caption) -> None:
        """Set the texts; a title of more than two lines is set smaller, a longer note is cut."""
        for size in (12, 10.5, 9, 7.5):
            lines = textwrap.wrap(caption.title, int(self._width * 72 / (size * 0.62)))
            if len(lines) <= 2:
                break
        self._title.set(text="\n".join(_at_most(lines, 2)), size=size)
        note = textwrap.wrap(caption.note, int(self._width * 72 / (7 * 0.52)))
        self._note.set_text("\n".join(_at_most(note, 2)))
        self.bar.set_label(_at_most(textwrap.wrap(caption.scale, 60), 1)[0], size=8, color=palettes.INK)


def _at_most(lines: list[str], count: int) -> list[str]:
    return [*lines[: count - 1], lines[count - 1] + " …"] if len(lines) > count else lines or [""]


def _colour_bar(figure, collection, table, scale, box, words: _Words) -> None:
    finite = table[np.isfinite(table)]
    below, above = bool((finite < scale[0]).any()), bool((finite > scale[1]).any())
    extend = {(True, True): "both", (True, False): "min", (False, True): "max"}.get((below, above), "neither")
    axes = figure.add_axes(_relative(figure, box))
    words.bar = figure.colorbar(collection, cax=axes, orientation="horizontal", extend=extend, extendfrac=0.03)
    words.bar.outline.set_visible(False)
    words.bar.locator = _locator()
    words.bar.ax.tick_params(labelsize=8, colors=palettes.INK, length=3)


def _locator():
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(6, steps=[1, 2, 2.5, 5, 10])


def _key(figure, table, cut, right: float, low: float) -> None:
    """Explain hatching and grey, if the picture has them, to the right of the colour bar."""
    from matplotlib.patches import Patch

    handles = []
    if cut.any():
        label = f"cut by the grid's edge ({int(cut.sum())})"
        handles.append(Patch(facecolor="white", edgecolor="#3c4650", hatch="////", linewidth=0.5, label=label))
    if not np.isfinite(table).all():
        handles.append(Patch(facecolor=palettes.MISSING, edgecolor="white", label="no cell or no data"))
    if handles:
        width, height = figure.get_size_inches()
        figure.legend(
            handles=handles,
            loc="center right",
            bbox_to_anchor=(right / width, (low + 0.05) / height),
            frameon=False,
            fontsize=8,
            labelcolor=palettes.INK,
            borderaxespad=0,
            handlelength=1.6,
            handleheight=1.1,
        )


# ----------------------------------------------------------------------------------------------------------
# -- geometry


def _paths(shapes: np.ndarray) -> list:
    """Turn each geometry into one path; a hole runs against its shell, so that it is not filled."""
    from matplotlib.path import Path as Outline

    shapes = shapely.orient_polygons(shapes)
    result = []
    for shape in shapes:
        rings = shapely.get_rings(shapely.get_parts(shape))
        vertices = [shapely.get_coordinates(ring) for ring in rings]
        if not vertices:
            result.append(Outline(np.full((1, 2), np.nan)))
            continue
        codes = [[Outline.MOVETO, *[Outline.LINETO] * (len(v) - 2), Outline.CLOSEPOLY] for v in vertices]
        codes = np.concatenate(codes)
        result.append(Outline(np.concatenate(vertices), codes))
    return result


def _cut(zones) -> np.ndarray:
    if "inside_fraction" not in zones:
        return np.zeros(len(zones), dtype=bool)
    return zones["inside_fraction"].to_numpy(dtype=float) < 1


def _aspect(bounds) -> float:
    west, south, east, north = bounds
    return min(max((east - west) / max(north - south, 1e-12), 0.2), 8.0)


def _arrangement(count: int, aspect: float) -> tuple[int, int]:
    """Return (columns, rows) for ``count`` panels: near to a 16:10 page, with few places left empty."""

    def badness(columns: int) -> float:
        rows = math.ceil(count / columns)
        return abs(math.log(columns * aspect / rows / 1.6)) + 3 * (columns * rows - count) / count

    columns = min(range(1, count + 1), key=badness)
    return columns, math.ceil(count / columns)


def _line_width(n_zones: int, inches: float) -> float:
    """Return points: thin enough that borders never hide small zones."""
    return min(0.8, max(0.08, 0.9 * inches / math.sqrt(n_zones)))


def _map_axes(figure, box, bounds):
    axes = figure.add_axes(_relative(figure, box))
    west, south, east, north = bounds
    axes.set(xlim=(west, east), ylim=(south, north), aspect="equal")
    axes.set_axis_off()
    return axes


def _relative(figure, box) -> tuple[float, float, float, float]:
    width, height = figure.get_size_inches()
    left, low, across, up = box
    return left / width, low / height, across / width, up / height


# ----------------------------------------------------------------------------------------------------------
# ---- output


def _style():
    import matplotlib

    return matplotlib.rc_context(_FONTS)


def _save(canvas, path) -> None:
    with atomic_path(path) as temporary:
        # No version and no date in the file: the same numbers give the same bytes.
        canvas.figure.savefig(temporary, dpi=DPI, facecolor="white", metadata={"Software": None})
