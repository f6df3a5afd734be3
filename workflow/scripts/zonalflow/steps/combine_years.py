"""Step combine_years: the tables of all variables and years."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zonalflow.common.columns import INSIDE, describing_columns
from zonalflow.common.files import record_checksums
from zonalflow.common.text import count_of
from zonalflow.report.explain import column_meanings
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
        variables, units, method: as configured; the columns' meanings name them.
    """

    years: list[tuple[str, int]]
    id: str
    stats: list[str]
    variables: list[str]
    units: dict[str, str]
    method: str

    @property
    def config(self) -> dict[str, Any]:
        """The keys of the configuration on which the meanings of the columns depend."""
        raster = {"variables": self.variables, "units": self.units}
        return {"zones": {"id": self.id}, "raster": raster, "stats": self.stats, "method": self.method}


def combine_years(inputs: Inputs, targets: dict[str, str], checksums: str, params: Params, log: Log) -> None:
    """Join the year tables into the `targets` (``parquet``, ``csv``, ``wide``, ``xlsx``), and write their checksums."""
    import pyarrow.parquet

    attributes = pyarrow.parquet.read_schema(inputs.zones).names
    names = describing_columns(attributes, params.id)
    frame = pyarrow.parquet.read_table(inputs.zones, columns=[*names, INSIDE])
    names = [name for name in names if name == params.id or frame[name].null_count < len(frame)]  # some have no text
    describing = {name: frame[name].cast("string").to_numpy(zero_copy_only=False) for name in names}
    pairs = zip(params.years, inputs.tables, strict=True)
    keys = [(variable, year, Path(path)) for (variable, year), path in pairs]
    layout = plan_layout([path for _, _, path in keys], describing, frame[INSIDE].to_numpy(), params.stats)
    layout = replace(layout, meanings=column_meanings(layout.schema.names, params.config))
    rows = write_tidy({kind: Path(targets[kind]) for kind in ("parquet", "csv") if kind in targets}, keys, layout)
    if "wide" in targets:
        from zonalflow.tables.wide import write_wide

        write_wide(Path(targets["wide"]), keys, layout)
    if "xlsx" in targets:
        from zonalflow.tables.workbook import write_workbook

        write_workbook(Path(targets["xlsx"]), keys, layout, layout.meanings)
    record_checksums(checksums, targets.values())
    log(count_of(rows, "row"))
