"""The tutorial's `sbatch --array` beside zonalflow: the same cluster, counties and 21 rasters, and where the time goes.

eval "$(tests/slurm/cluster env)"; python tests/slurm/tutorial/compare.py
"""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[2]
sys.path[:0] = [str(REPOSITORY / "workflow/scripts"), str(REPOSITORY / "tests")]

from slurm.lab import ACCOUNT, Study, ask, cluster, until  # noqa: E402

from zonalflow.sources.synthetic import write_year  # noqa: E402

FIELDS = "JobID,ElapsedRaw,TotalCPU,MaxRSS,Comment"
YEARS = tuple(str(year) for year in range(2000, 2021))


def tutorial(folder: Path) -> tuple[float, str]:
    """Run the tutorial's array; return the seconds from submission to the last year, and the name of its job."""
    (folder / "tutorial").mkdir()
    script = folder / "tutorial.sh"
    script.write_text(
        f"#!/bin/bash\nexec {sys.executable} {HERE}/zonal_year.py {REPOSITORY}/config/demo/zones.zip "
        "rasters/PRISM_ppt_$SLURM_ARRAY_TASK_ID.tif tutorial/stats_$SLURM_ARRAY_TASK_ID.shp\n"
    )
    began = time.perf_counter()
    command = ["sbatch", "--parsable", f"--account={ACCOUNT}", "--cpus-per-task=2", "--mem=2000", "--time=30"]
    command += [f"--array={YEARS[0]}-{YEARS[-1]}", "--job-name=tutorial", "--output=tutorial/%a.log", str(script)]
    job = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()
    until(lambda: not ask(f"squeue -h -j {job} -o %A"), 600, "the tutorial's array")
    seconds = time.perf_counter() - began
    assert len(list((folder / "tutorial").glob("*.shp"))) == len(YEARS)
    return seconds, job


@dataclass
class Used:
    """What one job used: seconds of wall-clock and CPU time, and MB."""

    what: str
    elapsed: float
    cpu: float
    memory: float


def used(selection: str) -> list[Used]:
    """Return what jobs used; their memory and CPU time stand in the rows of their steps."""
    accounted = f"sacct -n -P --units=K -S now-1hours {selection} --format="
    # the queue tells of a job's end before the accounting has it
    until(lambda: {state for state in ask(f"{accounted}State") if state} == {"COMPLETED"}, 60, "the ends of all jobs")
    rows = [row.split("|") for row in ask(accounted + FIELDS)]
    jobs = {row[0]: Used(row[4], float(row[1]), seconds_of(row[2]), 0.0) for row in rows if "." not in row[0]}
    for number, _, _, memory, _ in rows:
        job = jobs[number.partition(".")[0]]
        job.memory = max(job.memory, float(memory.rstrip("K") or 0) / 1024)
    return list(jobs.values())


def seconds_of(clock: str) -> float:
    """Return SLURM's ``01:02.345`` in seconds."""
    return sum(float(part) * 60**power for power, part in enumerate(reversed(clock.split(":"))))


def row(name: str, seconds: float, jobs: list[Used]) -> str:
    """Return a line of the comparison."""
    share = [job for job in jobs if not job.what or "zonal_stats" in job.what]
    return (
        f"{name:<24}{seconds:>7.0f} s wall{len(jobs):>5} jobs{sum(job.elapsed for job in jobs):>7.0f} s in jobs"
        f"{sum(job.cpu for job in jobs):>7.0f} s CPU; a year: {sum(job.elapsed for job in share) / len(share):.1f} s, "
        f"{sum(job.cpu for job in share) / len(share):.2f} s CPU, {max(job.memory for job in share):.0f} MB"
    )


def main() -> None:
    """Run both and print what they took."""
    cluster("up")
    with tempfile.TemporaryDirectory(prefix="compare-") as name:
        folder = Path(name).resolve()
        study = Study(folder, YEARS)
        for year in YEARS:
            write_year("ppt", int(year), "annual", (-87.5, 24.5, -79.0, 31.0), folder / f"rasters/{year}.json")
        print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        seconds, job = tutorial(folder)
        print(row("tutorial, sbatch --array", seconds, used(f"-j {job}")))

        began = time.perf_counter()
        text = study.start("vectors").succeed(600)
        seconds = time.perf_counter() - began
        run = next(line.split()[-1] for line in text.splitlines() if line.startswith("SLURM run ID"))
        print(row("zonalflow, from nothing", seconds, used(f"--name={run}")))
        print("\n".join(line for line in text.splitlines() if line[2:3] == ":" and "submitted" not in line))

        for shape in folder.glob("results/test/ppt/*"):
            shape.unlink()
        began = time.perf_counter()
        text = study.start("vectors").succeed(600)
        seconds = time.perf_counter() - began
        run = next(line.split()[-1] for line in text.splitlines() if line.startswith("SLURM run ID"))
        print(row("zonalflow, zones indexed", seconds, used(f"--name={run}")))


if __name__ == "__main__":
    main()
