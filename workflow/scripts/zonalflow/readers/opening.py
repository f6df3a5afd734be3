"""Opening the files of a year's time steps, each once, as raster sources."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from zonalflow.common.errors import RasterError
from zonalflow.geometry.grid import Grid
from zonalflow.rasters.arrays import open_array
from zonalflow.rasters.nodata import Nodata, warn_of_nodata
from zonalflow.rasters.read import TimeStep, gdal_options, open_raster
from zonalflow.rasters.unreadable import check_unchanged
from zonalflow.readers.arrays import ArraySource
from zonalflow.readers.files import FileSource
from zonalflow.readers.source import RasterSource

Where = TypeVar("Where")
Log = Callable[[str], None]


def _silent(_: str) -> None: ...


def open_sources(
    time_steps: list[TimeStep],
    find_grid: Callable[[Grid, TimeStep], Where],
    *,
    crs: str | None = None,
    nodata: Nodata = None,
    log: Log = _silent,
) -> Iterator[tuple[RasterSource, Where]]:
    """Yield each file of some time steps, in order, and where it meets the zones; it stays open until the next.

    Args:
        time_steps: what is to be read; those of one file that follow each other share a source.
        find_grid: called with the whole grid of a file and its first time step, returns the
            :class:`zonalflow.index.grids.IndexedGrid` on which it meets the zones, or raises GridError.
        crs: used for files that have none.
        nodata: as configured: a stored value, ``"none"`` (every value counts), None (the file must declare it) or
            :data:`zonalflow.rasters.nodata.DECLARED`.
        log: takes a line of warning, once for each type of data that cannot hold the configured nodata value.

    Raises:
        RasterError: for a file that is missing or unreadable; the message has the date.
    """
    warned: set[str] = set()
    with gdal_options():
        for _, group in itertools.groupby(time_steps, key=lambda step: (step.path, step.layer, step.select)):
            steps = list(group)
            with _open(steps, crs, nodata) as source:
                with dated(steps[0]):
                    where = find_grid(source.grid, steps[0])
                    _warn(source, nodata, warned, log)
                yield source, where


@contextmanager
def _open(steps: list[TimeStep], crs: str | None, nodata: Nodata) -> Iterator[RasterSource]:
    first = steps[0]
    with dated(first):
        check_unchanged(first.path, first.date, first.sha256)
        if first.layer is None:
            with open_raster(first.path, fetched=first.sha256 is not None) as dataset:
                yield FileSource(dataset, steps, crs, nodata)
        else:
            with open_array(first.path, first.layer, first.select) as array:
                yield ArraySource(array, steps, crs, nodata)


def _warn(source: RasterSource, nodata: Nodata, warned: set[str], log: Log) -> None:
    """Log once for each type that the configured nodata value cannot occur in it."""
    if isinstance(source, ArraySource) and source.array.packing.resigned:
        return
    dtype = str(source.dtype)
    if dtype not in warned and (warning := warn_of_nodata(nodata, dtype, source.steps[0].path)):
        log(warning)
        warned.add(dtype)


@contextmanager
def dated(time_step: TimeStep) -> Iterator[None]:
    """Put a time step's date before a message that names only its file."""
    try:
        yield
    except RasterError as error:
        if time_step.date in str(error):
            raise
        raise type(error)(f"{time_step.date}: {error}") from error
