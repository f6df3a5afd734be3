"""The tidy table of all years: a row for each variable, date and zone, as Parquet and CSV."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zonalflow.common.columns import INSIDE, column_order, common_names, tidy_name
from zonalflow.common.errors import RasterError
from zonalflow.common.files import atomic_path
from zonalflow.common.text import count_of
from zonalflow.tables.year_table import YearTable, column_rows, load_year, table_head

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.csv
    import pyarrow.parquet

_BATCH_ROWS = 1 << 20  # rows that are in memory together, and the most in a row group


@dataclass(frozen=True)
class Layout:
    """The columns of a study's tables.

    Attributes:
        zones: the describing columns, name to array of Python objects [n_zones], None where one is missing.
        inside: ``inside_fraction`` [n_zones] on the study's grid.
        columns: the statistics and quality columns as the year tables name them, in order, with their types.
        names: what the tables call those: a class's column carries its name.
        grids: whether rasters lie on several grids, so that each row names its grid.
        zone_types: the types of those of the describing columns that are no texts.
        meanings: column to what the Parquet file says of it: ``long_name``, ``unit``, ``description``.
    """

    zones: dict[str, np.ndarray]
    inside: np.ndarray
    columns: dict[str, np.dtype]
    names: dict[str, str]
    grids: bool
    meanings: dict[str, dict[str, str]] = field(default_factory=dict)
    zone_types: "dict[str, pyarrow.DataType]" = field(default_factory=dict)

    def zone_field(self, name: str) -> "pyarrow.Field":
        """Return the pyarrow field of a describing column."""
        import pyarrow

        return pyarrow.field(name, self.zone_types.get(name, pyarrow.string()))

    @property
    def schema(self) -> "pyarrow.Schema":
        """The tidy table's pyarrow schema."""
        import pyarrow

        fields = [self.zone_field(name) for name in self.zones]
        fields += [pyarrow.field(name, pyarrow.string()) for name in ("variable", "date")]
        fields += [
            pyarrow.field(self.names[name], pyarrow.from_numpy_dtype(dtype)) for name, dtype in self.columns.items()
        ]
        fields.append(pyarrow.field(INSIDE, pyarrow.float64()))
        if self.grids:
            fields.append(pyarrow.field("grid", pyarrow.string()))
        return pyarrow.schema([field.with_metadata(self.meanings.get(field.name)) for field in fields])


def plan_layout(paths: Iterable[Path], zones: dict[str, np.ndarray], inside: np.ndarray, stats: list[str]) -> Layout:
    """Return the columns of the tables that join these year tables.

    A class of any year has a column. The column carries the class's name only where all years and variables that name
    the class agree on it, since rows of all of them stand in it.

    Args:
        paths: the year tables; only their heads are read.
        zones: the describing columns, name to array of Python objects [n_zones], None where one is missing.
        inside: ``inside_fraction`` [n_zones].
        stats: the statistics as configured, in the order of the columns.

    Raises:
        RasterError: for a damaged year table.
    """
    types: dict[str, np.dtype] = {}
    legends: list[dict[str, str]] = []
    grids = False
    for path in paths:
        head = table_head(path)
        for name, empty in head.columns.items():
            types[name] = np.promote_types(types.get(name, empty.dtype), empty.dtype)
        legends.append(head.classes)
        grids = grids or bool(head.grids)
    order = column_order(stats, set(types) - {INSIDE})
    classes = common_names(legends)
    names = {name: tidy_name(name, classes) for name in order}
    return Layout(zones, inside, {name: types[name] for name in order}, names, grids)


def write_tidy(
    targets: dict[str, Path],
    year_tables: Iterable[tuple[str, int, Path]],
    layout: Layout,
    also: Callable[[YearTable], None] = lambda table: None,
) -> int:
    """Write the year tables to ``targets`` (``parquet``, ``csv``), each whole or not at all; return the number of rows.

    Only one year of one variable is in memory. In Parquet each is a row group of its own, or several of at most
    about a million rows, so that readers skip the variables and years that they do not ask for.

    Args:
        targets: format to the file to write.
        year_tables: variable, year and path of each year table, in the order of the rows.
        layout: the tables' columns, see :func:`plan_layout`.
        also: called with each year table, so that it is read once for all tables.

    Raises:
        RasterError: for a damaged year table, or one of other zones.
    """
    rows = 0
    with ExitStack() as stack:
        temporary = {kind: stack.enter_context(atomic_path(path)) for kind, path in targets.items()}
        writers = [stack.enter_context(_writer(kind, path, layout.schema)) for kind, path in temporary.items()]
        for variable, _, path in year_tables:
            table = _table(path, layout)
            also(table)
            for batch in _batches(variable, table, layout):
                for writer in writers:
                    writer.write_batch(batch)
                rows += batch.num_rows
            del table, batch  # before the next one is read
    return rows


def _writer(kind: str, path: Path, schema: "pyarrow.Schema") -> "pyarrow.csv.CSVWriter | pyarrow.parquet.ParquetWriter":
    import pyarrow.csv
    import pyarrow.parquet

    if kind == "csv":
        return pyarrow.csv.CSVWriter(str(path), schema)
    return pyarrow.parquet.ParquetWriter(str(path), schema, compression="zstd")


def _table(path: Path, layout: Layout) -> YearTable:
    """Return a year table that is known to have the study's zones."""
    table = load_year(path)
    n_zones = table.columns["count"].shape[1]
    if n_zones != len(layout.inside):
        raise RasterError(
            f"{path} has {count_of(n_zones, 'zone')}, the study {len(layout.inside)}; delete it and run again"
        )
    return table


def _batches(variable: str, table: YearTable, layout: Layout) -> Iterator["pyarrow.RecordBatch"]:
    """Yield one variable and year as record batches of whole dates, at most about a million rows each."""
    n_dates, n_zones = table.columns["count"].shape
    together = max(1, _BATCH_ROWS // max(n_zones, 1))
    for first in range(0, n_dates, together):
        yield _batch(variable, table, slice(first, min(first + together, n_dates)), layout)


def _batch(variable: str, table: YearTable, dates: slice, layout: Layout) -> "pyarrow.RecordBatch":
    """Return the rows of some dates of a year table."""
    import pyarrow

    n_dates, n_zones = dates.stop - dates.start, len(layout.inside)
    arrays = {name: np.tile(values, n_dates) for name, values in layout.zones.items()}
    arrays["variable"] = np.full(n_dates * n_zones, variable)
    arrays["date"] = np.repeat(table.dates[dates], n_zones)
    for name in layout.columns:
        arrays[layout.names[name]] = column_rows(table, name, dates).ravel()
    inside = table.columns.get(INSIDE)
    arrays[INSIDE] = np.tile(layout.inside, n_dates) if inside is None else inside[dates].ravel()
    if layout.grids:
        arrays["grid"] = np.repeat(table.grids[dates] or ["study"] * n_dates, n_zones)
    schema = layout.schema
    return pyarrow.RecordBatch.from_arrays(
        [pyarrow.array(arrays[field.name], type=field.type, from_pandas=True) for field in schema], schema=schema
    )
