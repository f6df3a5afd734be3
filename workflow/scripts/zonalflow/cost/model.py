"""What a year's job costs: bytes to read and decompress, cells to reduce, numbers to write.

The constants were measured on one machine (docs/performance.md, which has measured runs beside what this predicts);
`make bench` measures them again. Times are CPU seconds of one process, memory is its peak.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass

# seconds
START = 0.25  # Python, numpy, rasterio, the index
OPEN = 1.2e-3  # a file
READ = {"plain": 0.5e-9, "deflated": 1.1e-9}  # a byte, once decompressed
SUMS, SUMS_COMPILED, SUMS_OF_WHOLE = 1.3e-9, 0.45e-9, 0.25e-9  # a cell of a zone
MOMENTS, EXTREMES = 3.0e-9, 1.5e-9
CLASSES, CLASSES_COMPILED = 3.6e-9, 1.3e-9
GATHERED = 50e-9  # of floats, whose order is wanted
ELEMENT = 30e-9  # a run of cells or a boundary cell, at each step
MAKE_ELEMENT = 60e-9  # the same, once for all steps
LOAD_LOOPS = 0.08
NUMBER, NUMBER_IN_SHAPEFILE = 0.05e-6, 0.3e-6  # a statistic of a zone and date
STEP = 0.4e-3  # a time step, whatever its size
SNAKEMAKE = 1.5  # around each job

# bytes
BASE = 70e6  # Python, numpy, rasterio
LOOPS = 65e6  # LLVM
CACHE = 32 << 20  # of GDAL
ELEMENT_BYTES = 30.0
STRIP_CELLS = 1 << 21
TOGETHER = 1 << 22  # cells of small rasters that are reduced together
COMPILED = 1 << 27  # cells of zones in a job from which on loops are compiled

_ORDERED = ("median", "percentile")
_COUNTED = ("majority", "minority", "unique", "categorical")


@dataclass(frozen=True)
class Year:
    """One job: a variable's year.

    Attributes:
        cells: of the rasters' part that is read, at one time step.
        zone_cells: those that lie in zones, a cell of two zones twice.
        zones: their number.
        steps: time steps.
        files: that are opened.
        item: bytes of a cell.
        whole: whether the cells are whole numbers of at most 16 bits.
        coverage: whether cells count by the fraction covered.
        deflated: whether the files are compressed.
        block_rows: rows that a file decompresses together.
        stats: names of statistics.
        shapefile: whether one is written.
    """

    cells: float
    zone_cells: float
    zones: float
    steps: int = 1
    files: int = 1
    item: int = 4
    whole: bool = False
    coverage: bool = False
    deflated: bool = True
    block_rows: int = 1
    stats: Collection[str] = ("mean",)
    shapefile: bool = False

    @property
    def runs(self) -> float:
        """The runs of cells: the rows of all zones, and the ends of tiles."""
        return 1.3 * math.sqrt(self.zone_cells * self.zones) + self.zone_cells / 512

    @property
    def boundary(self) -> float:
        """The boundary cells: what a zone's outline crosses."""
        return 5.2 * math.sqrt(self.zone_cells * self.zones) if self.coverage else 0.0

    @property
    def _is_compiled(self) -> bool:
        return self.zone_cells * self.steps >= COMPILED

    def _asks_for(self, names: Collection[str]) -> bool:
        return any(stat.startswith(tuple(names)) for stat in self.stats)

    @property
    def _each_cell(self) -> float:
        """The seconds to reduce a cell of a zone."""
        plain = not self._asks_for(("std", "variance", "cv", "min", "max", "range", "nodata", "nan"))
        compiled = SUMS_OF_WHOLE if self.whole else SUMS_COMPILED
        seconds = compiled if self._is_compiled and plain else SUMS
        if self._asks_for(("std", "variance", "cv")):
            seconds += MOMENTS
        if self._asks_for(("min", "max", "range")):
            seconds += EXTREMES
        if self._asks_for((*_ORDERED, *_COUNTED)):
            counted = CLASSES_COMPILED if self._is_compiled else CLASSES
            seconds += counted if self.whole else GATHERED
        return seconds

    @property
    def numbers(self) -> float:
        """The numbers that are written: the statistics, count and valid_fraction of each zone and date."""
        return self.zones * self.steps * (len(self.stats) + 2)

    @property
    def seconds(self) -> float:
        """CPU seconds of the job, without Snakemake's own."""
        read = self.cells * self.item * READ["deflated" if self.deflated else "plain"] * self.steps
        elements = self.runs + self.boundary
        reduce = self.zone_cells * self.steps * self._each_cell + elements * (MAKE_ELEMENT + ELEMENT * self.steps)
        write = self.numbers * (NUMBER + (NUMBER_IN_SHAPEFILE if self.shapefile else 0))
        fixed = START + self.files * OPEN + self.steps * STEP + (LOAD_LOOPS if self._is_compiled else 0)
        return fixed + read + reduce + write

    @property
    def bytes(self) -> float:
        """The peak memory of the job."""
        width = math.sqrt(self.cells * 2)  # grids of countries are wider than high
        strip = min(max(STRIP_CELLS, self.block_rows * width), self.cells)
        together = max(1.0, min(self.steps, TOGETHER / self.cells))  # time steps
        read = 2 * strip * together * self.item + min(CACHE, self.cells * self.item)
        work = 8 * min(strip, 1 << 17) * 4
        elements = (self.runs + self.boundary) * ELEMENT_BYTES
        if self._asks_for(("std", "variance", "cv")):
            elements += 24 * (self.runs + self.boundary) * together
        held = 0.0
        if self._asks_for(_ORDERED) and not self.whole:
            held = self.zone_cells * (self.item + 4) * 0.6
        table = self.numbers * 8 * 2  # once more while it is put together
        return BASE + (LOOPS if self._is_compiled else 0) + read + work + elements + held + table
