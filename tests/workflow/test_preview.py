"""The preview: what a scientist reads before a run, and that it sends no request."""

import standin


def preview(project, *arguments, profile="local"):
    run = project.snakemake("-n", *arguments, profile=profile)
    assert run.code == 0, run.text
    return run


def test_it_shows_the_study_its_jobs_and_the_table(project):
    with standin.Server() as server:
        run = preview(project, "--config", f"raster={{url: '{server.url}'}}", f"zones={{url: '{server.census_url}'}}")
        assert server.count() == 0
    assert run.jobs("zonal_stats") == 21
    assert run.jobs("fetch_rasters") == 21
    lines = [line.strip() for line in run.text.splitlines()]
    for year in range(2000, 2021):
        assert sum(line.startswith(f"Zonal statistics: ppt, {year}") for line in lines) == 1
    for words in ("run        florida", "2000–2020 (21), annual", "west -87.5, south 24.5, east -79, north 31"):
        assert any(words in line for line in lines)
    assert any(line.startswith("results") and "results/florida/" in line for line in lines)


def test_it_changes_nothing(project):
    preview(project, profile="demo")
    assert not project.path("results").exists()
    assert not project.path("resources").exists()
    assert not project.path("logs").exists()


def test_the_shipped_configuration_is_the_tutorials_run(project):
    run = preview(project)
    assert "Census county boundaries 2021, 20m, by GEOID" in run.text
    assert "ppt: PRISM from GeoCDL (http://10.1.1.80:8000)" in run.text
