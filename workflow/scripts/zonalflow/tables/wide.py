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
from zonalflow.tables.year_table import YearTable, column_rows

if TYPE_CHECKING:
    import pyarrow

_BATCH_NUMBERS = 1 << 20  # that are turned into text together


@dataclass
class WideTable:
    """The numbers of all dates, with their columns' names, and the statistics that they repeat.

    Attributes:
        names: of the columns: a date, or ``<variable>_<statistic>_<date>`` when the study has several variables or
            statistics.
        stats: those asked for; the quality columns are left out unless they are.
        numbers: float64 [n_zones, n_columns], filled by :meth:`add`.
        by_date_alone: whether a column is called by its date.
    """

    names: list[str]
    stats: list[str]
    numbers: np.ndarray
    by_date_alone: bool
    filled: int = 0

    def add(self, table: YearTable) -> None:
        """Fill the columns of the next variable and year."""
        for i in range(len(table.dates)):
            for stat in self.stats:
                self.numbers[:, self.filled] = column_rows(table, stat, slice(i, i + 1))[0]
                self.filled += 1


@contextmanager
def wide_table(folder: Path, dates: Sequence[tuple[str, str]], layout: Layout) -> Iterator[WideTable]:
    """Yield the wide table, still empty, for the variable and date of each of its columns, in order.

    The numbers come year by year, but a row needs all years. So they are transposed on the disk, in a scratch file in
    `folder`, and memory does not grow with the years.
    """
    stats = [name for name in layout.columns if name not in QUALITY] or ["count"]
    by_date_alone = len(stats) == 1 and len({variable for variable, _ in dates}) == 1
    names = [
        date if by_date_alone else f"{variable}_{layout.names[stat]}_{date}"
        for variable, date in dates
        for stat in stats
    ]
    with tempfile.TemporaryFile(dir=folder) as scratch:
        shape = (max(len(layout.inside), 1), len(names))
        numbers = np.memmap(scratch, np.float64, "w+", shape=shape)
        table = WideTable(names, stats, numbers[: len(layout.inside)], by_date_alone)
        yield table
        del table.numbers, numbers  # before their file


def write_wide(path: Path, table: WideTable, layout: Layout) -> None:
    """Write the wide CSV ``path``: the zone's describing columns, ``inside_fraction``, then the statistics."""
    with atomic_path(path) as temporary:
        _write_rows(temporary, table.numbers, _schema(table.names, table.stats, layout), layout)


def _schema(names: list[str], stats: list[str], layout: Layout) -> "pyarrow.Schema":
    import pyarrow

    whole = {stat: np.issubdtype(layout.columns[stat], np.integer) for stat in stats}
    types = [pyarrow.int64() if whole[stat] else pyarrow.float64() for stat in stats]
    fields = [layout.zone_field(name) for name in layout.zones]
    fields.append(pyarrow.field(INSIDE, pyarrow.float64()))
    fields += [pyarrow.field(name, types[i % len(types)]) for i, name in enumerate(names)]
    return pyarrow.schema(fields)


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
