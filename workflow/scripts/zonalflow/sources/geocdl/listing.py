"""What a GeoCDL server says that it holds."""

import logging
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from zonalflow.common.errors import FetchError
from zonalflow.sources.catalogue.datasets import dataset_id
from zonalflow.sources.download import get_json
from zonalflow.sources.http import DEFAULT_POLICY, RetryPolicy

logger = logging.getLogger(__name__)
_GRAIN_KEYS = {"annual": "year", "monthly": "month", "daily": "day", "hourly": "day"}  # in the answer of /ds_info
_YEAR = re.compile(r"\b[12]\d{3}\b")


@dataclass(frozen=True)
class Held:
    """The first and last date (``2020``, ``2020-12``, …) of a grain, and its years where these are not all between."""

    span: tuple[str, str]
    years: tuple[int, ...] = ()


def catalogue_range(base: str, dataset: str, grain: str, *, policy: RetryPolicy = DEFAULT_POLICY) -> Held | None:
    """Return what the server holds of a dataset at a grain, or None.

    None stands for a server that cannot be reached, an answer that is not understood, and a dataset without dates.
    """
    try:
        return held_dates(describe(base, dataset_id(dataset), policy), grain)
    except FetchError as error:
        logger.info("no catalogue range of %s from %s: %s", dataset, base, error)
        return None


def describe(base: str, dataset: str, policy: RetryPolicy) -> Any:
    """Return the server's description of a dataset, from /ds_info."""
    return get_json(f"{base.rstrip('/')}/ds_info?id={quote(dataset, safe='')}", policy=policy)


def list_datasets(base: str, policy: RetryPolicy) -> list[str]:
    """Return the ids of the server's datasets, from /list_datasets.

    Raises:
        FetchError: when the server cannot be reached, or its answer is no list of datasets.
    """
    answer = get_json(f"{base.rstrip('/')}/list_datasets", policy=policy)
    try:
        return [str(entry["id"]) for entry in answer]
    except (TypeError, KeyError) as error:
        raise FetchError(f"{base}/list_datasets answers no list of datasets") from error


def held_dates(answer: Any, grain: str) -> Held | None:
    """Return the dates that an answer of /ds_info names for a grain; None where it names none."""
    key = _GRAIN_KEYS[grain]
    try:
        first, last = answer["date_ranges"][key]
        resolution = (answer.get("temporal_resolution") or {}).get(key)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    if first is None or last is None:
        return None
    irregular = isinstance(resolution, str) and re.match(r"non[- ]?regular", resolution, re.IGNORECASE)
    return Held((str(first), str(last)), tuple(map(int, _YEAR.findall(str(resolution)))) if irregular else ())
