"""The cost model beside measured jobs: a process each, its CPU time and peak memory."""

from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import table

from zonalflow.cost.model import Year

SEVEN = ["mean", "min", "max", "sum", "count", "std", "median"]
_FOUR_KM = {"cells": 571 * 1375, "zone_cells": 436_000, "zones": 3109, "deflated": False}
_800_M = {"cells": 2855 * 6875, "zone_cells": 10_900_000, "zones": 3109, "deflated": False}
_LARGE = {
    "cells": 252e6, "zone_cells": 172e6, "zones": 3109, "item": 1, "whole": True, "block_rows": 512,
}  # fmt: skip

#: Each measured job: how it is called in docs/performance.md, and what the model takes.
YEARS = {
    "Florida, 1 raster, shapefile": Year(205 * 157, 11_000, 86, deflated=False, shapefile=True),
    "4 km, 1 raster, shapefile": Year(**_FOUR_KM, shapefile=True),
    "4 km, 365 rasters": Year(**_FOUR_KM, steps=365, files=365),
    "4 km, 365 rasters, shapefile": Year(**_FOUR_KM, steps=365, files=365, shapefile=True),
    "800 m, 1 raster": Year(**_800_M),
    "800 m, 1 raster, 7 statistics": Year(**_800_M, stats=SEVEN),
    "20,000², mean": Year(**_LARGE),
    "20,000², mean, coverage": Year(**_LARGE, coverage=True),
    "20,000², std": Year(**_LARGE, stats=["std"]),
    "20,000², categorical and majority": Year(**_LARGE, stats=["categorical", "majority"]),
}

#: What grows beyond one machine: years, and the job of one.
BEYOND = {
    "45 years of daily 800 m, 83,000 tracts": (45, Year(2855 * 6875, 10_900_000, 83_000, steps=365, files=365)),
    "15 years of 30 m classes, 3,109 counties": (
        15, Year(12.2e9, 9e9, 3109, item=1, whole=True, block_rows=512, stats=["categorical", "majority"]),
    ),
    "8 years of 10 m composites every 16 days, 3,109 counties": (
        8, Year(110e9, 81e9, 3109, steps=23, files=23, item=2, whole=True, block_rows=512),
    ),
}  # fmt: skip
_ROW = 1e-5  # seconds, in the combined tables


def beyond() -> str:
    """Return what studies that no machine holds would take, by the model."""
    rows = []
    for name, (years, year) in BEYOND.items():
        total = years * year.seconds
        rows.append([
            name, f"{years}", f"{year.seconds / 60:.1f} min, {year.bytes / 2**30:.1f} GB",
            f"{years * year.cells * year.item * year.steps / 1e12:.2f} TB", f"{total / 3600:.1f} h",
            *(f"{max(year.seconds, total / cores) / 60:.1f} min" for cores in (100, 10_000)),
            f"{(lines := year.zones * year.steps * years) * 1e-6:.1f} M rows, {lines * _ROW / 60:.0f} min",
        ])  # fmt: skip
    head = ["study", "jobs", "a job", "cells read", "CPU time", "100 cores", "10,000 cores", "combined table"]
    return table("Beyond one machine, by the model", head, rows)


def compare(measured: dict[str, Callable[[], dict]]) -> str:
    """Return the table of measured and predicted jobs; each function measures one and returns ``cpu``, ``peak_mb``."""
    rows = []
    for name, measure in measured.items():
        runs, year = [measure() for _ in range(3)], YEARS[name]
        cpu, peak = sorted(run["cpu"] for run in runs)[1], sorted(run["peak_mb"] for run in runs)[1]
        rows.append([name, f"{cpu:.2f} s", f"{year.seconds:.2f} s", f"{peak:.0f} MB", f"{year.bytes / 2**20:.0f} MB"])
    head = ["job", "CPU time", "predicted", "peak memory", "predicted memory"]
    return table("The cost model beside measured jobs", head, rows)


def cases(folder: Path, prepared_job: Callable, job_code: str, rasters: Callable) -> dict[str, Callable[[], dict]]:
    """Return how each of :data:`YEARS` is measured."""
    from benchmarks import size
    from benchmarks.measure import python

    def as_job(grid: str, n: int, formats: list[str]) -> Callable[[], dict]:
        arguments, where = prepared_job(folder, grid, n, formats)
        return lambda: python(job_code, arguments, folder=where)

    def large(stats: list[str], method: str = "center") -> Callable[[], dict]:
        grid = size.grid_of(20_000, 20_000)
        file = size.write(folder / "classes_20000_plain.tif", 20_000, 20_000, "plain")
        index = size.stored_index(folder, grid, 3109, **({} if method == "center" else {"method": method}))
        return lambda: size.run(file, index, stats)

    fine = rasters(folder, "800 m", 1)[0]
    from benchmarks import made

    fine_index = size.stored_index(folder, made.GRIDS["800 m"], 3109)
    return {
        "Florida, 1 raster, shapefile": as_job("Florida", 1, ["shp"]),
        "4 km, 1 raster, shapefile": as_job("4 km", 1, ["shp"]),
        "4 km, 365 rasters": as_job("4 km", 365, []),
        "4 km, 365 rasters, shapefile": as_job("4 km", 365, ["shp"]),
        "800 m, 1 raster": as_job("800 m", 1, []),
        "800 m, 1 raster, 7 statistics": lambda: size.run(fine, fine_index, SEVEN),
        "20,000², mean": large(["mean"]),
        "20,000², mean, coverage": large(["mean"], "coverage"),
        "20,000², std": large(["std"]),
        "20,000², categorical and majority": large(["categorical", "majority"]),
    }
