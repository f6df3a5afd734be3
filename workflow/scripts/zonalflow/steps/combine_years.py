"""Step combine_years: the tables of all variables and years."""

from pathlib import Path

from zonalflow.common.columns import INSIDE, describing_columns
from zonalflow.tables.tidy import plan_layout, write_tidy


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
        from zonalflow.tables.wide import write_wide

        write_wide(Path(targets["wide"]), keys, layout)
    return rows
