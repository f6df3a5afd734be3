"""The tidy table of all years: a row for each variable, date and zone, as Parquet and CSV."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zonalflow.common.columns import INSIDE, column_order, common_names, tidy_name
from zonalflow.common.errors import RasterError
from zonalflow.common.files import atomic_path, remove
from zonalflow.tables.year_table import column_rows, load_year, table_head

_ROWS = 1 << 20  # rows of the tidy table that are in memory at a time


@dataclass(frozen=True)
class Layout:
    """The columns of a study's tables.

    Attributes:
        zones: the describing columns, name to text array [n_zones].
        inside: ``inside_fraction`` [n_zones] on the study's grid.
        columns: the statistics and quality columns as the year tables name them, in order, with their types.
        names: what the tables call those: a class's column carries its name.
        grids: whether rasters lie on several grids, so that each row says on which.
    """

    zones: dict[str, np.ndarray]
    inside: np.ndarray
    columns: dict[str, np.dtype]
    names: dict[str, str]
    grids: bool

    @property
    def schema(self):
        """The tidy table's pyarrow schema."""
        import pyarrow

        fields = [pyarrow.field(name, pyarrow.string()) for name in (*self.zones, "variable", "date")]
        fields += [
            pyarrow.field(self.names[name], pyarrow.from_numpy_dtype(dtype)) for name, dtype in self.columns.items()
        ]
        fields.append(pyarrow.field(INSIDE, pyarrow.float64()))
        return pyarrow.schema([*fields, pyarrow.field("grid", pyarrow.string())] if self.grids else fields)


def plan_layout(paths: Iterable[Path], zones: dict[str, np.ndarray], inside: np.ndarray, stats: list[str]) -> Layout:
    """Return the layout of the tables of these year tables.

    Classes are those of any year. A class has its name where all years and variables agree on it: rows of all of them
    are in its column.
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


def tidy_batches(variable: str, path: Path, layout: Layout) -> Iterator:
    """Yield one variable and year as pyarrow RecordBatches of at most about a million rows."""
    import pyarrow

    table = load_year(path)
    schema = layout.schema
    n_dates, n_zones = table.columns["count"].shape
    if n_zones != len(layout.inside):
        raise RasterError(f"{path} has {n_zones} zones, the study {len(layout.inside)}; delete it and run again")
    step = max(1, _ROWS // max(n_zones, 1))
    for first in range(0, n_dates, step):
        dates = slice(first, min(first + step, n_dates))
        n = dates.stop - first
        arrays = {name: np.tile(values, n) for name, values in layout.zones.items()}
        arrays["variable"] = np.full(n * n_zones, variable)
        arrays["date"] = np.repeat(table.dates[dates], n_zones)
        for name in layout.columns:
            arrays[layout.names[name]] = column_rows(table, name, dates).ravel()
        inside = table.columns.get(INSIDE)
        arrays[INSIDE] = np.tile(layout.inside, n) if inside is None else inside[dates].ravel()
        if layout.grids:
            arrays["grid"] = np.repeat(table.grids[dates] or ["study"] * n, n_zones)
        yield pyarrow.RecordBatch.from_arrays(
            [pyarrow.array(arrays[field.name], type=field.type, from_pandas=True) for field in schema], schema=schema
        )


class _OneFile:
    """The tidy table as one file: ``parquet`` or ``csv``."""

    def __init__(self, kind: str, path: Path, schema):
        import pyarrow.csv
        import pyarrow.parquet

        if kind == "csv":
            self._writer = pyarrow.csv.CSVWriter(str(path), schema)
        else:
            self._writer = pyarrow.parquet.ParquetWriter(str(path), schema, compression="zstd")

    def write(self, variable: str, year: int, batches: Iterable) -> None:
        for batch in batches:
            self._writer.write_batch(batch)

    def close(self) -> None:
        self._writer.close()


class _Partitions:
    """The tidy table as a folder ``variable=…/year=…/part-0.parquet``, which readers take for one table.

    The folders' names give the columns ``variable`` and ``year``: Hive's convention, which pandas, pyarrow, polars,
    DuckDB and R's arrow share.
    """

    def __init__(self, path: Path):
        self._path = path
        path.mkdir(parents=True)

    def write(self, variable: str, year: int, batches: Iterable) -> None:
        import pyarrow.parquet

        folder = self._path / f"variable={variable}" / f"year={year}"
        folder.mkdir(parents=True)
        writer = None
        for batch in batches:
            table = batch.drop_columns(["variable"])
            writer = writer or pyarrow.parquet.ParquetWriter(
                str(folder / "part-0.parquet"), table.schema, compression="zstd"
            )
            writer.write_batch(table)
        writer.close()

    def close(self) -> None:
        pass


def write_tidy(
    targets: dict[str, Path], year_tables: list[tuple[str, int, Path]], layout: Layout, *, partitioned: bool = False
) -> int:
    """Write the year tables to ``targets`` (``parquet``, ``csv``), each whole or not at all; return the number of rows.

    One year of one variable is in memory at a time, so memory does not grow with the years.
    """
    from contextlib import ExitStack, closing

    rows = 0
    with ExitStack() as stack:
        sinks = []
        for kind, path in targets.items():
            if path.is_dir():
                remove(path)  # neither a file nor a folder can take the place of a folder that holds files
            temporary = stack.enter_context(atomic_path(path))
            parts = kind == "parquet" and partitioned
            sinks.append(_Partitions(temporary) if parts else _OneFile(kind, temporary, layout.schema))
        with ExitStack() as open_files:
            for sink in sinks:
                open_files.enter_context(closing(sink))
            for variable, year, path in year_tables:
                for sink in sinks:
                    sink.write(variable, year, tidy_batches(variable, path, layout))
                rows += len(load_year(path, only=()).dates) * len(layout.inside)
    return rows
