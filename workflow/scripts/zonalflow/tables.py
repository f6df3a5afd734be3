"""The numbers: one year's table as a job writes it, and the tidy table of all years.

A *year table* holds, for one variable and year, the dates and one array [n_dates, n_zones] for each column, in the
order of the prepared zones. It is a NumPy archive, so that a year's job reads and writes it without a table library.
"""

import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from zonalflow.atomic import atomic_path, remove
from zonalflow.classes import column_name, common_names, label
from zonalflow.errors import RasterError
from zonalflow.stats import zonal_statistics

QUALITY = ("count", "valid_fraction")  # columns that every table has, after the statistics that were asked for
CLASS, SHARE = "class_", "share_"  # prefixes of the columns of a categorical statistic
INSIDE = "inside_fraction"
_ROWS = 1 << 20  # rows of the tidy table that are in memory at a time


@dataclass(frozen=True)
class YearTable:
    """The numbers of one variable and year.

    Attributes:
        dates: of the slices [n_dates].
        columns: name to array [n_dates, n_zones].
        classes: value, as in the columns' names, to the name of a categorical raster's class.
        grids: name of the grid of each date, or empty when all lie on the study's; if not empty, ``inside_fraction`` is
            among the columns.
    """

    dates: list[str]
    columns: dict[str, np.ndarray]
    classes: dict[str, str] = field(default_factory=dict)
    grids: list[str] = field(default_factory=list)


# ------------------------------------------------------------------------------------------------------------- one year


def compute_year(
    slices: Iterable, stats: list[str], class_names: dict[int, str] | None = None, workers: int = 1
) -> YearTable:
    """Reduce each slice over the zones; one slice is in memory at a time.

    Args:
        slices: ``(date, values, nodata, place)`` for each date, as :func:`zonalflow.slices.read_slices` yields them.
        stats: names of statistics; ``categorical`` gives the columns ``class_<value>`` (cells) and ``share_<value>``
            (of the zone's cells that hold data).
        class_names: value to name of a categorical raster's classes.
        workers: threads that share the work on a slice.
    """
    dates, rows, places = [], [], []
    for date, values, nodata, place in slices:
        dates.append(date)
        places.append(place)
        rows.append(_flatten(zonal_statistics(place.index, values, nodata, stats, workers=workers)))
    if not rows:
        raise RasterError("no slices: the year has no raster")
    names = column_order(stats, {name for row in rows for name in row})
    n_zones = places[0].index.n_zones
    columns = {name: np.stack([row.get(name, _absent(name, row, n_zones)) for row in rows]) for name in names}
    found = {name.removeprefix(CLASS) for name in names if name.startswith(CLASS)}
    classes = {label(value): name for value, name in (class_names or {}).items() if label(value) in found}
    if all(place is places[0] for place in places) and places[0].name == "study":
        return YearTable(dates, columns, classes)
    columns[INSIDE] = np.stack([place.inside for place in places])
    return YearTable(dates, columns, classes, [place.name for place in places])


def _flatten(result: dict) -> dict[str, np.ndarray]:
    classes = result.pop("categorical", None)
    if classes is None:
        return result
    with np.errstate(invalid="ignore", divide="ignore"):
        for value, cells in classes.items():
            result[f"{CLASS}{label(value)}"] = cells
            result[f"{SHARE}{label(value)}"] = cells / result["count"]
    return result


def _absent(name: str, row: dict, n_zones: int) -> np.ndarray:
    """A class that a date does not have covers nothing of the zones that hold data."""
    if name.startswith(SHARE):
        return np.where(row["count"] > 0, 0.0, np.nan)
    return np.zeros(n_zones, row["count"].dtype)


def column_order(stats: list[str], found: set[str]) -> list[str]:
    """Return the columns in the order of the tables: statistics as asked for, classes, then the quality columns."""
    asked = [name for name in stats if name in found and name not in QUALITY]
    classes = [n for n in found if n.startswith((CLASS, SHARE))]
    classes.sort(key=lambda name: (float(name.partition("_")[2]), name.startswith(SHARE)))
    return [*asked, *classes, *QUALITY]


def save_year(path: Path, table: YearTable) -> None:
    """Write ``table`` to ``path`` (.npz), whole or not at all."""
    about = json.dumps({"classes": table.classes, "grids": table.grids})
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, dates=np.array(table.dates), about=np.array(about), **table.columns)


def load_year(path: Path, only: Iterable[str] | None = None) -> YearTable:
    """Read what :func:`save_year` wrote, or of its columns those named by ``only``.

    Raises:
        RasterError: for a damaged file; the message says to delete it, so that its year is computed again.
    """
    try:
        with np.load(path) as archive:
            if damaged := archive.zip.testzip():  # NumPy stops reading, and so checking, where an array ends
                raise ValueError(f"the checksum of {damaged} does not match")
            names = [name for name in archive.files if name not in ("dates", "about")]
            columns = {name: archive[name] for name in names if only is None or name in only}
            return YearTable(archive["dates"].tolist(), columns, **json.loads(str(archive["about"])))
    except Exception as error:  # zipfile and NumPy know a dozen kinds, of a file with one bit flipped
        raise _damaged(path, error) from error


def column_types(path: Path) -> dict[str, np.dtype]:
    """Return name and type of a year table's columns, from its heads alone.

    Raises:
        RasterError: for a damaged file.
    """
    types = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                with archive.open(member) as stream:
                    np.lib.format.read_magic(stream)
                    types[member.removesuffix(".npy")] = np.lib.format.read_array_header_1_0(stream)[2]
    except Exception as error:  # as above
        raise _damaged(path, error) from error
    return {name: dtype for name, dtype in types.items() if name not in ("dates", "about")}


def table_head(path: Path) -> YearTable:
    """Return a year table whose columns hold no values: its dates, classes, grids and the columns' names."""
    head = load_year(path, only=())
    return replace(head, columns={name: np.empty(0, dtype) for name, dtype in column_types(path).items()})


def _damaged(path: Path, error: Exception) -> RasterError:
    return RasterError(f"{path} is damaged ({error}); delete it and run again: its year is then recomputed")


# ------------------------------------------------------------------------------------------------------------ all years


def describing_columns(attributes: Iterable[str], id_column: str) -> list[str]:
    """Return the zone attributes that identify a zone to a reader: its id, then its names and its state's."""
    wanted = ("NAME", "NAMELSAD", "STUSPS", "STATE_NAME", "STATE")
    return [id_column, *(name for name in attributes if name.upper() in wanted and name != id_column)]


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


def tidy_name(column: str, classes: dict[str, str]) -> str:
    """Return what the tables call a year table's column: a class's carries its name, ``class_41_Deciduous_Forest``."""
    for prefix in (CLASS, SHARE):
        if column.startswith(prefix):
            return column_name(prefix, column.removeprefix(prefix), classes)
    return column


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


def column_rows(table: YearTable, name: str, dates: slice) -> np.ndarray:
    """Return a column's values on some of its dates [n, n_zones]; a class that the year lacks covers nothing."""
    values = table.columns.get(name)
    if values is not None:
        return values[dates]
    return np.stack([_absent(name, {"count": row}, len(row)) for row in table.columns["count"][dates]])


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
    targets: dict[str, Path], year_tables: list[tuple[str, int, Path]], layout: Layout, *, partitioned: bool
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


def combine(
    year_tables: list[tuple[str, int, str]], zones: str, targets: dict[str, str], *, id_column: str, stats: list[str],
    partitioned: bool = False,
) -> int:  # fmt: skip
    """Join the year tables into the ``targets`` (``parquet``, ``csv``, ``wide``) and return the tidy table's rows.

    Args:
        year_tables: variable, year and path of each, in the order of the rows.
        zones: the prepared zones, whose names and states the tables carry along.
        id_column: the column that names a zone.
        stats: the statistics, in the order of the columns.
        partitioned: write Parquet as a folder, one file a variable and year.
    """
    import pyarrow.parquet

    attributes = pyarrow.parquet.read_schema(zones).names
    names = describing_columns(attributes, id_column)
    frame = pyarrow.parquet.read_table(zones, columns=[*names, INSIDE])
    describing = {name: frame[name].cast("string").to_numpy(zero_copy_only=False) for name in names}
    keys = [(variable, year, Path(path)) for variable, year, path in year_tables]
    layout = plan_layout([path for _, _, path in keys], describing, frame[INSIDE].to_numpy(), stats)
    tidy = {kind: Path(path) for kind, path in targets.items() if kind != "wide"}
    rows = write_tidy(tidy, keys, layout, partitioned=partitioned)
    if "wide" in targets:
        from zonalflow.wide import write_wide

        write_wide(Path(targets["wide"]), keys, layout)
    return rows
