"""The engines under measurement, each as a function of (raster files, zones, statistics) → nothing."""

import itertools
import math
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import rasterio
import shapely

from zonalflow.geometry.grid import Grid
from zonalflow.index.build import build_index
from zonalflow.index.grids import IndexedGrid
from zonalflow.index.zone_index import ZoneIndex
from zonalflow.rasters.read import TimeStep
from zonalflow.readers.opening import open_sources
from zonalflow.steps.zonal_stats import compute_year


@dataclass
class Case:
    """Rasters on one grid, zones, and what is asked of them."""

    name: str
    grid: Grid
    files: list[str]
    zones: np.ndarray
    stats: list[str]

    @cached_property
    def frame(self):
        """The zones as a GeoDataFrame, made before any clock runs."""
        import geopandas

        return geopandas.GeoDataFrame({"zone": np.arange(len(self.zones))}, geometry=self.zones, crs=self.grid.crs)

    @cached_property
    def indices(self) -> dict[str, ZoneIndex]:
        """An index for each method, made before any clock runs."""
        return {method: build_index(self.zones, self.grid, method) for method in ("center", "coverage")}


def read(case: Case) -> None:
    """Merely read the rasters."""
    for file in case.files:
        with rasterio.open(file) as dataset:
            dataset.read(1)


def apply(case: Case, method: str, index: ZoneIndex | None = None) -> None:
    """Read the rasters where the index needs them, and reduce them over its zones, as a year's job does."""
    index = index or case.indices[method]
    where = IndexedGrid(case.grid, (0, 0), index, np.ones(index.n_zones))
    steps = [TimeStep(f"{k:04d}", file) for k, file in enumerate(case.files)]
    # a file that is read twice in a row would be opened once for both
    sources = itertools.chain.from_iterable(open_sources([step], lambda *_: where) for step in steps)
    compute_year(sources, case.stats, cells=len(steps) * math.prod(index.shape))


def build_and_apply(case: Case, method: str) -> None:
    """Do it all."""
    apply(case, method, build_index(case.zones, case.grid, method))


def extractrs(case: Case, method: str, cache=None) -> None:
    """extractrs: a Rust kernel with a cache of coverage, for xarray; here called without xarray."""
    import extractrs

    cache = cache or extractrs_cache(case, method)
    for file in case.files:
        with rasterio.open(file) as dataset:
            values, nodata = dataset.read(1), dataset.nodata
        values = values.astype(np.float64)
        for stat in case.stats:
            extractrs.apply_stat(cache, values, nodata, {"std": "stdev"}.get(stat, stat))


def extractrs_cache(case: Case, method: str):
    import extractrs

    a, e = case.grid.transform[0], abs(case.grid.transform[4])
    wkb = shapely.to_wkb(case.zones).tolist()
    how = {"center": "center", "coverage": "exact"}[method]
    return extractrs.build_cache(wkb, list(range(len(wkb))), *case.grid.bounds, a, e, how)


def exactextract(case: Case) -> None:
    """exactextract with the strategy that is the faster one for many zones."""
    from exactextract import exact_extract

    stats = [{"std": "stdev"}.get(stat, stat) for stat in case.stats]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for file in case.files:
            exact_extract(file, case.frame, stats, strategy="raster-sequential", output="pandas")


def rasterstats(case: Case, *, from_array: bool) -> None:
    """rasterstats on the file, as in the tutorial, or on an array that holds it, which is faster."""
    from rasterstats import zonal_stats

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for file in case.files:
            with rasterio.open(file) as dataset:
                values, transform, nodata = dataset.read(1), dataset.transform, dataset.nodata
            source = {"raster": values, "affine": transform, "nodata": nodata} if from_array else {"raster": file}
            zonal_stats(case.zones.tolist(), stats=case.stats, **source)


def gdal_program() -> str | None:
    """Return the path of a `gdal` program that knows `raster zonal-stats` (3.12), or None."""
    program = shutil.which("gdal")
    if program and not subprocess.run([program, "raster", "zonal-stats", "--help"], capture_output=True).returncode:
        return program
    return None


def gdal(case: Case, method: str) -> None:
    """`gdal raster zonal-stats`, a process a raster."""
    how = {"center": "default", "coverage": "fractional"}[method]
    with tempfile.TemporaryDirectory() as folder:
        zones = Path(folder) / "zones.gpkg"
        case.frame.to_file(zones)
        for file in case.files:
            out = Path(folder) / "out.csv"
            command = [gdal_program(), "raster", "zonal-stats", "--zones", zones, "--pixels", how, "--overwrite"]
            stats = [part for stat in case.stats for part in ("--stat", {"std": "stddev"}.get(stat, stat))]
            subprocess.run([*command, *stats, file, out], check=True, capture_output=True)


def peers(case: Case, *, slow: bool) -> dict[str, Callable[[], object]]:
    """Return the engines that are installed and can do the case, by the name that the table shows."""
    engines: dict[str, Callable[[], object]] = {
        "reading alone": lambda: read(case),
        "zonalflow, center": lambda: apply(case, "center"),
        "zonalflow, coverage": lambda: apply(case, "coverage"),
        "zonalflow, center, index built": lambda: build_and_apply(case, "center"),
        "zonalflow, coverage, index built": lambda: build_and_apply(case, "coverage"),
    }
    try:
        import extractrs as _  # noqa: F401
    except ImportError:
        pass
    else:
        if "median" not in case.stats:  # it has none
            caches = {method: extractrs_cache(case, method) for method in ("center", "coverage")}
            engines |= {
                "extractrs, center": lambda: extractrs(case, "center", caches["center"]),
                "extractrs, coverage": lambda: extractrs(case, "coverage", caches["coverage"]),
                "extractrs, center, cache built": lambda: extractrs(case, "center"),
                "extractrs, coverage, cache built": lambda: extractrs(case, "coverage"),
            }
    if gdal_program():
        engines |= {
            "GDAL, center": lambda: gdal(case, "center"),
            "GDAL, coverage": lambda: gdal(case, "coverage"),
        }
    if slow:
        engines |= {
            "exactextract, coverage": lambda: exactextract(case),
            "rasterstats on an array, center": lambda: rasterstats(case, from_array=True),
            "rasterstats on the file, center": lambda: rasterstats(case, from_array=False),
        }
    return engines
