"""The error of the method: how far a zone's means, or shares of classes, by centres and by coverage differ."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely

from zonalflow.verify.engines import Raster, second_opinion


@dataclass
class MethodError:
    """What comparing the two methods for the sampled zones brought, for each variable.

    Attributes:
        apart: variable → (difference, zone, date) of each zone that both methods give numbers: the difference of the
            means in the variable's unit, or the largest of the classes' shares.
        without_centre: how many zones of the sample have no cell centre with data, though they cover some.
    """

    apart: dict[str, list[tuple[float, str, str]]] = field(default_factory=dict)
    without_centre: dict[str, int] = field(default_factory=dict)

    def add(
        self, variable: str, date: str, zone: str, polygon: shapely.Geometry, raster: Raster, classes: dict[str, float]
    ) -> None:
        """Compute a zone by both methods, without weights, and note how far the numbers lie apart.

        Args:
            variable, date, zone: what they are of.
            polygon: the zone, in the CRS of the raster's grid.
            raster: the values.
            classes: name → value of the classes of a categorical raster; else none.
        """
        plain = Raster(raster.values, raster.missing, raster.grid)
        center, coverage = (_numbers(polygon, plain, method, classes) for method in ("center", "coverage"))
        self.apart.setdefault(variable, [])
        self.without_centre.setdefault(variable, 0)
        if np.isfinite(center).all() and np.isfinite(coverage).all():
            self.apart[variable].append((float(np.abs(center - coverage).max()), zone, date))
        elif np.isfinite(coverage).all():
            self.without_centre[variable] += 1

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return variable → median and largest difference, which zone and date has the largest, and counts."""
        result = {}
        for variable, found in self.apart.items():
            about: dict[str, Any] = {"zones": len(found), "zones_without_centre": self.without_centre[variable]}
            if found:
                largest, zone, date = max(found)
                about |= {"median": float(np.median([apart for apart, *_ in found]))}
                about |= {"largest": largest, "zone": zone, "date": date}
            result[variable] = about
        return result


def _numbers(polygon: shapely.Geometry, raster: Raster, method: str, classes: dict[str, float]) -> np.ndarray:
    """Return the mean, or the share of each class: float64, NaN where the zone has no cell with data."""
    [answer, *_] = second_opinion([polygon], raster, method, ["count", "mean"], classes)
    if not classes:
        return answer["mean"]
    with np.errstate(invalid="ignore"):
        return np.array([answer[name][0] / answer["count"][0] for name in classes])
