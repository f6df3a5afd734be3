"""What it costs a start to know that 16,000 local rasters are unchanged.

    python tests/benchmarks/start.py

44 years of daily rasters, whose records are made up: the files are tiny, and no job has run.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "workflow/scripts"))

from zonalflow.common.dates import dates_of  # noqa: E402
from zonalflow.recipes.contents import Content, signature_of  # noqa: E402
from zonalflow.recipes.recipe import Recipe, Record  # noqa: E402
from zonalflow.study.jobs import year_job  # noqa: E402
from zonalflow.study.plan import Plan  # noqa: E402
from zonalflow.study.resolve import resolve  # noqa: E402
from zonalflow.study.schema import load_schema  # noqa: E402
from zonalflow.study.study import Study  # noqa: E402

YEARS = range(1981, 2025)
CONFIG = {
    "run": "large",
    "years": f"{YEARS[0]}:{YEARS[-1]}",
    "zones": {"source": "file", "path": "zones.gpkg", "id": "id"},
    "raster": {
        "source": "local", "path": "rasters/v_{year}-{month}-{day}.tif", "variables": ["v"], "grain": "daily",
    },
    "output": {"formats": ["csv", "parquet"]},
}  # fmt: skip
MOST_SECONDS = 2.0


def make(study: Study) -> int:
    """Make rasters, and the records of years as if they had been computed from them; return how many rasters."""
    Path("rasters").mkdir()
    Path("zones.gpkg").write_text("zones")
    for year in YEARS:
        for date in dates_of(year, "daily"):
            Path(f"rasters/v_{date}.tif").write_text(date)
    for year in YEARS:
        job = year_job(study, "v", year)
        files = [Content(path, "0" * 64, signature_of(path)) for path in job.inputs["rasters"]]
        Record(Recipe(job.step, "", {}, {}, {}), {"rasters": files}).write(job.record)
    return sum(len(study.rasters("v", year)) for year in YEARS)


def main() -> None:
    """Print the seconds of a plan; fail if it takes longer than it may."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        study = Study(resolve(CONFIG, load_schema(REPOSITORY / "workflow/schemas/config.schema.yaml")))
        rasters = make(study)
        began = time.perf_counter()
        plan = Plan(study)
        seconds = time.perf_counter() - began
        read = [one for one in plan.memory.inputs if one.path.startswith("rasters/")]
        os.chdir("/")
    print(f"start on {rasters} unchanged rasters: {seconds:.2f} s, {len(read)} of them read")
    if seconds > MOST_SECONDS or read:
        sys.exit(f"a start may take {MOST_SECONDS} s, and reads no raster that is unchanged")


if __name__ == "__main__":
    main()
