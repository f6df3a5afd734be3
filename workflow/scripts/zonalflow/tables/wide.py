"""The wide table: a row for each zone and a column for each date, for spreadsheets."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zonalflow.common.columns import INSIDE, QUALITY
from zonalflow.common.files import atomic_path
from zonalflow.tables.tidy import Layout
from zonalflow.tables.year_table import column_rows, load_year

if TYPE_CHECKING:
    import pyarrow

_BATCH_NUMBERS = 1 << 20  # that are turned into text together


def write_wide(path: Path, year_tables: Sequence[tuple[str, int, Path]], layout: Layout) -> None:
    """Write the wide CSV ``path``: the zone's describing columns, ``inside_fraction``, then the statistics.

    A column is called by its date, and by ``<variable>_<statistic>_<date>`` when the study has several variables or
    statistics. The quality columns are left out unless they are the statistics asked for.

    The numbers come year by year, but a row needs all years. So they are transposed on the disk, in a scratch file
    beside the table, and memory does not grow with the years.

    Args:
        path: the file to write.
        year_tables: variable, year and path of each year table, in the order of the columns.
        layout: of the study's tables.

    Raises:
        RasterError: for a damaged year table.
    """
    with atomic_path(path) as temporary, read_wide(path.parent, year_tables, layout) as table:
        _write_rows(temporary, table.numbers, _schema(table.names, table.stats, layout), layout)


@dataclass(frozen=True)
class WideTable:
    """The numbers [n_zones, n_columns] of all dates, with their columns' names, and the statistics that they repeat."""

    names: list[str]
    stats: list[str]
    numbers: np.ndarray
    by_date_alone: bool


@contextmanager
def read_wide(folder: Path, year_tables: Sequence[tuple[str, int, Path]], layout: Layout) -> Iterator[WideTable]:
    """Yield the wide table, whose numbers lie in a scratch file in ``folder`` for as long."""
    stats = [name for name in layout.columns if name not in QUALITY] or ["count"]
    by_date_alone = len(stats) == 1 and len({variable for variable, _, _ in year_tables}) == 1
    names = _column_names(year_tables, stats, layout, by_date_alone)
    with tempfile.TemporaryFile(dir=folder) as scratch:
        shape = (max(len(layout.inside), 1), len(names))
        numbers = np.memmap(scratch, np.float64, "w+", shape=shape)
        _fill(numbers[: len(layout.inside)], year_tables, stats)
        yield WideTable(names, stats, numbers, by_date_alone)
        del numbers  # before its file


def _column_names(
    year_tables: Sequence[tuple[str, int, Path]], stats: list[str], layout: Layout, by_date_alone: bool
) -> list[str]:
    dates = [(variable, date) for variable, _, path in year_tables for date in load_year(path, only=()).dates]
    return [
        date if by_date_alone else f"{variable}_{layout.names[stat]}_{date}"
        for variable, date in dates
        for stat in stats
    ]


def _schema(names: list[str], stats: list[str], layout: Layout) -> "pyarrow.Schema":
    import pyarrow

    whole = {stat: np.issubdtype(layout.columns[stat], np.integer) for stat in stats}
    types = [pyarrow.int64() if whole[stat] else pyarrow.float64() for stat in stats]
    fields = [layout.zone_field(name) for name in layout.zones]
    fields.append(pyarrow.field(INSIDE, pyarrow.float64()))
    fields += [pyarrow.field(name, types[i % len(types)]) for i, name in enumerate(names)]
    return pyarrow.schema(fields)


def _fill(numbers: np.ndarray, year_tables: Sequence[tuple[str, int, Path]], stats: list[str]) -> None:
    """Write each statistic of each date into its column of ``numbers`` [n_zones, n_columns]."""
    column = 0
    for _, _, path in year_tables:
        table = load_year(path, only={*stats, "count"})
        for i in range(len(table.dates)):
            for stat in stats:
                numbers[:, column] = column_rows(table, stat, slice(i, i + 1))[0]
                column += 1


def _write_rows(path: Path, numbers: np.ndarray, schema: "pyarrow.Schema", layout: Layout) -> None:
    import pyarrow
    import pyarrow.csv

    n_zones, n_columns = len(layout.inside), numbers.shape[1]
    types = schema.types[-n_columns:]
    together = max(1, _BATCH_NUMBERS // n_columns)
    with pyarrow.csv.CSVWriter(str(path), schema) as writer:
        for first in range(0, n_zones, together):
            rows = slice(first, min(first + together, n_zones))
            arrays = [
                pyarrow.array(values[rows], layout.zone_field(name).type) for name, values in layout.zones.items()
            ]
            arrays.append(pyarrow.array(layout.inside[rows]))
            arrays += [
                pyarrow.array(values, kind, from_pandas=True, safe=False)
                for values, kind in zip(np.array(numbers[rows]).T, types, strict=True)
            ]
            writer.write_batch(pyarrow.RecordBatch.from_arrays(arrays, schema=schema))
