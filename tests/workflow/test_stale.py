"""What is out of date is made again, whatever time stamps and Snakemake's notes say; what is only touched is not."""

import json
import shutil

import pandas
import pytest
import yaml
from small import boxes, counting, write_tif

from tests.workflow.conftest import Project

pytestmark = pytest.mark.slow

CONFIG = {
    "run": "small",
    "years": "2000:2001",
    "bbox": None,
    "zones": {"source": "file", "path": "zones.gpkg", "id": "id"},
    "raster": {"source": "local", "path": "v_{year}.tif", "variables": ["v"]},
    "stats": ["mean"],
    "output": {"formats": ["csv", "parquet"]},
}
ARGUMENTS = ("tables", "--configfile", "config.yaml")


def run(project, *arguments):
    return project.snakemake(*ARGUMENTS, *arguments, profile="local")


def configure(project, **changes):
    project.path("config.yaml").write_text(yaml.safe_dump({**CONFIG, **changes}))


def means(project):
    return pandas.read_csv(project.path("results/small/zonal_stats.csv"))["mean"].tolist()


@pytest.fixture
def study(once, tmp_path):
    """A copy of a finished study: one zone of four cells, whose mean is 6.5 more than the year's first cell."""

    def make(folder):
        project = Project(folder)
        for number, year in enumerate((2000, 2001)):
            write_tif(project.path(f"v_{year}.tif"), counting(start=100 * number) - 3, nodata=-9999)
        boxes((0, 1, 2, 3)).to_file(project.path("zones.gpkg"))
        configure(project)
        assert run(project).code == 0
        return project

    return once("stale", make).copied(tmp_path / "zonalflow")


def test_swapped_rasters_are_computed_again_and_the_preview_says_why(study):
    first, second = means(study)
    study.path("v_2000.tif").rename(study.path("aside"))
    study.path("v_2001.tif").rename(study.path("v_2000.tif"))
    study.path("aside").rename(study.path("v_2001.tif"))
    preview = run(study, "-n")
    assert "its raster changed: v_2000.tif" in preview.text
    assert (preview.jobs("zonal_stats"), preview.jobs("prepare_zones")) == (2, 0)
    assert run(study).code == 0
    assert means(study) == [second, first]
    assert "Nothing to be done" in run(study, "-n").text


def test_touching_the_results_does_not_pass_what_is_stale(study):
    configure(study, stats=["max"])
    shutil.rmtree(study.path(".snakemake/metadata"))
    touched = run(study, "--touch")
    assert "2 years and 1 other result of a former configuration" in touched.text
    preview = run(study, "-n", "--rerun-triggers", "mtime")
    assert 'stats: ["mean"] → ["max"]' in preview.text
    assert preview.jobs("zonal_stats") == 2
    assert "prefer that only modification time" not in preview.text


def test_a_touched_copy_of_a_study_has_nothing_to_do(study, tmp_path):
    copy = tmp_path / "elsewhere"
    shutil.copytree(study.folder, copy, copy_function=shutil.copy)  # with the times of today
    shutil.rmtree(copy / ".snakemake")
    copied = Project.at(copy)
    copied.path("config.yaml").write_text("# a comment\n" + copied.path("config.yaml").read_text())
    assert "Nothing to be done" in run(copied, "-n").text


def test_after_a_failure_the_former_results_are_counted_and_listed(study):
    record = study.path("results/small/config.json").read_text()
    configure(study, stats=["max"])
    raster = study.path("v_2001.tif")
    kept = raster.read_bytes()
    raster.write_bytes(kept[: len(kept) // 2])
    failed = run(study)
    assert failed.code != 0
    assert "1 done, 1 failed, 0 reused" in failed.text
    assert "1 other result of a former configuration, input or code is still in results/small/" in failed.text
    marker = json.loads(study.path("results/small/out_of_date.json").read_text())
    assert [one["files"][0] for one in marker["out_of_date"]] == ["zonal_stats.parquet"]
    assert study.path("results/small/config.json").read_text() == record
    raster.write_bytes(kept)
    assert run(study).code == 0
    assert not study.path("results/small/out_of_date.json").exists()
    assert json.loads(study.path("results/small/config.json").read_text())["config"]["stats"] == ["max"]
