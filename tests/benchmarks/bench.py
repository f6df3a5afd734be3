# ruff: noqa: E402 (run as a script, this sets its path first)
"""`make bench`: what zonal statistics cost here, beside every peer that is installed and beside reading alone.

    python tests/benchmarks/bench.py [--quick] [--out results/bench] [--national]
        [--only kernel build job growth size model steps]

It makes its own inputs on PRISM's grids (see :mod:`benchmarks.made`), prints its tables as it goes and writes them with
a plot to the folder `--out`. Absolute times are this machine's; the ratios carry over.
"""

import argparse
import json
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "workflow" / "scripts")]

import numpy as np
import rasterio
from affine import Affine
from benchmarks import cost, engines, made
from benchmarks.in_memory import in_memory
from benchmarks.measure import interleaved, python, seconds, table
from benchmarks.size import size

from zonalflow.common.memory import keep_freed_memory
from zonalflow.geometry.grid import Grid
from zonalflow.index.build import build_index
from zonalflow.stats.statistics import zonal_statistics

SEVEN = ["mean", "min", "max", "sum", "count", "std", "median"]
COUNTIES = 3109  # of the contiguous states


def write_raster(path: Path, values: np.ndarray, grid: Grid, **options) -> str:
    """Write a float32 GeoTIFF as GeoCDL does (or with other options) and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", width=grid.width, height=grid.height, count=1, dtype="float32", crs=grid.crs,
        transform=Affine(*grid.transform), nodata=made.NODATA, **options,
    ) as dataset:  # fmt: skip
        dataset.write(values, 1)
    return str(path)


def rasters(folder: Path, name: str, n: int, **options) -> list[str]:
    """Return n raster files on a grid; at most 12 differ, the others are the same again (they are cached anyway)."""
    grid = made.GRIDS[name]
    kind = "deflated" if options else "plain"
    files = []
    for k in range(min(n, 12)):
        path = folder / f"{name.replace(' ', '')}_{kind}_{k}.tif"
        files.append(str(path) if path.exists() else write_raster(path, made.raster(grid, k), grid, **options))
    return [files[k % len(files)] for k in range(n)]


def kernel(folder: Path, quick: bool) -> list[str]:
    """Read and reduce, in one process, beside the peers."""
    florida, counties = made.florida(), made.zones(COUNTIES)
    cloud_optimised = {"compress": "deflate", "predictor": 3, "tiled": True, "blockxsize": 512, "blockysize": 512}
    plan = [  # grid, rasters, zones, stats, file options, with the slow peers, rounds
        ("Florida", 21, florida, ["mean"], {}, True, 5),
        ("4 km", 21, counties, ["mean"], {}, False, 5),
        ("4 km", 1, counties, ["mean"], {}, True, 7),
        ("4 km", 1, counties, SEVEN, {}, True, 7),
        ("4 km", 365, counties, ["mean"], {}, False, 1),
        ("800 m", 1, counties, ["mean"], {}, True, 5),
        ("800 m", 1, counties, ["mean"], cloud_optimised, False, 3),
        ("800 m", 1, counties, SEVEN, {}, True, 3),
    ]
    texts = []
    for grid, n, zones, stats, options, slow, rounds in plan[:1] + plan[2:4] if quick else plan:
        what = "mean" if stats == ["mean"] else f"{len(stats)} statistics with median"
        kind = ", deflated tiles" if options else ""
        case = engines.Case(
            f"{grid} × {n}{kind}, {what}, {len(zones)} zones", made.GRIDS[grid], rasters(folder, grid, n, **options),
            zones, stats,
        )  # fmt: skip
        tasks = engines.peers(case, slow=slow and not quick)
        if n == 365:
            tasks = {name: task for name, task in tasks.items() if "built" not in name}
        quick_ones = {name: task for name, task in tasks.items() if not name.startswith("rasterstats")}
        times = interleaved(quick_ones, 3 if quick else rounds)
        times |= interleaved({name: task for name, task in tasks.items() if name not in quick_ones}, 0)
        reading = times["reading alone"]
        rows = [
            [name, seconds(spent.wall), f"{spent.wall / reading.wall:.2f}", f"{spent.cpu / reading.cpu:.2f}"]
            for name, spent in times.items()
        ]
        texts.append(show(table(case.name, ["engine", "time", "× reading", "× reading, CPU time"], rows)))
    return texts


def build(folder: Path, quick: bool) -> list[str]:
    """Find the cells of the zones, beside GDAL called zone by zone and extractrs."""
    texts = []
    for name in ("Florida", "4 km") if quick else ("Florida", "4 km", "800 m"):
        zones = made.florida() if name == "Florida" else made.zones(COUNTIES)
        case = engines.Case(name, made.GRIDS[name], [], zones, ["mean"])
        tasks = {
            f"zonalflow, {method}": lambda method=method, case=case: build_index(case.zones, case.grid, method)
            for method in ("center", "all_touched", "coverage")
        }
        tasks["rasterio.features.rasterize, zone by zone"] = lambda case=case: rasterize_each(case)
        if "extractrs, center" in engines.peers(case, slow=False):
            for method in ("center", "coverage"):
                tasks[f"extractrs, {method}"] = lambda method=method, case=case: engines.extractrs_cache(case, method)
        times = interleaved(tasks, 3)
        rows = [[engine, seconds(spent.wall), seconds(spent.cpu)] for engine, spent in times.items()]
        head = ["engine", "time", "CPU time"]
        texts.append(show(table(f"Building the index: {name}, {len(zones)} zones", head, rows)))
    return texts


def rasterize_each(case: engines.Case) -> None:
    import oracles

    for zone in case.zones:
        oracles.rasterized(zone, case.grid, all_touched=False)


# ---------------------------------------------------------------------------------------- one year as a process

_JOB = """
import time
job = json.load(open(sys.argv[1]))
from zonalflow.run.rule import job_log
from zonalflow.steps.zonal_stats import Inputs, Outputs, Params, zonal_stats
with job_log("job.log") as log:
    zonal_stats(Inputs(**job["inputs"]), Outputs(**job["outputs"]), Params(**job["params"]), log)
"""


def job(folder: Path, quick: bool) -> list[str]:
    """Run a per-year job as a process, without Snakemake's own share."""
    rows = []
    for grid, n in (
        (("Florida", 1), ("4 km", 1)) if quick else (("Florida", 1), ("4 km", 1), ("4 km", 365), ("800 m", 1))
    ):
        for formats in (["shp"], []):
            arguments, where = prepared_job(folder, grid, n, formats)
            runs = [python(_JOB, arguments, folder=where) for _ in range(3 if n > 1 else 7)]
            wall = sorted(run["wall"] for run in runs)[len(runs) // 2]
            peak = max(run["peak_mb"] for run in runs)
            cpu = sorted(run["cpu"] for run in runs)[len(runs) // 2]
            what = "shapefile" if formats else "table only"
            rows.append([f"{grid} × {n}", what, seconds(wall), seconds(cpu), f"{peak:.0f} MB"])
    bare = [python("import numpy, rasterio") for _ in range(7)]
    wall, cpu = (sorted(run[key] for run in bare)[3] for key in ("wall", "cpu"))
    rows.append(["(importing numpy and rasterio, nothing else)", "", seconds(wall), seconds(cpu), ""])
    head = ["rasters", "writes", "time", "CPU time", "peak memory"]
    texts = [show(table("One year's job as a process", head, rows))]

    arguments, where = prepared_job(folder, "4 km", 1, ["shp"])
    runs = [python(_STAGES, arguments, folder=where)["stages"] for _ in range(7)]
    stages = [[name, f"{1000 * sorted(run[name] for run in runs)[3]:.0f} ms"] for name in runs[0]]
    return [*texts, show(table("Where its CPU time goes: 4 km × 1, shapefile", ["stage", "time"], stages))]


def model(folder: Path, quick: bool) -> list[str]:
    """Compare the cost model with measured jobs."""
    return [show(cost.beyond()), show(cost.compare(cost.cases(folder, prepared_job, _JOB, rasters)))]


def steps(folder: Path, quick: bool) -> list[str]:
    """Reduce many time steps that are in memory."""
    return [show(in_memory(quick))]


#: A year's job step by step.
_STAGES = """
import time
names, times = [], []
def mark(name):
    names.append(name)
    times.append(time.process_time())
mark("start Python")
import numpy
mark("import numpy")
import rasterio
mark("import rasterio")
from pathlib import Path
from zonalflow.common.files import read_json
from zonalflow.index.cache import Counting
from zonalflow.index.grids import grid_finder, indexed_study_grid
from zonalflow.readers.opening import open_sources
from zonalflow.steps.zonal_stats import Inputs, Outputs, Params, compute_year, write_vectors
from zonalflow.tables.year_table import save_year
from zonalflow.timeline.time_steps import time_steps_of_year
from zonalflow.vectors.columns import field_names, year_columns
mark("import zonalflow and what it needs of the standard library")
job = json.load(open(sys.argv[1]))
inputs, outputs, params = Inputs(**job["inputs"]), Outputs(**job["outputs"]), Params(**job["params"])
report, counting = read_json(inputs.report), Counting(params.method, params.weights)
study = indexed_study_grid(read_json(inputs.grid), report, read_json(inputs.index), inputs.zones, counting, print)
mark("load the index: checksums, memory map")
steps = time_steps_of_year(params.raster, inputs.rasters, params.variable, int(params.year))
sources = open_sources(steps, grid_finder(study), crs=None, nodata=params.raster["nodata"])
table = compute_year(sources, params.stats)
mark("open, read and reduce the raster")
write_vectors(inputs, outputs, year_columns(table, study.inside), field_names(table, set(report["fields"].values())))
mark("write the shapefile")
save_year(Path(outputs.table), table)
mark("write the table")
result["stages"] = {name: end - begin for name, begin, end in zip(names, [0, *times], times)}
"""


def prepared_job(folder: Path, grid: str, n: int, formats: list[str]) -> tuple[str, Path]:
    """Bring a study to just before its per-year job; return the job's arguments (a JSON file) and its folder."""
    where = folder / f"job_{grid.replace(' ', '')}_{n}_{'_'.join(formats) or 'table'}"
    where.mkdir(parents=True, exist_ok=True)
    import geopandas

    geometry = made.florida() if grid == "Florida" else made.zones(COUNTIES)
    names = [f"{k:05d}" for k in range(len(geometry))]
    zones = geopandas.GeoDataFrame({"GEOID": names, "NAME": names}, geometry=geometry, crs=made.CRS)
    zones.to_file(where / "zones.gpkg")
    daily = n > 1
    days = np.datetime64("2001-01-01") + np.arange(n) if daily else ["2001"]
    for day, source in zip(days, rasters(folder, grid, n), strict=True):
        link = where / f"{day}.tif"
        link.unlink(missing_ok=True)
        link.symlink_to(Path(source).resolve())
    config = {
        "run": "bench",
        "years": "2001",
        "bbox": None,
        "zones": {"source": "file", "path": "zones.gpkg", "id": "GEOID"},
        "raster": {
            "source": "local",
            "path": "{year}-{month}-{day}.tif" if daily else "{year}.tif",
            "variables": ["ppt"],
            "grain": "daily" if daily else "annual",
        },
        "stats": ["mean"],
        "output": {"formats": [*formats, "csv"]},
    }
    schema = Path(__file__).parents[2] / "workflow" / "schemas" / "config.schema.yaml"
    python(_PREPARE, json.dumps(config), str(schema), folder=where)
    return "job.json", where


#: What the rules prepare_zones and index_zones do, and what zonal_stats passes on.
_PREPARE = """
from dataclasses import asdict
from pathlib import Path
from zonalflow.common.formats import VECTOR_SUFFIXES
from zonalflow.index.cache import Counting
from zonalflow.steps import index_zones, prepare_zones, zonal_stats
from zonalflow.study.resolve import resolve
from zonalflow.study.schema import load_schema
from zonalflow.study.study import Study
study = Study(resolve(json.loads(sys.argv[1]), load_schema(Path(sys.argv[2]))))
config, rasters = study.config, study.rasters("ppt", 2001)
prepared = study.prepared, study.preparation, study.grid
template = [study.template + suffix for suffix in VECTOR_SUFFIXES["shp"]]
silent = lambda text: None
prepare_zones.prepare_zones(
    prepare_zones.Inputs(rasters),
    prepare_zones.Outputs(*prepared, template, study.checksums("zones.json")),
    prepare_zones.Params(
        study.zone_files(study.zones_inputs), study.zones, study.grid_keys, study.reference, study.bbox
    ),
    silent,
)
counting = Counting(config["method"], config["weights"], study.raster["crs"])
index_zones.index_zones(index_zones.Inputs(*prepared), study.index, counting, silent)
inputs = zonal_stats.Inputs(rasters, *prepared, study.index, template)
outputs = zonal_stats.Outputs(
    study.year_table("ppt", 2001), study.year_vectors("ppt", 2001), study.checksums("ppt/2001.npz")
)
params = zonal_stats.Params(
    "ppt", "2001", study.value_keys, config["stats"], config["method"], config["min_coverage"], config["weights"],
    [], None, None,
)
Path("job.json").write_text(json.dumps(dict(inputs=asdict(inputs), outputs=asdict(outputs), params=asdict(params))))
"""


# ---------------------------------------------------------------------------------------------------- how it grows

_GROW = """
import shapely, time, numpy as np
from benchmarks import made
from zonalflow.index.build import build_index
from zonalflow.stats.statistics import zonal_statistics
name, n, method = sys.argv[1], int(sys.argv[2]), sys.argv[3]
grid, zones = made.GRIDS[name], made.zones(n)
build_index(zones[:10], grid, method)  # imports
open("/proc/self/clear_refs", "w").write("5")  # the high-water mark begins anew
before = memory("VmRSS")
times = []
for _ in range(3):
    start = time.process_time()
    index = build_index(zones, grid, method)
    times.append(time.process_time() - start)
more = memory() - before
kept = sum(array.nbytes for array in vars(index).values() if isinstance(array, np.ndarray))
values = np.ones(index.shape, np.float32)
apply = []
for _ in range(3):
    start = time.process_time()
    zonal_statistics(index, values, -9999.0, ["mean"])
    apply.append(time.process_time() - start)
result = {
    "build": sorted(times)[1], "apply": sorted(apply)[1], "more_mb": more, "kept_mb": kept / 2**20,
    "cells": int(index.n_cells.sum()) + len(index.boundary_cell),
    "vertices": int(shapely.get_num_coordinates(zones).sum()),
}
"""


def growth(folder: Path, quick: bool) -> list[str]:
    """Grow the zones, the cells and the slices tenfold at a time; in CPU time, the least disturbed."""
    texts, curves = [], {}
    zone_counts = [100, 1000, 10_000] if quick else [100, 1000, 10_000, 100_000]
    for name in ("4 km",) if quick else ("4 km", "800 m"):
        rows = []
        for method in ("center", "coverage"):
            for n in zone_counts:
                got = python(_GROW, name, str(n), method)
                curves.setdefault(f"{name}, {method}: build", []).append((n, got["build"]))
                curves.setdefault(f"{name}, {method}: apply", []).append((n, got["apply"]))
                rows.append([
                    method, f"{n:,}", f"{got['vertices']:,}", f"{got['cells']:,}", seconds(got["build"]),
                    seconds(got["apply"]), f"{got['kept_mb']:.1f} MB", f"{got['more_mb']:.0f} MB",
                    f"{max(got['more_mb'] - 200, 0) * 2**20 / got['cells']:.1f}",
                ])  # fmt: skip
        head = [
            "method",
            "zones",
            "vertices",
            "cells",
            "build",
            "apply (mean)",
            "index",
            "build's peak",
            "bytes a cell − 200 MB",
        ]
        texts.append(show(table(f"More zones, {name} (CPU time)", head, rows)))

    rows, zones = [], made.zones(COUNTIES)
    sizes = [10**5, 10**6, 10**7] if quick else [10**5, 10**6, 10**7, 10**8]
    for cells in sizes:
        index, values = scaled(zones, cells)
        tasks = {
            "build": lambda grid=index.grid: build_index(zones, grid),
            "apply": lambda index=index, values=values: zonal_statistics(index, values, made.NODATA, ["mean"]),
            "copy": lambda values=values: values.copy(),
        }
        times = interleaved(tasks, 3)
        times = {what: spent.cpu for what, spent in times.items()}
        for what, value in times.items():
            curves.setdefault(f"cells: {what}", []).append((cells, value))
        each = f"{1e9 * times['apply'] / values.size:.2f} ns"
        rows.append([f"{values.size:,}", *(seconds(times[what]) for what in ("build", "apply", "copy")), each])
    head = ["cells of the raster", "build", "apply (mean)", "merely copying it", "apply, per cell"]
    texts.append(show(table(f"More cells, {COUNTIES} zones (CPU time)", head, rows)))

    rows = []
    for n in [1, 12, 30] if quick else [1, 12, 120, 365]:
        case = engines.Case("", made.GRIDS["4 km"], rasters(folder, "4 km", n), zones, ["mean"])
        tasks = {
            "reading": lambda case=case: engines.read(case),
            "apply": lambda case=case: engines.apply(case, "center"),
        }
        times = interleaved(tasks, 3)
        reading, both = times["reading"], times["apply"]
        curves.setdefault("slices: read and apply", []).append((n, both.cpu))
        curves.setdefault("slices: reading alone", []).append((n, reading.cpu))
        ratios = [f"{both.wall / reading.wall:.2f}", f"{both.cpu / reading.cpu:.2f}"]
        rows.append([str(n), seconds(reading.wall), seconds(both.wall), *ratios])
    head = ["slices", "reading alone", "read and apply (mean)", "× reading", "× reading, CPU time"]
    texts.append(show(table(f"More slices, 4 km, {COUNTIES} zones", head, rows)))
    (folder / "growth.json").write_text(json.dumps(curves, indent=1))
    return texts


def scaled(zones: np.ndarray, cells: int):
    """Return the index and a raster of about so many cells over the extent of PRISM's grids."""
    a, _, c, _, e, f = made.GRIDS["4 km"].transform
    factor = np.sqrt(cells / (1405 * 621))
    grid = Grid(made.CRS, (a / factor, 0.0, c, 0.0, e / factor, f), round(1405 * factor), round(621 * factor))
    index = build_index(zones, grid)
    values = np.full(index.shape, 7, np.float32)
    values[:: max(1, index.shape[0] // 50), ::3] = made.NODATA
    return index, values


def plot(curves: dict[str, list[tuple[int, float]]], path: Path) -> None:
    """Draw how the costs grow; all axes are logarithmic, so that a slope of one is linear growth."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(13, 4.9), layout="constrained")
    for axis, (title, key) in zip(
        axes, {"zones": "m, c", "cells of the raster": "cells", "slices": "slices"}.items(), strict=True
    ):
        for name, points in curves.items():
            if key in name:
                axis.loglog(*zip(*points, strict=True), "o-", label=name.removeprefix(f"{key}: "), markersize=4)
        axis.set(xlabel=title, ylabel="seconds of CPU time")
        axis.grid(alpha=0.3, which="both")
        axis.legend(fontsize=7, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.16), frameon=False)
    figure.savefig(path, dpi=130)


def show(text: str) -> str:
    """Print a text at once and return it."""
    print(text, flush=True)
    return text


def machine() -> str:
    """Return one line on where and when this was measured."""
    import exactextract
    import rasterstats

    versions = {
        "Python": platform.python_version(),
        "numpy": np.__version__,
        "rasterio": rasterio.__version__,
        "GDAL": rasterio.__gdal_version__,
        "exactextract": exactextract.__version__,
        "rasterstats": rasterstats.__version__,
    }
    for peer in ("extractrs", "geohalo", "numba"):
        try:
            versions[peer] = version(peer)
        except PackageNotFoundError:
            versions[peer] = "not installed (tests/benchmarks/requirements.txt)"
    if not engines.gdal_program():
        versions["`gdal raster zonal-stats`"] = "not installed"
    cpu = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in cpu if "model name" in line), platform.processor())
    load = os.getloadavg()[0]
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {model}, {os.cpu_count()} processors (load {load:.1f} at the start), "
        f"{platform.system()}. " + ", ".join(f"{name} {number}" for name, number in versions.items()) + "."
    )


def main() -> None:
    """Measure what is asked for, print the tables, and write them with the plot."""
    parts = {
        "build": build,
        "kernel": kernel,
        "job": job,
        "growth": growth,
        "size": size,
        "model": model,
        "steps": steps,
    }
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two minutes instead of twenty")
    parser.add_argument("--out", type=Path, default=Path("results/bench"), help="folder of inputs, tables and plot")
    parser.add_argument("--only", nargs="+", choices=parts, default=list(parts))
    parser.add_argument("--national", action="store_true", help="also 161,000 × 105,000 cells, half an hour more")
    arguments = parser.parse_args()
    folder = arguments.out.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    keep_freed_memory()  # as a job does; the peers profit as well
    texts = [show(machine() + "\n")]
    for name in arguments.only:
        more = {"national": arguments.national} if name == "size" else {}
        found = parts[name](folder, arguments.quick, **more)
        texts += [show(text) for text in found] if name == "size" else found
    (folder / "performance.md").write_text("\n".join(texts), encoding="utf-8")
    if "growth" in arguments.only:
        plot(json.loads((folder / "growth.json").read_text()), folder / "growth.png")
    print(f"written to {folder}/performance.md and growth.png")


if __name__ == "__main__":
    main()
