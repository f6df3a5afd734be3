"""Step combine_years: the tables of all variables and years."""

from dataclasses import dataclass
from pathlib import Path

from zonalflow.common.columns import INSIDE, describing_columns
from zonalflow.common.files import record_checksums
from zonalflow.common.text import count_of
from zonalflow.run.rule import Log
from zonalflow.tables.tidy import plan_layout, write_tidy


@dataclass(frozen=True)
class Inputs:
    """The year tables, in the order of `Params.years`, and the prepared zones (GeoParquet)."""

    tables: list[str]
    zones: str


@dataclass(frozen=True)
class Params:
    """What the tables hold.

    Attributes:
        years: variable and year of each year table, in the order of the rows.
        id: the column that names a zone.
        stats: the statistics, in the order of the columns.
    """

    years: list[tuple[str, int]]
    id: str
    stats: list[str]


def combine_years(inputs: Inputs, targets: dict[str, str], checksums: str, params: Params, log: Log) -> None:
    """Join the year tables into the `targets` (``parquet``, ``csv``, ``wide``), and write their checksums."""
    import pyarrow.parquet

    attributes = pyarrow.parquet.read_schema(inputs.zones).names
    names = describing_columns(attributes, params.id)
    frame = pyarrow.parquet.read_table(inputs.zones, columns=[*names, INSIDE])
    describing = {name: frame[name].cast("string").to_numpy(zero_copy_only=False) for name in names}
    pairs = zip(params.years, inputs.tables, strict=True)
    keys = [(variable, year, Path(path)) for (variable, year), path in pairs]
    layout = plan_layout([path for _, _, path in keys], describing, frame[INSIDE].to_numpy(), params.stats)
    rows = write_tidy({kind: Path(path) for kind, path in targets.items() if kind != "wide"}, keys, layout)
    if "wide" in targets:
        from zonalflow.tables.wide import write_wide

        write_wide(Path(targets["wide"]), keys, layout)
    record_checksums(checksums, targets.values())
    log(count_of(rows, "row"))
