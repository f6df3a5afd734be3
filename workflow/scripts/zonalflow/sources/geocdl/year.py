"""Fetching a year from GeoCDL, the geospatial library inside SCINet.

What it offers is in :mod:`zonalflow.sources.catalogue.datasets`. The server answers requests one after another and
closes a connection after about two minutes, so each request is small: a year of one variable at annual and monthly
grain, a month at daily and hourly grain.
"""

import functools
from collections.abc import Sequence
from pathlib import Path

from zonalflow.sources.catalogue.datasets import DATASETS, dataset_id
from zonalflow.sources.catalogue.geocdl import Box, box_in_crs, check_request, dates_in, subset_url
from zonalflow.sources.fetch import Part, Plan, fetch
from zonalflow.sources.geocdl.request import Requester
from zonalflow.sources.http import CLOCK, DEFAULT_POLICY, Clock, RetryPolicy
from zonalflow.sources.locks import turn
from zonalflow.sources.receipts import PartRecord, Receipt


def fetch_year(
    base: str,
    dataset: str,
    variable: str,
    year: int,
    grain: str,
    bbox: Sequence[float] | None,
    receipt_path: Path,
    *,
    months: Sequence[int] | None = None,
    policy: RetryPolicy = DEFAULT_POLICY,
    clock: Clock = CLOCK,
    at_once: int = 1,
) -> Receipt:
    """Fetch a year of a variable beside `receipt_path`, write the receipt last, and return it.

    `bbox` is (west, south, east, north) in degrees, None for the whole grid; `months` are the months to fetch, None for
    all. What an earlier run fetched is not requested again unless it has changed. On this machine at most `at_once`
    requests to the server at `base` run concurrently.

    Raises:
        ConfigError: for what GeoCDL does not have.
        FetchError: when the server does not send what was asked for.
    """
    check_request(dataset, [variable], grain, bbox)
    own = dataset_id(dataset)
    known, box = DATASETS[own], box_in_crs(own, bbox)
    requester = Requester(base.rstrip("/"), own, known, variable, box, policy, clock)
    plan = Plan(
        source="geocdl",
        attribution=f"{known.title}, {known.source}, through GeoCDL of USDA-ARS SCINet",
        lock=f"{requester.files}_{year}" if known.grains else requester.files,
        parts=_parts(own, variable, dates_in(own, year, grain, months), box),
        unit="months",
    )

    def with_year(record: PartRecord) -> PartRecord:
        """Return the record of files without a date as that of a year."""
        return record if known.grains else {**record, "files": [{**f, "date": str(year)} for f in record["files"]]}

    take_turn = functools.partial(turn, base, at_once, clock=clock)
    return fetch(plan, receipt_path, requester.fetch, turn=take_turn, adapt=with_year)


def _parts(dataset: str, variable: str, dates: list[str], box: Box) -> list[Part]:
    """Return the requests for dates of a year; a dataset without dates has one for all years."""
    if not DATASETS[dataset].grains:
        name, title = f"{dataset}_{variable}", f"{dataset} {variable}"
        return [Part(name, subset_url("", dataset, variable, box, dates), title, dates)]
    per_request: dict[str, list[str]] = {}
    for date in dates:
        per_request.setdefault(date[:7] if len(date) > 7 else date[:4], []).append(date)
    return [
        Part(_part_name(dataset, variable, when, some), subset_url("", dataset, variable, box, some),
             f"{dataset} {variable} {when}", some)
        for when, some in per_request.items()
    ]  # fmt: skip


def _part_name(dataset: str, variable: str, when: str, dates: list[str]) -> str:
    """Return a part's name, another one for some months of a year than for all of them."""
    months = [date[5:] for date in dates] if len(dates[0]) == 7 and len(dates) < 12 else []
    return "_".join([dataset, variable, when, *(["-".join(months)] if months else [])])
