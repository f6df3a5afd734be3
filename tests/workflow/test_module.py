"""The rules in another workflow: `module zonalflow:`, plain, under other names, and with a prefix."""

import shutil
import subprocess
import sys

import pyarrow.parquet
import pytest
import yaml

HOST = """
configfile: "config.yaml"


module zonalflow:
    snakefile:
        "{snakefile}"
    config:
        config
{prefix}

use rule * from zonalflow{names}
"""


def host(project, folder, prefix="", names=""):
    """Write a workflow that uses the project's, with the demo's study of two years."""
    folder.mkdir()
    text = HOST.format(snakefile=project.path("Snakefile"), prefix=prefix, names=names)
    (folder / "Snakefile").write_text(text)
    config = yaml.safe_load(project.path("config/demo.yaml").read_text()) | {"years": "2000:2001"}
    config["zones"]["path"] = "zones.zip"  # the host's own file, which no prefix moves
    shutil.copy2(project.path("config/demo/zones.zip"), folder / "zones.zip")
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder


def snakemake(folder, *arguments):
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
    return subprocess.run(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("prefix", "names", "root"),
    [("", "", ""), ("", " as zf_*", ""), ('    prefix:\n        "sub/"\n', "", "sub/")],
    ids=["plain", "renamed", "prefixed"],
)
def test_a_host_runs_a_study_to_its_report(project, tmp_path, prefix, names, root):
    folder = host(project, tmp_path / "host", prefix, names)
    run = snakemake(folder)
    assert run.returncode == 0, run.stdout
    results = folder / root / "results/demo"
    table = pyarrow.parquet.read_table(results / "zonal_stats.parquet")
    assert table.num_rows == 2 * len(pyarrow.parquet.read_table(results / "zones.parquet"))
    for name in ("ppt/stats_2000.shp", "maps/ppt_2001.png", "report.html", "manifest.json"):
        assert (results / name).stat().st_size > 0
    assert (folder / root / "logs/demo/zonal_stats/ppt_2000.log").exists()
    again = snakemake(folder)
    assert "Nothing to be done" in again.stdout, again.stdout
    if root:
        assert not (folder / "results").exists()
