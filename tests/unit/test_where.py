"""Where the short steps run: small studies here, large ones as jobs, and always as the configuration says."""

import zipfile
from pathlib import Path

import pytest
from studies import SCHEMA, shipped_study

from zonalflow.study.resolve import resolve
from zonalflow.study.study import Study
from zonalflow.study.where import Size, description, size_of, steps_here


def test_the_tutorial_and_all_its_years_run_here():
    assert steps_here(shipped_study())
    assert steps_here(shipped_study(years="1895:2020"))
    assert "here (estimated" in description(shipped_study())


@pytest.mark.parametrize(
    "changes",
    [
        {"raster": {"grain": "daily"}, "years": "1981:2020"},  # 3,300 counties × 366 days × 40 years: 48 million rows
        {"zones": {"geography": "tract", "resolution": "500k"}, "years": "1990:2020"},
        {"zones": {"geography": "zcta", "resolution": "500k"}},
        {"zones": {"source": "file", "path": "no such file"}},
    ],
)
def test_large_studies_and_those_of_unknown_size_run_as_jobs(changes):
    large = shipped_study(**changes)
    if large.zones["source"] == "file":
        large.zones.pop("year", None)
    assert not steps_here(large)
    assert "as SLURM jobs" in description(large)
    assert steps_here(shipped_study(**changes, steps={"where": "here"}))


def test_the_configuration_has_the_last_word():
    assert not steps_here(shipped_study(steps={"where": "jobs"}))
    assert steps_here(shipped_study(steps={"where": "here"}))


def test_the_estimate_is_a_sum_of_the_steps():
    """10 MB of zones, 1,000 of them, 1,000 × 1,000 cells, 12 months, 10 years: 120,000 rows; 2,000 MB of rasters."""
    size = Size(zones_mb=10, zones=1000, cells=1e6, dates=12, years=10, rasters_mb=2000)
    prepare, index, combine = 2 + 3, 2 + 3 + 0.02, 2 + 0.5 + 1.2
    manifest, maps, report = 2 + 0.1 + 10, 2 + 10 * (0.4 + 1), 3 + 3 + 0.6
    assert size.seconds == pytest.approx(prepare + index + combine + manifest + maps + report)
    assert size.memory == 250 + 200


def test_the_size_of_own_files(tmp_path, monkeypatch):
    """A zip counts as what it holds: 600,000 bytes, 300 a zone; two years of rasters of 5 MB."""
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile("zones.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zones.shp", bytes(600_000))
    for year in (2000, 2001):
        Path(f"{year}.tif").write_bytes(bytes(5_000_000))
    config = {
        "run": "own", "years": "2000:2001", "zones": {"source": "file", "path": "zones.zip", "id": "GEOID"},
        "raster": {"source": "local", "variables": ["ppt"], "path": "{year}.tif"},
    }  # fmt: skip
    size = size_of(Study(resolve(config, SCHEMA)))
    assert size == Size(zones_mb=0.6, zones=2000, cells=5e6, dates=1, years=2, rasters_mb=10)
