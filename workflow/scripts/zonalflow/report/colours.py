"""Colours of maps and page: matplotlib's ColorBrewer maps, and the range of values that a colour scale covers.

All are ordered by lightness and safe for colour-blind readers (https://colorbrewer2.org; Harrower and Brewer 2003,
doi:10.1179/000870403235002042; for viridis https://bids.github.io/colormap/).
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

MISSING = "#d4d4d4"  # zones without data: a grey that no colour map has
INK = "#1f2933"  # texts
HATCH = "#3c4650"  # the hatching of cut zones

_STEPS = 128
_START = 0.08  # the lightest colours of a sequential map are too near to the white page


@dataclass(frozen=True)
class Palette:
    """The names of two of matplotlib's colour maps: one for values, one for differences from zero."""

    sequential: str
    diverging: str

    @property
    def values(self) -> tuple[str, ...]:
        """Colours (``#rrggbb``) from the least to the greatest value."""
        return _colours(self.sequential, _START)

    @property
    def differences(self) -> tuple[str, ...]:
        """Colours (``#rrggbb``) from far below zero over near-white to far above zero."""
        return _colours(self.diverging, 0)


WATER = Palette("YlGnBu", "BrBG")
HEAT = Palette("YlOrRd", "RdBu_r")
DRYNESS = Palette("YlOrBr", "BrBG_r")
NEUTRAL = Palette("viridis_r", "PuOr_r")


@dataclass(frozen=True)
class Classes:
    """The colours (``#rrggbb``) and names of classes; a map's values are their numbers, from 0."""

    values: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def scale(self) -> tuple[float, float]:
        """The ends of the colour scale, on which each class is as wide as another."""
        return -0.5, len(self.values) - 0.5


PALETTES = {"water": WATER, "heat": HEAT, "dryness": DRYNESS, "neutral": NEUTRAL}


def class_colours(classes: dict[str, str], colours: dict[str, str]) -> dict[str, str]:
    """Return a colour for each of ``classes``: its own one of ``colours``, else one of twenty that differ.

    The twenty are matplotlib's tab20, the strong ones before the light ones; more classes share them.
    """
    import matplotlib
    from matplotlib.colors import to_hex

    order = [*range(0, 20, 2), *range(1, 20, 2)]
    spare = [to_hex(matplotlib.colormaps["tab20"](i)) for i in order]
    return {value: colours.get(value) or spare[i % len(spare)] for i, value in enumerate(classes)}


@cache
def _colours(name: str, start: float) -> tuple[str, ...]:
    import matplotlib  # what only asks for the names of quantities does without
    from matplotlib.colors import to_hex

    return tuple(to_hex(colour) for colour in matplotlib.colormaps[name](np.linspace(start, 1, _STEPS)))


def limits(values: np.ndarray) -> tuple[float, float]:
    """Return the two ends of a colour scale for all values: their central 99 %, lest one zone flatten the rest.

    Infinite and missing values do not count. Without any value it is (0, 1); a constant gets a little room.
    """
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    if not finite.size:
        return 0.0, 1.0
    low, high = np.quantile(finite, (0.005, 0.995))
    if high <= low:
        room = max(abs(low) * 0.05, 0.5)
        return float(low - room), float(high + room)
    return float(low), float(high)
