"""Step fetch_rasters: one year of one variable from GeoCDL or PRISM's web service, with its receipt."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zonalflow.common.text import count_of
from zonalflow.run.rule import Log
from zonalflow.sources import prism
from zonalflow.sources.geocdl import year as geocdl
from zonalflow.sources.http import RetryPolicy


@dataclass(frozen=True)
class Wildcards:
    """What is fetched."""

    variable: str
    year: str


def fetch_rasters(receipt: str, what: Wildcards, config: Mapping[str, Any], policy: RetryPolicy, log: Log) -> None:
    """Fetch a year's rasters, unless they are here unchanged, beside their `receipt`, which is written last.

    `config` is the resolved configuration: its ``raster``, ``bbox`` and ``fetch`` say where the rasters come from.
    """
    raster, year, path = config["raster"], int(what.year), Path(receipt)
    at_once = config["fetch"]["at_once"]
    if raster["source"] == "geocdl":
        written = geocdl.fetch_year(
            raster["url"], raster["dataset"], what.variable, year, raster["grain"], config["bbox"], path,
            months=raster["months"], policy=policy, at_once=at_once,
        )  # fmt: skip
    else:
        written = prism.fetch_year(
            raster["url"], raster["resolution"], what.variable, year, raster["grain"], path,
            months=raster["months"], policy=policy, at_once=at_once,
        )  # fmt: skip
    files, requests = len(written["files"]), len(written["requests"])
    log(f"{count_of(files, 'raster')} in {count_of(requests, 'request')}")
