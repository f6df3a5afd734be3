"""A study on the cluster as its user would run it: each year a job, and mistakes found before any job."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import standin
from slurm.conftest import prepared_study
from slurm.lab import ACCOUNT, HERE, REPOSITORY, SNAKEMAKE, Study, ask, until

FLORIDA = (-87.5, 24.5, -79.0, 31.0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The tutorial's 21 years from nothing to tables, and what the run said."""
    from zonalflow.sources.synthetic import write_year

    study = Study(tmp_path_factory.mktemp("whole") / "study", tuple(str(year) for year in range(2000, 2021)))
    for year in study.years:
        write_year("ppt", int(year), "annual", FLORIDA, study.folder / f"rasters/{year}.json")
    study.start("vectors", "tables").succeed(170)
    return study


def test_each_year_is_a_job_of_its_own(whole):
    rows = whole.rows("Comment,State,NCPUS,NNodes,Account,Partition,TimelimitRaw,ReqMem")
    print("\n".join("  ".join(row) for row in rows))
    years = [row for row in rows if row[0].startswith("rule_zonal_stats")]
    assert sorted(row[0] for row in years) == [f"rule_zonal_stats_wildcards_ppt_{year}" for year in whole.years]
    assert {tuple(row[1:]) for row in years} == {("COMPLETED", "2", "1", "ceres_test", "ceres", "30", "2000M")}
    assert rows == years  # one wait in the queue: the short steps ran here
    assert "combine, manifest, maps and report here (estimated" in whole.runs[0].text


def test_a_job_runs_one_snakemake(whole):
    """A second one behind srun would be a step of its own, and cost as much again."""
    assert len(whole.rows()) >= len(whole.years)  # the accounting has them
    steps = {row.split("|")[0] for row in ask(f"sacct -n -P --name={run_name(whole)} --format=JobID")}
    assert {step.partition(".")[2] for step in steps} == {"", "batch"}


def test_the_run_ends_with_an_account_of_itself(whole):
    summary = whole.runs[0].text.rpartition("zonalflow:")[2]
    assert "21 done, 0 failed, 0 reused" in summary
    for year in whole.years:
        assert (whole.folder / f"logs/test/zonal_stats/ppt_{year}.log").stat().st_size > 0


def test_the_numbers_are_those_of_a_run_without_a_cluster(whole, undisturbed):
    expected = undisturbed.of_years(undisturbed.products(), undisturbed.years)
    assert whole.of_years(whole.products(), undisturbed.years) == expected


def test_a_longer_study_reuses_what_is_there(whole):
    (whole.folder / f"results/test/ppt/stats_{whole.years[3]}.shp").unlink()
    text = whole.start("vectors").succeed(60)
    assert "1 done, 0 failed, 20 reused" in text


def test_the_same_on_atlas(study, undisturbed):
    """Its profile is Ceres's with another partition, for rasters that are there; here with all steps as jobs."""
    text = study.start("vectors", "tables", "--config", "steps={where: jobs}", profile="atlas").succeed(90)
    assert "report as SLURM jobs (estimated" in text
    assert "rule_combine_years" in [what for what, _ in study.rows()]
    rows = {tuple(row) for row in study.rows("State,Account,Partition,NCPUS")}
    assert rows == {("COMPLETED", "ceres_test", "atlas", "2")}
    assert study.products() == undisturbed.products()


def run_name(study):
    """Return the SLURM name of a study's first run."""
    return re.search(r"SLURM run ID: (\S+)", study.runs[0].text)[1]


@pytest.mark.parametrize("where", ["here", "job"])
def test_downloads_run_where_they_should_and_one_at_a_time(tmp_path, where):
    years = ("2000", "2001", "2002")
    with standin.Server() as server:
        study = Study(tmp_path / "study", years)
        config = study.folder / "config.yaml"
        raster = f"raster: {{source: geocdl, variables: [ppt], url: '{server.url}'}}\nfetch: {{where: {where}}}"
        config.write_text(re.sub("raster: .*", lambda match: raster, config.read_text()))
        study.start("--until", "fetch_rasters").succeed(90)
    jobs = sorted(what for what, _ in study.rows())
    assert jobs == [f"rule_fetch_rasters_wildcards_ppt_{year}" for year in years if where == "job"]
    assert server.count("subset_polygon") == len(years)
    assert server.most_at_once == 1
    assert len(list(study.folder.glob("resources/geocdl/**/PRISM_ppt_*.tif"))) == len(years)


def test_the_controlling_process_as_a_batch_job(tmp_path, undisturbed, monkeypatch):
    """In a shell with other jobs' settings and a folder with spaces: its time limit ends it, the same again goes on."""
    for name, value in {"SBATCH_ARRAY_INX": "1-3", "SBATCH_JOB_NAME": "mine", "SLURM_JOB_ID": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", str(Path(SNAKEMAKE).parent), prepend=":")
    monkeypatch.setenv("PYTHONPATH", str(HERE / "faults"))
    with prepared_study(tmp_path / "my study", undisturbed) as study:
        monkeypatch.setenv("ZONALFLOW_FAULTS", str(study.folder / "faults"))
        script = study.folder / "profiles/ceres/run.sh"
        text = (REPOSITORY / "profiles/ceres/run.sh").read_text()
        # SLURM may send the signal up to a minute early
        script.write_text(text.replace("--time=7-00:00:00", "--time=2").replace("TERM@600", "TERM@60"))
        script.chmod(0o755)
        command = [script, "vectors", "--snakefile", f"{REPOSITORY}/Snakefile", "--configfile", "config.yaml"]
        study.slow(150)
        first = submit(command)
        study.at_work(study.years[0])
        until(lambda: not study.queue(), 150, "an empty queue")
        log = (study.folder / f"logs/zonalflow-{first}.log").read_text()
        assert "Interrupted: 0 of 5 years done, 5 left" in log
        assert "Traceback" not in log
        assert not study.locked
        assert "TIMEOUT" not in dict(study.rows()).values()

        second = submit(command)
        until(lambda: not study.queue(), 90, "an empty queue")
        assert "5 done, 0 failed" in (study.folder / f"logs/zonalflow-{second}.log").read_text()
        assert study.products() == undisturbed.of_years(undisturbed.products(), study.years)


def test_a_run_within_salloc_and_without_home_works(study, undisturbed, monkeypatch):
    monkeypatch.setenv("HOME", "/proc/nobody")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    within = f"salloc --account={ACCOUNT} --cpus-per-task=4 --mem=3000 --time=7"
    text = study.start("vectors", within=within).succeed(120)
    assert "5 done, 0 failed" in text
    assert f"Caches go to {study.folder}/.snakemake/cache" in text
    assert "Traceback" not in text
    of_years = {f"rule_zonal_stats_wildcards_ppt_{year}" for year in study.years}
    asked = {tuple(row) for row in study.rows("State,NCPUS,ReqMem,TimelimitRaw,Comment") if row[-1]}
    assert asked == {("COMPLETED", "2", "2000M", "30", name) for name in of_years}
    assert study.products() == undisturbed.of_years(undisturbed.products(), study.years)


def submit(command):
    """Run a command that submits a job, and return the job's number."""
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.split()[-1]


# ------------------------------------------------------------------------------------------ before any job is submitted


@pytest.mark.parametrize(
    ("account", "message"),
    [("YOUR_ACCOUNT", "no SLURM account is set"), ("typo", "SLURM knows no account 'typo' of yours")],
)
def test_an_account_that_cannot_be_charged(study, account, message):
    study.profile(slurm_account=account)
    text = study.start("vectors").fail(40)
    assert message in text
    assert "Set slurm_account in profiles/ceres/profile.yaml" in text
    assert "sacctmgr show associations where user=$USER format=account%20" in text
    assert "ceres_test" in text.rpartition("which says now:")[2]
    assert "has been submitted" not in text
    assert study.rows() == []
    assert not study.locked
    study.start("vectors", "--dry-run").succeed(40)  # a preview needs no account


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"slurm_partition": "short"}, "SLURM has no partition 'short', which rule zonal_stats asks for"),
        ({"runtime": 60 * 24 * 30}, "rule zonal_stats asks for 43200 minutes, and partition ceres allows 30240"),
    ],
)
def test_a_partition_that_never_starts_the_jobs(study, changed, message):
    study.profile(**changed)
    text = study.start("vectors").fail(40)
    assert message in text
    assert "in profiles/ceres/profile.yaml" in text
    assert "Traceback" not in text
    assert study.rows() == []


def test_a_shell_without_some_of_slurms_commands(study, tmp_path, monkeypatch):
    """Without scontrol nothing runs; without sacctmgr and sacct everything does."""
    some = tmp_path / "some"
    some.mkdir()
    for name in ("sbatch", "squeue", "scancel", "sinfo", *["bash", "sh", "which", "env", "cat", "printf"]):
        (some / name).symlink_to(shutil.which(name))
    monkeypatch.setenv("PATH", f"{Path(SNAKEMAKE).parent}:{some}")
    text = study.start("results/test/work/ppt/2000.npz").fail(40)
    assert "SLURM's commands are not on the PATH of this shell: there is no scontrol" in text
    (some / "scontrol").symlink_to("/usr/bin/scontrol")
    text = study.start("results/test/work/ppt/2000.npz").succeed(60)
    assert "1 done, 0 failed" in text
    assert "Run the same command again" not in text


def test_default_resources_on_the_command_line(study):
    """They replace the profile's, account and partition included."""
    text = study.start("vectors", "--default-resources", "mem_mb=4000").fail(40)
    assert "--set-resources" in text
    assert study.rows() == []
