"""Where the short steps run: the estimate of their time and memory, and its limits.

On a busy cluster each job waits in the queue, one step after the other. While a study is small, its short steps
(prepare, index, combine, manifest, maps, report) therefore run in the process that controls the run, and only the years
wait, once. The estimate is made before anything of the study exists. Its factors were measured on 3,108 counties and on
6,502 tracts (docs/performance.md), rounded up; that it is right within a factor of two is enough.
"""

import math
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from zonalflow.sources.catalogue import datasets
from zonalflow.sources.catalogue.census import needs_state
from zonalflow.study.study import Study

# A login node is shared: larger work belongs in jobs.
MOST_SECONDS = 300.0  # of one processor, all short steps together
MOST_MEMORY = 2000.0  # MB, of the largest of them

# The Census Bureau's files at 1:500,000, in MB (of the nation, or of a state), and the zones in them
_CENSUS: dict[str, tuple[float, float]] = {
    "state": (6, 56), "county": (22, 3300), "cbsa": (16, 940), "csa": (10, 180), "cd": (14, 450),
    "zcta": (130, 33800), "tract": (6, 1700), "bg": (9, 4700),
}  # fmt: skip
_FINER = {"500k": 1.0, "5m": 0.25, "20m": 0.1}  # the size at other scales
_DATES = {"annual": 1, "monthly": 12, "daily": 366, "hourly": 8784, "native": 8784}
_DEGREE = {"4km": 24.0, "800m": 120.0}  # PRISM's cells in a degree
_METRES = 111_320  # in a degree
_NATION = (-125.0, 24.0, -66.0, 50.0)


@dataclass(frozen=True)
class Size:
    """What the estimate rests on: the zones in MB and number, cells of the grid, dates of a year, MB of rasters."""

    zones_mb: float
    zones: float
    cells: float
    dates: int
    years: int
    rasters_mb: float = 0.0

    @property
    def seconds(self) -> float:
        """The time of all short steps on one processor, in seconds: 2 s each to start, and what they do."""
        rows = self.zones * self.dates * self.years
        prepare = 2 + 0.3 * self.zones_mb
        index = 2 + 0.3 * self.zones_mb + 2e-8 * self.cells
        combine = 2 + 0.05 * self.years + 1e-5 * rows
        manifest = 2 + 0.01 * self.years + 0.005 * self.rasters_mb
        maps = 2 + self.years * (0.4 + 0.1 * self.zones_mb)
        report = 3 + 0.3 * self.zones_mb + 5e-6 * rows
        return prepare + index + combine + manifest + maps + report

    @property
    def memory(self) -> float:
        """The memory of the largest step, in MB: geometries in Python, or the rows of a year in a table."""
        return 250 + max(20 * self.zones_mb, 1e-3 * self.zones * self.dates)


def size_of(study: Study) -> Size:
    """Return the size of a study, from its configuration and the files that are there."""
    zones_mb, zones = _zones(study)
    cells, raster_mb = _grid(study)
    years = len(study.years) * len(study.variables)
    return Size(zones_mb, zones, cells, _DATES[study.raster["grain"]], years, raster_mb * years)


def steps_here(study: Study) -> bool:
    """Return whether the short steps run in the process that controls the run, rather than as jobs of a cluster."""
    where = study.config["steps"]["where"]
    if where != "auto":
        return bool(where == "here")
    size = size_of(study)
    return size.seconds <= MOST_SECONDS and size.memory <= MOST_MEMORY


def description(study: Study) -> str:
    """Return where the steps of a study run on a cluster, for the head of a run and of a preview."""
    size = size_of(study)
    short = "prepare, index, combine, manifest, maps and report"
    estimate = f"estimated {size.seconds:.0f} s and {size.memory:.0f} MB"
    if steps_here(study):
        return f"{short} here ({estimate}), each year as a SLURM job"
    return f"{short} as SLURM jobs ({estimate}), as each year"


def _zones(study: Study) -> tuple[float, float]:
    """Return the size of the zones in MB without compression, and their number: at least 300 bytes each."""
    zones = study.zones
    if zones["source"] == "census" and zones["geography"] in _CENSUS:
        megabytes, number = _CENSUS[zones["geography"]]
        by_state = needs_state(zones["year"], zones["geography"]) or zones["geography"] in ("tract", "bg")
        files = (len(zones["states"] or []) or 51) if by_state else 1
        return megabytes * files * _FINER[zones["resolution"]], number * files
    path = Path(zones.get("path") or "")
    with suppress(OSError, zipfile.BadZipFile):
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                megabytes = sum(member.file_size for member in archive.infolist()) / 1e6
        else:
            megabytes = path.stat().st_size / 1e6
        return megabytes, megabytes * 1e6 / 300
    return math.inf, math.inf  # a folder, or nothing that can be measured


def _grid(study: Study) -> tuple[float, float]:
    """Return the cells of the grid, and the MB of one year's rasters where they are the user's own files."""
    if study.raster["source"] == "local":
        sizes = [Path(path).stat().st_size for path in study.rasters(*study.year_keys[0]) if Path(path).is_file()]
        return float(max(sizes, default=0)), sum(sizes) / 1e6  # compressed, a cell takes a byte or more
    known = datasets.DATASETS.get(str(study.raster["dataset"])) if study.raster["source"] == "geocdl" else None
    west, south, east, north = study.bbox or (known.extent if known else None) or _NATION
    if known and known.crs:  # cells in metres
        area = (east - west) * math.cos(math.radians((south + north) / 2)) * (north - south) * _METRES**2
        return area / known.cell**2, 0.0
    cell = known.cell if known else 1 / _DEGREE.get(str(study.raster["resolution"]), 24.0)
    return (east - west) * (north - south) / cell**2, 0.0
