"""What an edit reruns: exactly what depends on it; nothing is fetched or computed twice, and nothing mixes."""

import pandas
import pytest

pytestmark = pytest.mark.slow


def test_a_finished_study_has_nothing_to_do(demo):
    run = demo.snakemake("-n", "--config", "years=2000:2001")
    assert run.code == 0
    assert "Nothing to be done" in run.text


def test_a_new_year_runs_alone_wherever_it_is_added(done):
    kept = "results/demo/**/*.*"
    before = {name: time for name, time in done.mtimes(kept).items() if "/ppt/" in name or "/work/" in name}
    del before["results/demo/work/tables.sha256"]  # they are made of all years
    run = done.snakemake("tables", "vectors", "--config", "years=1999:2002")
    assert run.code == 0, run.text
    # 1999 and 2002; the zones and their index stay as they are
    assert (run.jobs("make_rasters"), run.jobs("zonal_stats")) == (2, 2)
    assert (run.jobs("prepare_zones"), run.jobs("index_zones")) == (0, 0)
    assert before.items() <= done.mtimes(kept).items()
    table = pandas.read_parquet(done.path("results/demo/zonal_stats.parquet"))
    assert sorted(table["date"].unique()) == ["1999", "2000", "2001", "2002"]


def test_fewer_years_keep_the_others_but_not_in_the_tables(done):
    run = done.snakemake("tables", "--config", "years=2001")
    assert run.code == 0, run.text
    assert run.jobs("zonal_stats") == 0
    assert done.path("results/demo/ppt/stats_2000.shp").exists()
    assert set(pandas.read_parquet(done.path("results/demo/zonal_stats.parquet"))["date"]) == {"2001"}


def test_another_statistic_recomputes_statistics_without_fetching(done):
    run = done.snakemake("-n", "--config", "years=2000:2001", "stats=[mean,max]")
    assert (run.jobs("zonal_stats"), run.jobs("combine_years")) == (2, 1)
    assert (run.jobs("make_rasters"), run.jobs("prepare_zones"), run.jobs("index_zones")) == (0, 0, 0)


def test_another_method_builds_another_index_without_fetching(done):
    run = done.snakemake("-n", "--config", "years=2000:2001", "method=coverage")
    assert (run.jobs("index_zones"), run.jobs("zonal_stats")) == (1, 2)
    assert (run.jobs("make_rasters"), run.jobs("prepare_zones")) == (0, 0)


def test_another_box_mixes_nothing_and_going_back_fetches_nothing(done):
    run = done.snakemake("tables", "--config", "years=2001", "bbox=[-83.0,27.0,-80.0,30.0]")
    assert run.code == 0, run.text
    assert (run.jobs("make_rasters"), run.jobs("prepare_zones"), run.jobs("zonal_stats")) == (1, 1, 1)
    # 2000 was computed for the former box: it is moved aside, neither lost nor left among the new results
    assert not done.path("results/demo/ppt/stats_2000.shp").exists()
    assert list(done.folder.glob("results/demo/superseded/*/ppt/stats_2000.shp"))
    table = pandas.read_parquet(done.path("results/demo/zonal_stats.parquet"))
    assert set(table["date"]) == {"2001"}
    assert table["GEOID"].nunique() < 86

    run = done.snakemake("-n", "--config", "years=2001")
    assert run.jobs("zonal_stats") == 1
    assert run.jobs("make_rasters") == 0


def test_two_configuration_files_do_not_share_a_results_folder(done):
    text = done.path("config/demo.yaml").read_text().replace("stats: [mean]", "stats: [max]")
    done.path("config/other.yaml").write_text(text)
    run = done.snakemake("--configfile", "config/other.yaml", "--config", "years=2000:2001")
    assert run.code != 0
    assert "results/demo/ holds the results of config/demo.yaml" in run.message
    assert 'stats: ["mean"] there, ["max"] here' in run.message
    assert "Traceback" not in run.text


def test_runs_on_one_grid_and_zones_share_the_index(done):
    indexes = done.mtimes("resources/index/*/*")
    assert indexes
    run = done.snakemake("tables", "--config", "years=2000", "run=second")
    assert run.code == 0, run.text
    assert done.mtimes("resources/index/*/*") == indexes
