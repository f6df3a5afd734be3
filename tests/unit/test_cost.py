"""The cost model: it predicts what was measured, and asks a cluster for no more than a study needs."""

import re
import struct
from dataclasses import replace

import pytest
from benchmarks.cost import YEARS
from small import write_tif
from studies import ROOT, shipped_study

from zonalflow.common.errors import ZonesError
from zonalflow.cost.model import Year
from zonalflow.study import overview, preflight
from zonalflow.study.where import size_of


def measured():
    """Return the measured jobs of docs/performance.md: name, seconds of CPU, MB."""
    text = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+?) +\| ([\d.]+) s +\| [\d.]+ s +\| (\d+) MB +\| \d+ MB +\|$", text, re.MULTILINE)
    return {name: (float(seconds), float(megabytes)) for name, seconds, megabytes in rows}


def test_every_modelled_job_was_measured():
    assert measured().keys() == YEARS.keys()


@pytest.mark.parametrize("name", YEARS)
def test_the_model_predicts_measured_jobs_within_half_as_much_again(name):
    seconds, megabytes = measured()[name]
    assert 1 / 1.5 < YEARS[name].seconds / seconds < 1.5
    assert 1 / 1.5 < YEARS[name].bytes / 2**20 / megabytes < 1.5


def test_every_part_of_a_job_costs_something():
    year = Year(1e9, 7e8, 3000, steps=2, files=2)
    for more in (
        {"cells": 2e9}, {"zone_cells": 9e8}, {"zones": 9000}, {"steps": 4}, {"item": 8}, {"coverage": True},
        {"stats": ["std"]}, {"stats": ["median"]}, {"shapefile": True},
    ):  # fmt: skip
        assert replace(year, **more).seconds > year.seconds, more
    for more in ({"item": 8}, {"block_rows": 512}, {"coverage": True}, {"stats": ["std"]}, {"stats": ["median"]}):
        assert replace(year, **more).bytes > year.bytes, more


def test_memory_grows_with_the_width_and_not_with_the_height():
    small = Year(1e8, 7e7, 3000, item=1, whole=True, block_rows=512)
    large = replace(small, cells=1e10, zone_cells=7e9)  # 100 times the cells: 10 times the width
    assert large.bytes < 12 * small.bytes


def test_the_tutorial_asks_for_no_more_than_the_profiles():
    assert overview.resources_of_year(shipped_study()) == overview.resources_of_steps(shipped_study()) == {}


def test_a_large_year_asks_for_more_at_each_attempt():
    # 30 m over the contiguous states, daily: 366 × 13 billion cells
    large = shipped_study(
        raster={"source": "geocdl", "dataset": "NASS_CDL", "variables": ["cdl"]}, years="2008", bbox=None
    )
    assert 1e10 < size_of(large).cells < 3e10
    needs = overview.resources_of_year(large)
    assert needs["mem_mb"](None, attempt=2) == 2 * needs["mem_mb"](None, attempt=1) > 2 * overview.MEMORY


def test_unknown_zones_leave_the_profiles_alone():
    unknown = shipped_study(zones={"source": "file", "path": "no such file"})
    assert overview.resources_of_year(unknown) == overview.resources_of_steps(unknown) == {}
    assert overview.forecast(unknown).startswith("unknown")


def test_the_forecast_names_jobs_time_memory_and_download(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # 21 years of 8.5° × 6.5° at 24 cells a degree: 31,824 cells × 4 bytes × 0.9 × 21 = 2.4 MB
    assert re.fullmatch(
        r"21 jobs of about 2 s and \d0 MB; 2 MB to download", overview.forecast(shipped_study(years="2000:2020"))
    )


def test_the_users_own_files_say_their_size_themselves(tmp_path, monkeypatch):
    import numpy as np

    monkeypatch.chdir(tmp_path)
    write_tif(tmp_path / "c_2001.tif", np.ones((40, 60), "uint8"), nodata=0, compress="deflate")
    (tmp_path / "zones.geojson").write_text("x" * 3000)
    own = shipped_study(
        raster={"source": "local", "path": "c_{year}.tif", "variables": ["c"]}, years="2001", bbox=None,
        zones={"source": "file", "path": "zones.geojson", "id": "a"},
    )  # fmt: skip
    year = overview.year_of(own, size_of(own))
    assert (year.cells, year.item, year.whole, year.steps, year.deflated) == (2400, 1, True, 1, True)
    assert "download" not in overview.forecast(own)


def test_too_many_zones_for_shapefiles_are_refused_before_jobs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    daily = shipped_study(raster={"source": "prism", "grain": "daily"}, years="2001", output={"formats": ["shp"]})
    # of 366 dates: mean and valid_fraction with 24 bytes, count with 18; inside_fraction
    each = 366 * (2 * 24 + 18) + 24
    assert preflight.year_bytes(daily) == each
    preflight.check_shapefile(daily, (2**31 - 1) // each)
    with pytest.raises(ZonesError, match="a shapefile holds 2 GB"):
        preflight.check_shapefile(daily, (2**31 - 1) // each + 1)
    template = tmp_path / f"{daily.template}.dbf"
    template.parent.mkdir(parents=True)
    template.write_bytes(struct.pack("<4sIHH20x", b"", 90_000, 65, 100))
    with pytest.raises(ZonesError, match=f"90,000 zones × {each + 100:,} bytes"):
        preflight.check_shapefile(daily)
    preflight.check_shapefile(
        shipped_study(raster={"source": "prism", "grain": "daily"}, output={"formats": ["csv"]}), 10**9
    )
