"""The shipped configuration, all 21 years of it, through stand-ins for GeoCDL and the Census Bureau on loopback."""

import pandas
import pytest
import standin

pytestmark = pytest.mark.slow


def addresses(server):
    """Return the arguments that change the two addresses of config/config.yaml, and nothing else."""
    return "--config", f"raster={{url: '{server.url}'}}", f"zones={{url: '{server.census_url}'}}"


def test_the_tutorials_study_from_the_servers_to_the_tables(project):
    with standin.Server() as server:
        run = project.snakemake("tables", "vectors", *addresses(server), profile="local")
        assert run.code == 0, run.text
        # one request a year, one for the zones, and one for the catalogue's range
        assert server.count("subset_polygon") == 21
        assert server.count("GENZ2021") == 1
        table = pandas.read_parquet(project.path("results/florida/zonal_stats.parquet"))
        assert sorted(table["date"].unique()) == [str(year) for year in range(2000, 2021)]
        assert len(list(project.folder.glob("results/florida/ppt/stats_*.shp"))) == 21

        # a year outside GeoCDL's catalogue is refused before any job, with the catalogue's range
        run = project.snakemake(*addresses(server), "years=2019:2022", profile="local")
        assert run.code != 0
        assert "2021–2022" in run.message
        assert "2020" in run.message
        assert server.count("subset_polygon") == 21

        # one more year asks for that year alone
        run = project.snakemake("tables", *addresses(server), "years=1999:2020", profile="local")
        assert run.code == 0, run.text
        assert run.jobs("zonal_stats") == 1
        assert server.count("subset_polygon") == 22
        assert server.count("GENZ2021") == 1

        # another address, more policy, a unit and a second variable leave what is there as it is
        changes = "raster={url: 'http://127.0.0.1:9', units: {ppt: inch}, variables: [ppt, tmean]}"
        run = project.snakemake(
            "-n", "--config", changes, "zones={url: 'http://127.0.0.1:9'}", "fetch={attempts: 2}", profile="local"
        )
        assert run.code == 0, run.text
        jobs = {rule: run.jobs(rule) for rule in ("fetch_zones", "prepare_zones", "fetch_rasters", "zonal_stats")}
        assert jobs == {"fetch_zones": 0, "prepare_zones": 0, "fetch_rasters": 21, "zonal_stats": 21}, run.text
