"""Step make_rasters: one year of synthetic rasters for the demo, with its receipt."""

from dataclasses import dataclass

from zonalflow.common.text import count_of
from zonalflow.run.rule import Log
from zonalflow.sources.synthetic import write_year


@dataclass(frozen=True)
class Params:
    """What is made: `bbox` is west, south, east, north in degrees, or None for the whole grid."""

    variable: str
    year: str
    grain: str
    bbox: list[float] | None


def make_rasters(receipt: str, params: Params, log: Log) -> None:
    """Write a year's synthetic rasters beside their `receipt`, which is written last."""
    written = write_year(params.variable, int(params.year), params.grain, params.bbox, receipt)
    log(count_of(len(written["files"]), "synthetic raster"))
