"""Step combine_years: the tables of all variables and years."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zonalflow.common.columns import INSIDE, check_attributes, describing_columns
from zonalflow.common.files import record_checksums
from zonalflow.common.text import count_of
from zonalflow.report.explain import column_meanings
from zonalflow.run.rule import Log
from zonalflow.tables.tidy import Layout, plan_layout, write_tidy
from zonalflow.tables.year_table import YearTable, table_head, units_of
from zonalflow.vectors.columns import attribute_names

if TYPE_CHECKING:
    import pyarrow


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
        id: the column of the zones' ids.
        name, further: the column that names zones, and further attributes: a list, ``all`` or None; as configured.
        stats: the statistics, in the order of the columns.
        variables, units, method: as configured; the columns' meanings name them.
    """

    years: list[tuple[str, int]]
    id: str
    stats: list[str]
    variables: list[str]
    units: dict[str, str]
    method: str
    name: str | None = None
    further: list[str] | str | None = None

    @property
    def config(self) -> dict[str, Any]:
        """The keys of the configuration on which the meanings of the columns depend."""
        raster = {"variables": self.variables, "units": self.units}
        return {"zones": {"id": self.id}, "raster": raster, "stats": self.stats, "method": self.method}


def combine_years(inputs: Inputs, targets: dict[str, str], checksums: str, params: Params, log: Log) -> None:
    """Join the year tables into the `targets` (``parquet``, ``csv``, ``wide``, ``xlsx``), and write their checksums."""
    import pyarrow.parquet

    attributes = pyarrow.parquet.read_schema(inputs.zones).names
    if params.name:
        check_attributes(attributes, [params.name], "zones.name")
    if isinstance(params.further, list):
        check_attributes(attributes, params.further, "zones.columns")
    names = describing_columns(attributes, params.id, params.name, params.further)
    frame = pyarrow.parquet.read_table(inputs.zones, columns=[*names, INSIDE])
    asked = {params.id, params.name, *(params.further or ())}
    names = [name for name in names if name in asked or frame[name].null_count < len(frame)]  # some have no text
    describing = {name: frame[name] for name in names}
    pairs = zip(params.years, inputs.tables, strict=True)
    keys = [(variable, year, Path(path)) for (variable, year), path in pairs]
    layout = plan_layout([path for _, _, path in keys], {}, frame[INSIDE].to_numpy(), params.stats)
    layout = _with_attributes(layout, describing, log)
    heads = [(variable, year, table_head(path)) for variable, year, path in keys]
    params = replace(params, units=units_of(heads, params.units))
    layout = replace(layout, meanings=column_meanings(layout.schema.names, params.config))
    tidy, wide = (
        {kind: Path(path) for kind, path in targets.items() if kind in kinds}
        for kinds in (("parquet", "csv"), ("wide", "xlsx"))
    )
    rows = _write_all(tidy, wide, keys, heads, layout) if wide else write_tidy(tidy, keys, layout)
    record_checksums(checksums, targets.values())
    log(count_of(rows, "row"))


def _write_all(
    tidy: dict[str, Path],
    wide: dict[str, Path],
    keys: list[tuple[str, int, Path]],
    heads: list[tuple[str, int, YearTable]],
    layout: Layout,
) -> int:
    """Write the tidy tables and those with a column for each date, reading each year's table once; return the rows."""
    from zonalflow.tables.wide import wide_table, write_wide
    from zonalflow.tables.workbook import write_workbook

    dates = [(variable, date) for variable, _, head in heads for date in head.dates]
    with wide_table(next(iter(wide.values())).parent, dates, layout) as table:
        rows = write_tidy(tidy, keys, layout, also=table.add)
        if "wide" in wide:
            write_wide(wide["wide"], table, layout)
        if "xlsx" in wide:
            write_workbook(wide["xlsx"], table, layout, layout.meanings)
    return rows


def _with_attributes(layout: Layout, attributes: "dict[str, pyarrow.ChunkedArray]", log: Log) -> Layout:
    """Return a layout with attributes of the zones: numbers stay numbers, all else becomes text.

    An attribute that has the name of another column gets a number after it; lists and other structures are left out.
    """
    import pyarrow

    kinds = pyarrow.types
    simple = {name: column for name, column in attributes.items() if not kinds.is_nested(column.type)}
    if left_out := attributes.keys() - simple.keys():
        log(f"not in the tables, since they hold lists or other structures: {', '.join(sorted(left_out))}")
    called = attribute_names(simple, [*layout.schema.names, "grid"], "geoparquet")
    zones, types = {}, {}
    for name, column in simple.items():
        number = kinds.is_integer(column.type) or kinds.is_floating(column.type) or kinds.is_boolean(column.type)
        kind = column.type if number else pyarrow.string()
        values = column if number else column.cast("string")
        zones[called[name]] = np.array(values.to_pylist(), dtype=object)
        types[called[name]] = kind
        if called[name] != name:
            log(f"the zones' {name} is called {called[name]} in the tables")
    return replace(layout, zones=zones, zone_types=types)
