"""Faults for the tests: Python imports this by itself where PYTHONPATH leads here, so that no product code knows of it.

A file in the folder $ZONALFLOW_FAULTS named for a job, ``zonal_stats.ppt.2003``, holds Python statements; the script of
that job executes them before anything else. A file whose name ends in ``.once`` does so one time only.
"""

import os
import re
import sys
from pathlib import Path


def job_of(pid: int) -> str | None:
    """Return ``rule.wildcard.wildcard`` of the Snakemake job that process `pid` belongs to."""
    while pid > 1:
        command = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
        if match := re.search(r"--target-jobs '?([\w.]+):(\S*?)'? ", command):
            return ".".join([match[1], *(pair.partition("=")[2] for pair in match[2].split(",") if pair)])
        pid = int(re.search(r"PPid:\s*(\d+)", Path(f"/proc/{pid}/status").read_text())[1])
    return None


def inject() -> None:
    """Execute what is laid down for this job."""
    job = job_of(os.getpid())
    for path in (Path(os.environ["ZONALFLOW_FAULTS"], f"{job}{suffix}") for suffix in ("", ".once")):
        if path.exists():
            statements = path.read_text()
            if path.suffix == ".once":
                path.unlink()
            exec(statements, {})


if "ZONALFLOW_FAULTS" in os.environ and ".snakemake/scripts/" in " ".join(sys.orig_argv):
    inject()
