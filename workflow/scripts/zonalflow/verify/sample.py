"""Choose the zones and years that are computed again: some at random, and those where faults are likely."""

import random

import numpy as np
import shapely

N_YEARS, N_ZONES = 6, 25  # at one date of each variable and year that is drawn, so many zones


def draw_years(keys: list[tuple[str, int]], generator: random.Random) -> list[tuple[str, int]]:
    """Return some (variable, year) of the study: the first, the last, and others at random; in order."""
    certain = list(dict.fromkeys([keys[0], keys[-1]]))
    others = [key for key in keys if key not in certain]
    drawn = generator.sample(others, min(N_YEARS - len(certain), len(others)))
    return sorted([*certain, *drawn], key=keys.index)


def draw_zones(
    geometry: np.ndarray, inside: np.ndarray, changed: np.ndarray, generator: random.Random
) -> dict[int, str]:
    """Return the numbers of some zones and why each is among them, in order.

    Args:
        geometry: the polygons [n], in the grid's CRS.
        inside: the share of each inside the grid [n].
        changed: which were repaired or cross the antimeridian: bool [n].
        generator: draws the others, at random.
    """
    west, south, east, north = shapely.bounds(geometry).T
    area = shapely.area(geometry)
    vertices = shapely.get_num_coordinates(geometry)
    chosen = {
        "first": 0,
        "last": len(geometry) - 1,
        "largest": int(area.argmax()),
        "smallest": int(area.argmin()),
        "most vertices": int(vertices.argmax()),
        "westernmost": int(west.argmin()),
        "easternmost": int(east.argmax()),
        "southernmost": int(south.argmin()),
        "northernmost": int(north.argmax()),
        "widest": int((east - west).argmax()),
    }
    if (inside < 1).any():
        chosen["most cut"] = int(inside.argmin())
    if changed.any():
        chosen["repaired or across the antimeridian"] = int(generator.choice(np.flatnonzero(changed).tolist()))
    reasons: dict[int, str] = {}
    for reason, zone in chosen.items():
        reasons[zone] = f"{reasons[zone]}, {reason}" if zone in reasons else reason
    others = [zone for zone in range(len(geometry)) if zone not in reasons]
    for zone in generator.sample(others, min(max(N_ZONES - len(reasons), 0), len(others))):
        reasons[zone] = "at random"
    return dict(sorted(reasons.items()))
