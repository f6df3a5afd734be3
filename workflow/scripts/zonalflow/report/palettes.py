"""The colours of every picture: perceptually uniform, safe for colour-blind eyes, dark where there is more.

Sequential scales are matplotlib's viridis family, reversed. The diverging ones run straight through the
Oklab space (Björn Ottosson, https://bottosson.github.io/posts/oklab/, public domain) from one dark end over
near-white to another equally dark end, so that equal steps look equal and the two signs weigh the same;
their hues differ for protan, deutan and tritan eyes.
"""

from functools import cache

import numpy as np

STEPS = 256
MISSING = "#d4d4d4"  # a grey that no scale has: zones without data
INK = "#1f2933"

# Of each palette: matplotlib's sequential scale, the part of it that is used, and the two ends of the
# diverging one.
_PALETTES = {
    "water": ("viridis_r", (0.0, 1.0), ("#7a4a0c", "#00595a")),
    "heat": ("inferno_r", (0.03, 0.9), ("#1b4f91", "#9c2a1d")),
    "dryness": ("cividis_r", (0.0, 1.0), ("#00595a", "#7a4a0c")),
    "neutral": ("viridis_r", (0.0, 1.0), ("#1b4f91", "#8a4a00")),
}
_MIDDLE = (0.97, 0.0, 0.0)  # near-white, in Oklab

# Linear sRGB to cone responses, and those (cube roots) to Oklab.
_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


@cache
def sequential(palette: str) -> tuple[str, ...]:
    """Return 256 colours (``#rrggbb``) from least to most."""
    import matplotlib

    name, (start, stop), _ = _PALETTES[palette]
    colours = matplotlib.colormaps[name](np.linspace(start, stop, STEPS))
    return _hex(colours[:, :3])


@cache
def diverging(palette: str) -> tuple[str, ...]:
    """Return 256 colours from far below over none to far above."""
    low, high = (to_oklab(colour) for colour in _PALETTES[palette][2])
    lightness = min(low[0], high[0])
    ends = [np.array([lightness, *end[1:]]) for end in (low, high)]
    position = np.linspace(-1, 1, STEPS)[:, None]
    end = np.where(position < 0, *ends)
    lab = np.array(_MIDDLE) + np.abs(position) * (end - np.array(_MIDDLE))
    return _hex(_from_oklab(lab))


def to_oklab(colour: str) -> np.ndarray:
    """Return (lightness, a, b) of a colour ``#rrggbb``."""
    srgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return _TO_LAB @ np.cbrt(_TO_CONES @ linear)


def _from_oklab(lab: np.ndarray) -> np.ndarray:
    linear = (lab @ np.linalg.inv(_TO_LAB).T) ** 3 @ np.linalg.inv(_TO_CONES).T
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def _hex(rgb: np.ndarray) -> tuple[str, ...]:
    return tuple("#{:02x}{:02x}{:02x}".format(*row) for row in np.round(rgb * 255).astype(int))
