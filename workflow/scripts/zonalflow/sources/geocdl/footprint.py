"""Whether a raster lies on the grid of its dataset, and within the box that was asked for.

The server joins the dates of a request by their coordinates. One file whose header differs in a late digit makes it
send all dates on an interleaved grid of half as large cells, three quarters of them empty, with status 200.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zonalflow.common.errors import PermanentFetchError
from zonalflow.geometry.grid import Grid
from zonalflow.sources.catalogue.datasets import Dataset

_EDGE = 0.01  # of a cell: how far an edge may be off
_BEYOND = 2.0  # cells by which an answer may reach beyond the box: it grows to whole cells, and edges on a border


class ScrambledError(PermanentFetchError):
    """A raster is not on its dataset's grid; `dates` are those of its answer, which may come right one by one."""

    dates: Sequence[str] = ()


@dataclass(frozen=True)
class Footprint:
    """Where the rasters of an answer must lie: on the grid of a dataset, in a box (in the dataset's CRS)."""

    known: Dataset
    box: Sequence[float]

    def check(self, path: Path, grid: Grid) -> None:
        """Raise ScrambledError for a raster on another grid, or larger than what was asked for."""
        if fault := self._fault(grid):
            raise ScrambledError(
                f"{path.name} lies on a grid that is not its dataset's: {fault} ({grid.describe()}). "
                "The fault is in the server's answer, not in your configuration"
            )

    def _fault(self, grid: Grid) -> str | None:
        a, _, _, _, e, _ = grid.transform
        cell = self.known.cell
        for size in (a, abs(e)):
            if abs(size - cell) > self.known.tolerance * cell:
                return f"its cells measure {size:.10g}, and the dataset's {cell:.10g}"
        if (e > 0) != self.known.south_up:
            return f"its first row is the {'southern' if e > 0 else 'northern'}most, and the dataset's is not"
        west, south, east, north = self.box
        low, high = grid.bounds[:2], grid.bounds[2:]
        beyond = max(west - low[0], south - low[1], high[0] - east, high[1] - north)
        if beyond > _BEYOND * cell:
            return f"it reaches {beyond / cell:.4g} cells beyond the box that was asked for"
        if self.known.extent is None:
            return None
        return self._against_extent(grid, self.known.extent)

    def _against_extent(self, grid: Grid, extent: Sequence[float]) -> str | None:
        """Return what is wrong in relation to the whole grid, whose extent is known."""
        cell, (west, south, east, north) = self.known.cell, self.box
        apart = [(grid.bounds[0] - extent[0]) / cell, (extent[3] - grid.bounds[3]) / cell]
        off = max(abs(number - round(number)) for number in apart)
        if off > _EDGE:
            return f"its cells are {off:.3g} of a cell apart from the dataset's"
        inside = max(west, extent[0]), max(south, extent[1]), min(east, extent[2]), min(north, extent[3])
        low, high = grid.bounds[:2], grid.bounds[2:]
        lacking = max(low[0] - inside[0], low[1] - inside[1], inside[2] - high[0], inside[3] - high[1])
        return f"it lacks {lacking / cell:.4g} cells of the box that was asked for" if lacking > _EDGE * cell else None
