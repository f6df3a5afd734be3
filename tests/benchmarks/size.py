"""Large rasters, made and measured: what a year's job takes beside merely reading the same blocks, and how much memory.

Each measurement is a process of its own. CPU time counts all threads, and other work on the machine disturbs it least.
"""

import json
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from benchmarks import made
from benchmarks.measure import python, seconds, table

_TILED = {
    "driver": "GTiff",
    "compress": "deflate",
    "tiled": True,
    "blockxsize": 512,
    "blockysize": 512,
    "bigtiff": "YES",
}
_NATION = (-125.0, 24.0, -66.0, 50.0)  # west, south, east, north

#: Reads all blocks that hold cells of zones, or, with `stats`, reduces them as a year's job does.
_RUN = """
import time
import numpy as np
from zonalflow.common.memory import keep_freed_memory
from zonalflow.index.grids import IndexedGrid
from zonalflow.index.store import load_index
from zonalflow.rasters.read import TimeStep
from zonalflow.readers.opening import open_sources
from zonalflow.stats.parts import read_parts
from zonalflow.steps.zonal_stats import compute_year
what = json.loads(sys.argv[1])
index = load_index(what["index"])
where = IndexedGrid(index.grid, (0, 0), index, np.ones(index.n_zones))
steps = [TimeStep(f"{k:04d}", what["file"], k + 1, what.get("layer")) for k in range(what["steps"])]
if "files" in what:
    steps = [TimeStep(f"{k:04d}", what["files"][k % len(what["files"])]) for k in range(what["steps"])]
sources = open_sources(steps, lambda *_: where, nodata=what.get("nodata"))
keep_freed_memory()
start, began = time.process_time(), memory("VmRSS")
if what["stats"] is None:
    cells = sum(stored.values.size for part in read_parts(sources, []) for tile in part.tiles for stored in tile)
else:
    cells = sum(map(len, compute_year(sources, what["stats"], cells=len(steps) * int(index.members.sum())).dates))
result = {"spent": time.process_time() - start, "cells": cells}
with open("/proc/self/io") as file:
    result["read_mb"] = next(int(line.split()[1]) for line in file if line.startswith("rchar")) / 2**20
"""

#: Builds the index of n zones, or of the first few of them, and stores it.
_BUILD = """
import time
import numpy as np
from benchmarks import made
from zonalflow.geometry.grid import Grid
from zonalflow.index.build import build_index
from zonalflow.index.store import save_index
what = json.loads(sys.argv[1])
grid = Grid.from_dict(what["grid"])
zones = made.zones(what["zones"])[: what["first"]] if what["zones"] > 1 else np.array([made._OUTLINE])
start = time.process_time()
index = build_index(zones, grid, what["method"], weights=what["weights"])
result = {"spent": time.process_time() - start, "cells": float(index.n_cells.sum())}
save_index(index, what["index"])
"""


#: Does as `_RUN` by coverage with exactextract, the zones being in memory.
_EXACTEXTRACT = """
import time
import geopandas
from benchmarks import made
from exactextract import exact_extract
what = json.loads(sys.argv[1])
zones = geopandas.GeoDataFrame(geometry=made.zones(what["zones"]), crs=made.CRS)
start = time.process_time()
exact_extract(what["file"], zones, what["stats"], strategy="raster-sequential", output="pandas")
result = {"spent": time.process_time() - start}
"""


def grid_of(width: int, height: int):
    """Return a grid of so many cells over the contiguous states."""
    from zonalflow.geometry.grid import Grid

    west, south, east, north = _NATION
    return Grid(made.CRS, ((east - west) / width, 0.0, west, 0.0, (south - north) / height, north), width, height)


def write(path: Path, width: int, height: int, kind: str) -> Path:
    """Write a uint8 raster of classes, in patches of 1 to 60 cells and noisy in a quarter of its tiles."""
    if path.exists():
        return path
    grid, rng = grid_of(width, height), np.random.default_rng(1)
    options = dict(_TILED, driver="GTiff", width=width, height=height, count=1, dtype="uint8", crs=grid.crs, nodata=255)
    if kind == "masked":
        del options["nodata"]
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(path, "w", transform=Affine(*grid.transform), **options) as dataset,
    ):
        patches = np.repeat(np.repeat(rng.integers(0, 20, (9, 300), np.uint8), 60, axis=0), 70, axis=1)[:512]
        noisy = rng.integers(0, 20, (512, 512), np.uint8)
        for row in range(0, height, 512):
            for column in range(0, width, 512):
                window = rasterio.windows.Window(column, row, min(512, width - column), min(512, height - row))
                block = noisy if rng.random() < 0.25 else patches[:, (shift := rng.integers(20_000)) : shift + 512]
                dataset.write(block[: window.height, : window.width], 1, window=window)
                if kind == "masked":
                    dataset.write_mask(block[: window.height, : window.width] != 3, window=window)
        if kind == "scaled":
            dataset.scales, dataset.offsets = [0.5], [3.0]
    return path


def stored_index(folder: Path, grid, zones: int, *, method="center", weights=None, first: int | None = None) -> str:
    """Return the folder of an index of zones, built in a process of its own if it is not there."""
    where = folder / f"index_{grid.width}_{zones}_{first}_{method}_{weights}"
    if not where.exists():
        what = {"grid": grid.to_dict(), "zones": zones, "first": first, "method": method, "weights": weights}
        python(_BUILD, json.dumps({**what, "index": str(where)}))
    return str(where)


def run(file: Path, index: str, stats: list[str] | None, steps: int = 1, **more) -> dict:
    """Return the seconds of CPU, the peak memory and the megabytes read of one job."""
    return python(_RUN, json.dumps({"file": str(file), "index": index, "stats": stats, "steps": steps, **more}))


def size(folder: Path, quick: bool, national: bool = False) -> list[str]:
    """Measure large rasters: time as a multiple of reading, peak memory, and what is read."""
    width = height = 4000 if quick else 20_000
    cases: list[tuple[str, str, dict, list[str]]] = [
        ("mean", "plain", {}, ["mean"]),
        ("mean, scaled", "scaled", {}, ["mean"]),
        ("mean, masked", "masked", {}, ["mean"]),
        ("mean, weights: area", "plain", {"weights": "area"}, ["mean"]),
        ("mean, coverage", "plain", {"method": "coverage"}, ["mean"]),
        ("std", "plain", {}, ["std"]),
        ("categorical and majority", "plain", {}, ["categorical", "majority"]),
        ("three small zones, mean", "plain", {"first": 3}, ["mean"]),
    ]
    rows = []
    for name, kind, options, stats in cases:
        file = write(folder / f"classes_{width}_{kind}.tif", width, height, kind)
        rows.append(
            _row(f"{width}², {name}", file, stored_index(folder, grid_of(width, height), 3109, **options), stats)
        )
    if national:
        file = write(folder / "classes_nation.tif", 161_000, 105_000, "plain")
        index = stored_index(folder, grid_of(161_000, 105_000), 3109)
        rows.append(_row("161,000 × 105,000, categorical and majority", file, index, ["categorical", "majority"]))
    head = ["raster and statistics", "CPU time", "× reading", "peak memory", "reading alone", "read", "file"]
    large = table("Large rasters of classes (uint8, deflated tiles of 512)", head, rows)
    return [large, _beside_exactextract(folder, width)]


def _beside_exactextract(folder: Path, width: int) -> str:
    """Return the table of means and classes by coverage, with the index built before and with building it."""
    file = write(folder / f"classes_{width}_plain.tif", width, width, "plain")
    grid = grid_of(width, width)
    index, building = stored_index(folder, grid, 3109, method="coverage"), {"grid": grid.to_dict(), "zones": 3109}
    what = {**building, "first": None, "method": "coverage", "weights": None, "index": str(folder / "index_timed")}
    built = python(_BUILD, json.dumps(what))["spent"]
    rows = []
    for name, stats, peer in (
        ("mean", ["mean"], ["mean"]),
        ("classes", ["categorical", "majority"], ["frac", "unique"]),
    ):
        ours = run(file, index, stats)["spent"]
        theirs = python(_EXACTEXTRACT, json.dumps({"file": str(file), "zones": 3109, "stats": peer}))["spent"]
        ratios = f"{theirs / ours:.1f}", f"{theirs / (ours + built):.1f}"
        rows.append([name, seconds(ours), seconds(built), seconds(theirs), *ratios])
    head = ["statistics", "zonalflow", "building the index", "exactextract", "×", "× with the index built"]
    return table(f"{width}² by coverage, CPU time", head, rows)


def _row(name: str, file: Path, index: str, stats: list[str]) -> list[str]:
    reading, both = run(file, index, None), run(file, index, stats)
    mb = file.stat().st_size / 2**20
    return [
        name, seconds(both["spent"]), f"{both['spent'] / reading['spent']:.2f}", f"{both['peak_mb']:.0f} MB",
        f"{seconds(reading['spent'])}, {reading['peak_mb']:.0f} MB", f"{both['read_mb']:.0f} MB", f"{mb:.0f} MB",
    ]  # fmt: skip
