"""What the profiles check before Snakemake reads its command line, and what a plan does without."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from snakemake.profiles import ProfileConfigFileParser

from zonalflow.run import start

ROOT = Path(__file__).parents[2]
PROFILES = ["atlas", "ceres", "demo", "local"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with one configuration file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "florida.yaml").write_text("run: florida")
    return tmp_path


def options_of(profile):
    """Return the options of a profile, read as Snakemake reads them."""
    with (ROOT / f"profiles/{profile}/profile.yaml").open() as stream:
        return ProfileConfigFileParser().parse(stream)


@pytest.mark.parametrize(
    ("given", "instead"),
    [
        ("raster.grain=monthly", "--config raster='{grain: monthly}'"),
        ("raster.grain=monthly raster.months=[6,7] years=2000", "--config raster='{grain: monthly, months: [6,7]}'"),
        ("zones.id.x=3", "--config zones='{id: {x: 3}}'"),
    ],
)
@pytest.mark.parametrize("option", ["--config", "-C"])
def test_a_key_with_dots_gets_its_yaml(folder, given, instead, option):
    assert start.mistake(["-n", option, *given.split(), "--cores", "1"]).endswith(instead)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config", "years"], "it has no value"),
        (["--config=years"], "it has no value"),
        (["--config", "years =2000"], "'years ' is not the name of a key"),
        (["--config", "2000=years"], "'2000' is not the name of a key"),
        (["--configfile", "florid.yaml"], "there is no such file. Do you mean florida.yaml?"),
        (["--configfile", "florida.yaml", "georgia.yaml"], "--configfile georgia.yaml: there is no such file"),
        (["--configfile=florida.yml"], "Do you mean florida.yaml?"),
    ],
)
def test_a_mistyped_option_is_named(folder, arguments, message):
    assert message in start.mistake(arguments)


@pytest.mark.parametrize("option", ["--configfile=tabbed.yaml", "--configfile tabbed.yaml"])
def test_a_tab_in_a_named_file_gives_its_line(folder, option):
    (folder / "tabbed.yaml").write_text("run: x\nzones:\n\tsource: file\n")
    assert start.mistake(["-n", *option.split()]) == "tabbed.yaml, line 3: begins with a tab; YAML wants spaces"


@pytest.mark.parametrize("taken", ["--configfile florida.yaml", "--config years=2000"])
def test_a_target_that_an_option_takes_goes_first(folder, taken):
    told = start.mistake(["--cores", "1", *taken.split(), "maps", "-n"])
    assert told.endswith(f"snakemake maps --cores 1 {taken} -n")


@pytest.mark.parametrize(
    "arguments",
    [
        "maps -n --cores 1",
        "--configfile florida.yaml --config years=2000:2003 raster={grain:monthly}",
        "--config bbox=-87.5,24.5,-79.0,31.0 -- maps",
        "--configfile florida.yaml --until zonal_stats --set-resources zonal_stats:mem_mb=1",
    ],
)
def test_a_right_command_line_passes(folder, arguments):
    assert start.mistake(arguments.split()) == ""


@pytest.mark.parametrize("profile", PROFILES)
def test_each_profile_checks_the_command_line(folder, monkeypatch, profile):
    command = ["snakemake", "--snakefile", str(ROOT / "Snakefile"), "--config"]
    monkeypatch.setattr(sys, "argv", [*command, "years=2000"])
    assert options_of(profile)["scheduler"] == "greedy"
    monkeypatch.setattr(sys, "argv", [*command, "raster.grain=monthly"])
    with pytest.raises(SystemExit, match="a key within another"):
        options_of(profile)


def test_snakemake_ends_with_the_message_alone(folder):
    snakefile, path = ROOT / "Snakefile", ROOT / "profiles/local"
    command = [sys.executable, "-m", "snakemake", "-n", "--snakefile", snakefile, "--profile", path]
    ended = subprocess.run([*command, "--config", "raster.grain=monthly"], capture_output=True, text=True)
    assert "zonalflow: --config raster.grain=monthly: a key within another" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.returncode == 1


def test_a_profile_works_without_the_workflow_beside_it(folder, monkeypatch):
    """As after `snakemake --snakefile=elsewhere/Snakefile`, which the profile does not find."""
    monkeypatch.setattr(sys, "argv", ["snakemake", "--config", "raster.grain=monthly"])
    assert options_of("local")["cores"] == "all"


def test_run_sh_names_the_versions_of_an_older_snakemake(folder):
    shutil.copytree(ROOT / "profiles/ceres", folder / "profiles/ceres")
    profile = folder / "profiles/ceres/profile.yaml"
    profile.write_text(profile.read_text().replace("YOUR_ACCOUNT", "mine"))
    (folder / "snakemake").write_text("#!/bin/sh\necho 8.30.0\n")
    (folder / "snakemake").chmod(0o755)
    environment = {"PATH": f"{folder}:/usr/bin:/bin"}
    ended = subprocess.run(["bash", "profiles/ceres/run.sh"], capture_output=True, text=True, env=environment)
    assert f"{folder}/snakemake is Snakemake 8.30.0; 9.19 or newer is needed" in ended.stderr
    assert ended.returncode == 1
    assert not (folder / "logs").exists()


# --------------------------------------------------------------------------------------------------------- the cache


def test_a_writable_home_is_used(folder):
    environment = {"HOME": str(folder)}
    start.use_writable_cache(environment)
    assert environment == {"HOME": str(folder)}
    assert not [path for path in folder.glob(".cache/**/*") if path.is_file()]


@pytest.mark.parametrize("variable", ["HOME", "XDG_CACHE_HOME"])
def test_a_home_that_cannot_be_written_is_replaced(folder, variable, capsys):
    environment = {"HOME": str(folder), variable: "/proc/nobody"}
    start.use_writable_cache(environment)
    assert environment["XDG_CACHE_HOME"] == str(folder / ".snakemake/cache")
    assert "/proc/nobody" in capsys.readouterr().err


def test_a_full_disk_is_noticed_although_it_takes_empty_files(folder, monkeypatch):
    """/dev/full stands for it: a file can be opened there, and nothing be written."""
    with Path("/dev/full").open("wb", buffering=0) as full:
        monkeypatch.setattr(start.tempfile, "TemporaryFile", lambda dir: full)
        assert start._not_writable(folder) == "No space left on device"


# ---------------------------------------------------------------------------------------------------------- the plan


def test_no_garbage_is_collected_while_thousands_of_jobs_are_planned():
    """In a process of its own: the collector and smart_open are the whole process's."""
    code = (
        "import gc, smart_open; from zonalflow.run import start; start.begin_planning()\n"
        "print(gc.isenabled(), smart_open.parse_uri('/a') is smart_open.parse_uri('/a'))\n"
        "start.end_planning(); print(gc.isenabled(), gc.get_freeze_count() > 0)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow/scripts")}
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert ended.stdout.split() == ["False", "True", "True", "True"], ended.stderr
