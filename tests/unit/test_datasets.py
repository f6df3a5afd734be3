"""The table of GeoCDL's datasets."""

import pytest
from standin import Fault, grids

from zonalflow.common.errors import FetchError
from zonalflow.sources.http import RetryPolicy
from zonalflow.steps.datasets import datasets_table

POLICY = RetryPolicy(connect=60, read=60, attempts=1)


def row(table: str, name: str) -> list[str]:
    """Return the cells of a dataset's row."""
    (line,) = [line for line in table.splitlines() if line.startswith(f"{name}  ")]
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_the_table_lists_what_the_server_has(server):
    table = datasets_table(server.url, POLICY)
    assert f"has {len(grids.DATASETS)} datasets" in table
    assert row(table, "PRISM") == [
        "PRISM", "ppt, tmean, tmin, tmax, … (7)", "mm, °C, hPa", "annual, monthly, daily",
        "1895–2020; 1895–2021; 1981–2021", "0.04167 degrees",
    ]  # fmt: skip
    assert row(table, "NLCD")[2:4] == ["annual", "2001, 2004, 2006, 2008, 2011, 2013, 2016, 2019"]
    assert row(table, "SMAP-HB1km")[1:4] == ["sm", "m3/m3", "hourly"]
    assert row(table, "GTOPO30")[2] == "no dates"
    assert server.count() == 1 + len(grids.DATASETS)


def test_what_cannot_be_served_is_not_offered(server):
    table = datasets_table(server.url, POLICY)
    assert row(table, "DaymetV4")[3] == "annual, monthly"
    assert "daily" not in row(table, "VIP")[2]
    assert "change_index" not in row(table, "NLCD")[1]
    assert "DaymetV4 daily: listed, but cannot be served: its code" in table
    assert "RAPV3_16day: listed, but cannot be served: its set of tiles" in table


def test_a_new_dataset_of_the_server_is_named(server, monkeypatch):
    monkeypatch.setitem(grids.DATASETS, "LANDFIRE", grids.DATASETS["NASS_CDL"])
    assert "not known to this version of zonalflow, and so not to be used: LANDFIRE" in datasets_table(
        server.url, POLICY
    )


@pytest.mark.parametrize("kind", ["html", "status", "hang_up", "empty"])
def test_a_server_in_trouble_is_an_error(server, kind):
    server.faults.append(Fault(kind))
    with pytest.raises(FetchError, match="list_datasets"):
        datasets_table(server.url, POLICY)
