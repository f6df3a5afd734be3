"""What goes wrong with single jobs, all of it in one run: that run's other years finish."""

import re
import shutil

import pytest
from slurm.conftest import prepared_study
from slurm.lab import ask

TIMEOUT = 240


@pytest.fixture(scope="module")
def disturbed(tmp_path_factory, undisturbed):
    """A run in which 2000 exceeds its time, 2001 its memory, 2002 is cancelled and 2003 has a corrupt raster."""
    with prepared_study(tmp_path_factory.mktemp("jobs") / "study", undisturbed) as study:
        study.profile(runtime="1 * attempt", mem_mb="500 * attempt")
        study.slow(300, "2000", "2002")
        study.fault("zonal_stats.ppt.2001", "import time; hoard = b'x' * 600_000_000; time.sleep(8)")
        raster = study.folder / "rasters/PRISM_ppt_2003.tif"
        raster.write_bytes(raster.read_bytes()[:2000])
        run = study.start("vectors")
        ask(f"scancel {study.at_work('2002')}")
        run.wait(200)
        yield study


def attempts(study, year):
    """Return the states of a year's jobs, in their order."""
    return [state for what, state in study.rows() if what == f"rule_zonal_stats_wildcards_ppt_{year}"]


def test_a_job_over_its_time_is_tried_again_with_more(disturbed):
    assert attempts(disturbed, "2000") == ["TIMEOUT", "COMPLETED"]
    limits = [row[1] for row in disturbed.rows("Comment,TimelimitRaw") if row[0].endswith("ppt_2000")]
    assert limits == ["1", "2"]


def test_a_job_over_its_memory_is_tried_again_with_more(disturbed):
    first, second = attempts(disturbed, "2001")
    assert first != "COMPLETED"  # without cgroups SLURM calls it FAILED or CANCELLED
    assert second == "COMPLETED"
    memory = [row[1] for row in disturbed.rows("Comment,ReqMem") if row[0].endswith("ppt_2001")]
    assert memory == ["500M", "1000M"]


def test_a_cancelled_job_is_submitted_again(disturbed):
    first, second = attempts(disturbed, "2002")
    assert first.startswith("CANCELLED")
    assert second == "COMPLETED"


def test_a_corrupt_raster_costs_its_own_year_only(disturbed, undisturbed):
    assert set(attempts(disturbed, "2003")) == {"FAILED"}
    products, expected = disturbed.products(), undisturbed.products()
    others = [year for year in disturbed.years if year != "2003"]
    assert products == undisturbed.of_years(expected, others)
    for year in others:
        assert attempts(disturbed, year)[-1] == "COMPLETED"


def test_the_message_names_the_year_its_log_and_its_command(disturbed):
    text = disturbed.runs[-1].text
    assert disturbed.runs[-1].process.returncode == 1
    told = text[text.index("zonal_stats ppt 2003 failed") :]
    assert "PRISM_ppt_2003.tif" in told
    assert "logs/test/zonal_stats/ppt_2003.log" in told
    command = re.search(r"To run it alone:\n +\S*(snakemake .*)", told)[1]
    assert command.split()[1] == "results/test/work/ppt/2003.npz"
    assert "vectors" not in command.split()
    summary = text[text.rindex("zonalflow:") :]
    assert f"{len(disturbed.years) - 1} done, 1 failed, 0 reused" in summary
    assert re.search(r"failed +ppt 2003", summary)


def test_the_repaired_year_runs_alone(disturbed, undisturbed):
    """The command that the message gives does what it says."""
    target = re.search(r"To run it alone:\n +\S*snakemake (\S*2003\S*) ", disturbed.runs[-1].text)[1]
    shutil.copy(undisturbed.folder / "rasters/PRISM_ppt_2003.tif", disturbed.folder / "rasters/PRISM_ppt_2003.tif")
    before = len(disturbed.rows())
    disturbed.start(target).succeed(60)
    assert [what for what, _ in disturbed.rows()[before:]] == ["rule_zonal_stats_wildcards_ppt_2003"]
    assert disturbed.products() == undisturbed.of_years(undisturbed.products(), disturbed.years)
