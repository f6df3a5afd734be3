"""How long the preview of a large study takes, and how much memory: it must grow no faster than the number of years.

    python tests/benchmarks/dry_run.py

Three sizes of two studies: monthly rasters of seven variables, and daily rasters of one. No raster is read.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SNAKEMAKE = Path(sys.executable).with_name("snakemake")
VARIABLES = "ppt, tmean, tmin, tmax, tdmean, vpdmin, vpdmax"
STUDIES = {
    "monthly, 7 variables": ("monthly", VARIABLES, ["1895:1925", "1895:1957", "1895:2020"]),
    "daily, 1 variable": ("daily", "ppt", ["1981:1991", "1981:2002", "1981:2025"]),
}
CONFIG = """\
run: large
years: {years}
bbox: [-87.5, 24.5, -79.0, 31.0]
zones: {{source: file, path: {repository}/config/demo/zones.zip, id: GEOID}}
raster: {{source: prism, variables: [{variables}], grain: {grain}}}
"""


def preview(config: str) -> tuple[float, float, float, int]:
    """Return the seconds, seconds of CPU and MB that `snakemake -n` takes, and the number of jobs that it lists."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "config.yaml").write_text(config)
        command = [SNAKEMAKE, "-n", "-q", "rules", "--snakefile", REPOSITORY / "Snakefile"]
        command += ["--configfile", "config.yaml", "--profile", REPOSITORY / "profiles/local"]
        began = time.perf_counter()
        measured = [sys.executable, "-c", MEASURE, *map(str, command)]
        done = subprocess.run(measured, cwd=folder, capture_output=True, text=True, check=True)
        seconds = time.perf_counter() - began
    jobs = next(int(line.split()[1]) for line in done.stderr.splitlines() if line.startswith("total "))
    cpu, kilobytes = map(float, done.stdout.split())
    return seconds, cpu, kilobytes / 1024, jobs


# the peak of one child: that of all children would be the largest of those measured before
MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=sys.stderr)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)
"""


def main() -> None:
    """Print a row for each study and size; fail if the CPU time, which no other work disturbs, outgrows the years."""
    print(f"{'study':<22}{'years':>6}{'jobs':>7}{'seconds':>9}{'of CPU':>8}{'MB':>6}{'ms a job':>10}")
    too_fast = []
    for name, (grain, variables, spans) in STUDIES.items():
        rows = []
        for years in spans:
            config = CONFIG.format(years=years, repository=REPOSITORY, variables=variables, grain=grain)
            seconds, cpu, megabytes, jobs = preview(config)
            first, last = map(int, years.split(":"))
            n_years = last - first + 1
            rows.append((n_years, cpu))
            print(
                f"{name:<22}{n_years:>6}{jobs:>7}{seconds:>9.1f}{cpu:>8.1f}{megabytes:>6.0f}{1000 * cpu / jobs:>10.1f}",
                flush=True,
            )
        (few, short), (many, long) = rows[0], rows[-1]
        if long / short > many / few:
            too_fast.append(f"{name}: {many / few:.1f} times the years took {long / short:.1f} times the CPU time")
    if too_fast:
        sys.exit("\n".join(too_fast))


if __name__ == "__main__":
    main()
