"""The wide table: a row for each zone and a column for each date, for spreadsheets."""

import tempfile
from pathlib import Path

import numpy as np

from zonalflow.common.columns import INSIDE, QUALITY
from zonalflow.common.files import atomic_path
from zonalflow.tables.tidy import Layout
from zonalflow.tables.year_table import column_rows, load_year

_NUMBERS = 1 << 20  # that are turned into text at a time


def write_wide(path: Path, year_tables: list[tuple[str, int, Path]], layout: Layout) -> None:
    """Write the wide CSV ``path``: the zone's describing columns, ``inside_fraction``, then the statistics.

    A column is called by its date, and by ``<variable>_<statistic>_<date>`` when the study has several variables or
    statistics. The quality columns are left out unless they are the statistics asked for.

    The years come one after the other and the rows need all of them, so the numbers are turned on the disk, in a
    scratch file beside the table: memory does not grow with the years.

    Args:
        path: the file to write.
        year_tables: variable, year and path of each year table, in the order of the columns.
        layout: of the study's tables.
    """
    import pyarrow
    import pyarrow.csv

    stats = [name for name in layout.columns if name not in QUALITY] or ["count"]
    plain = len(stats) == 1 and len({variable for variable, _, _ in year_tables}) == 1
    dates = [(variable, date, path) for variable, _, path in year_tables for date in load_year(path, only=()).dates]
    names = [
        date if plain else f"{variable}_{layout.names[stat]}_{date}" for variable, date, _ in dates for stat in stats
    ]
    n_zones = len(layout.inside)
    whole = {stat: np.issubdtype(layout.columns[stat], np.integer) for stat in stats}
    number = {True: pyarrow.int64(), False: pyarrow.float64()}
    texts = [pyarrow.field(name, pyarrow.string()) for name in layout.zones]
    schema = pyarrow.schema(
        [*texts, pyarrow.field(INSIDE, pyarrow.float64())]
        + [pyarrow.field(name, number[whole[stats[i % len(stats)]]]) for i, name in enumerate(names)]
    )
    with atomic_path(path) as temporary, tempfile.TemporaryFile(dir=path.parent) as scratch:
        turned = np.memmap(scratch, np.float64, "w+", shape=(max(n_zones, 1), len(names)))
        column = 0
        for _, _, year_table in year_tables:
            table = load_year(year_table, only={*stats, "count"})
            for i in range(len(table.dates)):
                for stat in stats:
                    turned[:n_zones, column] = column_rows(table, stat, slice(i, i + 1))[0]
                    column += 1
        with pyarrow.csv.CSVWriter(str(temporary), schema) as writer:
            step = max(1, _NUMBERS // len(names))
            for first in range(0, n_zones, step):
                rows = slice(first, min(first + step, n_zones))
                arrays = [pyarrow.array(values[rows], pyarrow.string()) for values in layout.zones.values()]
                arrays.append(pyarrow.array(layout.inside[rows]))
                block = np.array(turned[rows]).T
                arrays += [
                    pyarrow.array(values, schema.field(name).type, from_pandas=True, safe=False)
                    for name, values in zip(names, block, strict=True)
                ]
                writer.write_batch(pyarrow.RecordBatch.from_arrays(arrays, schema=schema))
        del turned
