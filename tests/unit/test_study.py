"""Where a study's files lie."""

from pathlib import Path

import pytest
import yaml

from zonalflow.study.overview import describe_study
from zonalflow.study.resolve import resolve
from zonalflow.study.schema import load_schema
from zonalflow.study.study import Study

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = load_schema(ROOT / "workflow/schemas/config.schema.yaml")


def study(name="config", **changes):
    config = yaml.safe_load((ROOT / f"config/{name}.yaml").read_text()) | changes
    return Study(resolve(config, SCHEMA))


def test_the_interface_that_users_rely_on():
    florida = study()
    assert f"{florida.year_stem('ppt', 2000)}.shp" == "results/florida/ppt/stats_2000.shp"
    assert florida.tables["parquet"] == "results/florida/zonal_stats.parquet"
    assert florida.tables["csv"] == "results/florida/zonal_stats.csv"
    assert florida.manifest == "results/florida/manifest.json"
    assert len(florida.year_keys) == 21


def test_maps_of_further_statistics_are_made_on_request():
    stats = ["mean", "max", "percentile_90"]
    assert study(stats=stats).further == []
    assert study(stats=stats, output={"maps": "all"}).further == ["max", "percentile_90"]
    one = study(stats=stats, output={"maps": ["max", "mean"]}, years="2000:2001")
    assert one.further_maps("ppt") == [f"results/florida/maps/max/ppt_{name}.png" for name in (2000, 2001, "overview")]
    assert {*one.further_maps("ppt")} <= {*one.maps}
    assert study(stats=["categorical", "mean", "unique"], output={"maps": "all"}).further == ["unique"]


def test_annual_and_monthly_vector_files_have_styles():
    assert study(years=2000).styles("ppt") == ["results/florida/ppt/stats_2000.qml"]
    assert "results/florida/ppt/stats_2000.qml" in study().products
    assert study(output={"formats": ["csv"]}).styles("ppt") == []
    daily = study("config", raster={"source": "geocdl", "variables": ["ppt"], "grain": "daily"})
    assert daily.styles("ppt") == []


def test_each_box_has_a_folder_of_rasters_of_its_own():
    here, there = study(), study(bbox=[-84, 29, -81, 31])
    assert here.receipt("ppt", 2000) == "resources/geocdl/PRISM/ppt/annual/-87.5_24.5_-79_31/2000.json"
    assert there.receipt("ppt", 2000) != here.receipt("ppt", 2000)


def test_the_raster_that_gave_the_grid_stays_the_reference(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = study()
    assert first.reference == ("ppt", 2000)
    for path, text in (
        (first.grid, '{"reference": {"variable": "ppt", "year": 2000}}'),
        (first.receipt("ppt", 2000), "{}"),
    ):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text)
    assert study(years="1995:2000").reference == ("ppt", 2000)
    # another box has other rasters, so the first year gives the grid again
    assert study(years="1995:2000", bbox=[-84, 29, -81, 31]).reference == ("ppt", 1995)


@pytest.mark.parametrize("damage", ["", "[]", '{"reference": 1}'])
def test_a_damaged_record_of_the_grid_is_no_reference(tmp_path, monkeypatch, damage):
    monkeypatch.chdir(tmp_path)
    grid = Path(study().grid)
    grid.parent.mkdir(parents=True)
    grid.write_text(damage)
    assert study().reference == ("ppt", 2000)


def test_the_summary_names_run_years_box_zones_and_results():
    text = describe_study(study())
    for words in ("florida", "2000–2020 (21), annual", "west -87.5", "Census county boundaries", "results/florida/"):
        assert words in text
