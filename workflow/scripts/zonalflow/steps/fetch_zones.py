"""Step fetch_zones: one of the Census Bureau's boundary files, with its receipt."""

from pathlib import Path

from zonalflow.common.text import count_of
from zonalflow.run.rule import Log
from zonalflow.sources.census import fetch_boundaries
from zonalflow.sources.http import RetryPolicy


def fetch_zones(receipt: str, url: str, policy: RetryPolicy, log: Log) -> None:
    """Fetch the boundary file at `url`, unless it is here unchanged, and write its `receipt` last.

    The file lies beside its receipt, with the same name without ``.json``.
    """
    written = fetch_boundaries(url, Path(receipt).with_suffix(""), policy=policy)
    log(f"{count_of(len(written['files']), 'file')} from {url}")
