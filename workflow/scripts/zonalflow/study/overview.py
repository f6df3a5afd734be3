"""A study in a few lines: what it asks for, what it will cost before anything of it exists, and its jobs' resources.

It rests on the size of the study (:func:`zonalflow.study.where.size_of`) and on :mod:`zonalflow.cost.model`. No request
is sent: the grid of rasters that are still to be fetched follows from the box and the dataset's cell size.
"""

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from zonalflow.common.dates import format_years
from zonalflow.common.errors import ZonalflowError
from zonalflow.common.text import count_of
from zonalflow.cost.model import SNAKEMAKE, Year
from zonalflow.study.study import Study
from zonalflow.study.where import Size, size_of

# The defaults of the profiles; a job that needs no more does not set its own resources.
MEMORY, MINUTES = 2000, 30
_ROOM = 1.5  # times the predicted memory, to which Snakemake's own is added
_SNAKEMAKE_MB = 150
_SLOW = 4.0  # a busy file system, an older processor
_IN_ZONES = 0.75  # of a grid's cells
_BLOCK = 256  # rows that a file decompresses together
_DATES_OF_UNKNOWN = 366
_FLOAT = 4  # bytes of a cell, where no file tells
_COMPRESSED = {"geocdl": 0.9, "prism": 0.35}  # of what is downloaded

Resources = dict[str, Callable[..., int]]


def year_of(study: Study, size: Size) -> Year | None:
    """Return what the job of one variable and year reads and writes; None where the study's size is not known."""
    if not math.isfinite(size.cells + size.zones):
        return None
    dates = min(size.dates, _DATES_OF_UNKNOWN) if study.raster["grain"] == "native" else size.dates
    year = Year(
        cells=max(size.cells, 1.0),
        zone_cells=max(_IN_ZONES * size.cells, 1.0),
        zones=size.zones,
        steps=dates,
        files=dates,
        item=_FLOAT,
        coverage=study.config["method"] == "coverage",
        block_rows=_BLOCK,
        stats=study.config["stats"],
        shapefile="shp" in study.formats,
        whole="categorical" in study.config["stats"],
    )
    if study.raster["source"] != "local":
        return year
    with suppress(ZonalflowError, OSError, ValueError):  # the checks of the inputs report what is wrong
        return _as_its_files(study, year)
    return year


def _as_its_files(study: Study, year: Year) -> Year:
    """Return the job of the first year with what the headers of the user's own files say."""
    import numpy as np

    from zonalflow.geometry.box import box_window
    from zonalflow.rasters.read import file_grid, open_raster
    from zonalflow.timeline.time_steps import time_steps_of_year

    variable, first_year = study.year_keys[0]
    steps = time_steps_of_year(study.value_keys, study.rasters(variable, first_year), variable, first_year)
    grid, _ = file_grid(steps[0], study.raster["crs"])
    row0, row1, col0, col1 = box_window(grid, study.bbox)
    cells = float((row1 - row0) * (col1 - col0))
    files = len({step.path for step in steps})
    year = replace(year, cells=cells, zone_cells=_IN_ZONES * cells, steps=len(steps), files=files)
    if steps[0].layer is not None:
        return year
    with open_raster(steps[0].path) as dataset:
        dtype = np.dtype(dataset.dtypes[0])
        return replace(
            year,
            item=dtype.itemsize,
            whole=dtype.kind in "iu" and dtype.itemsize <= 2,
            block_rows=dataset.block_shapes[0][0],
            deflated=dataset.compression is not None,
        )


def resources_of_year(study: Study) -> Resources:
    """Return what the job of a year asks for, if that is more than the profiles' defaults, by the resource's name."""
    year = year_of(study, size_of(study))
    return {} if year is None else _beyond_defaults(_ROOM * year.bytes / 2**20 + _SNAKEMAKE_MB, year.seconds)


def resources_of_steps(study: Study) -> Resources:
    """Return what the short steps ask for, where they are jobs and need more than the defaults."""
    size = size_of(study)
    known = math.isfinite(size.memory + size.seconds)
    return _beyond_defaults(_ROOM * size.memory + _SNAKEMAKE_MB, size.seconds) if known else {}


def _beyond_defaults(megabytes: float, seconds: float) -> Resources:
    """Return the resources that exceed the defaults; each attempt gets as much again."""
    found: Resources = {}
    for name, needed, default in (
        ("mem_mb", math.ceil(megabytes / 100) * 100, MEMORY),
        ("runtime", math.ceil(_SLOW * seconds / 60), MINUTES),
    ):
        if needed > default:
            found[name] = _times_attempt(needed)
    return found


def _times_attempt(needed: int) -> Callable[..., int]:
    return lambda wildcards, attempt: needed * attempt


def forecast(study: Study) -> str:
    """Return how many jobs of years there are and what each takes, and what is still to be downloaded."""
    size = size_of(study)
    year = year_of(study, size)
    if year is None:
        return "unknown: the zones cannot be measured"
    n = len(study.year_keys)
    each = f"{count_of(n, 'job')} of about {_seconds(year.seconds + SNAKEMAKE)} and {_bytes(year.bytes)}"
    return "; ".join(filter(None, [each, _to_download(study, size)]))


def _to_download(study: Study, size: Size) -> str:
    share = _COMPRESSED.get(study.raster["source"])
    if share is None:
        return ""
    missing = sum(not Path(study.receipt(*key)).exists() for key in study.year_keys)
    return f"{_bytes(missing * size.dates * size.cells * _FLOAT * share)} to download" if missing else ""


def _seconds(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def _bytes(number: float) -> str:
    for unit, one in (("TB", 1e12), ("GB", 1e9)):
        if number >= one:
            return f"{number / one:.1f} {unit}"
    return f"{max(1, round(number / 1e6))} MB" if number < 1e7 else f"{round(number / 1e7) * 10} MB"


def describe_study(study: Study) -> str:
    """Return the study in a few lines, for the head of a run and of a preview."""
    raster, zones = study.raster, study.zones
    if zones["source"] == "census":
        polygons = f"Census {zones['geography']} boundaries {zones['year']}, {zones['resolution']}"
    else:
        polygons = zones["path"]
    cells = {
        "geocdl": f"{raster['dataset']} from GeoCDL ({raster['url']})",
        "prism": f"PRISM {raster['resolution']} from its own web service",
        "local": f"local files, {raster.get('path')}",
        "demo": "synthetic demo rasters on PRISM's grid",
    }[raster["source"]]
    box = "west {:g}, south {:g}, east {:g}, north {:g}".format(*study.bbox) if study.bbox else "the whole grid"
    weights = study.config["weights"]
    rows = {
        "run": study.run,
        "years": f"{format_years(study.years)} ({len(study.years)}), {raster['grain']}"
        + (f", months {', '.join(map(str, raster['months']))}" if raster["months"] else ""),
        "box": box,
        "zones": f"{polygons}, by {zones['id']}",
        "rasters": f"{', '.join(study.variables)}: {cells}",
        "statistics": f"{', '.join(study.config['stats'])}; method {study.config['method']}"
        + (f", cells covered by {least:g} or more" if (least := study.config["min_coverage"]) else "")
        + ("" if weights == "none" else f", weights {weights if weights == 'area' else weights['path']}"),
        "estimate": forecast(study),
        "results": f"{study.results}/   logs: {study.logs}/",
    }
    return "\n".join(f"  {name:<11}{text}" for name, text in rows.items())
