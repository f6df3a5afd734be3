"""Step write_manifest: the provenance of the numbers, for checking and repeating them, and the README beside them."""

import json
import platform
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import zonalflow
from zonalflow.common.errors import ZonalflowError
from zonalflow.common.files import files_of, read_checksums, read_json, sha256, write_json, write_text
from zonalflow.common.formats import VECTOR_SUFFIXES
from zonalflow.common.text import count_of
from zonalflow.recipes.job import files_read
from zonalflow.report.explain import readme
from zonalflow.run.rule import Log
from zonalflow.tables.year_table import YearTable, table_head, units_of
from zonalflow.vectors.columns import attribute_names, field_names

PACKAGES = (
    "snakemake", "snakemake-executor-plugin-slurm", "numpy", "rasterio", "shapely", "geopandas", "pyogrio", "pyproj",
    "pyarrow", "rasterstats", "exactextract", "rioxarray", "xarray", "netCDF4",
    "requests", "matplotlib", "xlsxwriter", "zarr",
)  # fmt: skip


@dataclass(frozen=True)
class Inputs:
    """Paths of what the manifest is about.

    Attributes:
        zones, rasters, weights: receipts of what was fetched, and the user's own files.
        tables: the year tables, which know the rasters' classes and grids and what the columns are called.
        report, grid, index: what the steps prepare_zones and index_zones wrote (JSON).
        table: the tidy table (Parquet), for its columns.
        checksums: what the jobs of the years, then that of the tables, recorded of the files that they had written.
        records: what they recorded of the files that they had read.
    """

    zones: list[str]
    rasters: list[str]
    weights: list[str]
    tables: list[str]
    report: str
    grid: str
    index: str
    table: str
    checksums: list[str]
    records: list[str]


@dataclass(frozen=True)
class Outputs:
    """The manifest (JSON), and the README for recipients of the results."""

    manifest: str
    readme: str


def write_manifest(inputs: Inputs, outputs: Outputs, config: dict[str, Any], log: Log) -> None:
    """Write the provenance of a study with the resolved configuration `config`, and its README.

    Raises:
        ZonalflowError: a result is not what its job wrote.
    """
    preparation = read_json(inputs.report, sealed=True)
    inside = preparation.pop("inside_fraction")
    fields = preparation.pop("fields")
    heads = [table_head(Path(path)) for path in inputs.tables]
    names = [(Path(path).parent.name, int(Path(path).stem)) for path in inputs.tables]
    of_years = [(*name, head) for name, head in zip(names, heads, strict=True)]
    read = files_read(inputs.records)
    files = dict.fromkeys([*files_of([*inputs.zones, *inputs.rasters, *inputs.weights]), *map(Path, read)])
    sources = [_source(path, read.get(str(path))) for path in files]
    recorded = read_checksums(inputs.checksums)
    made = [path for path in recorded if path not in {*inputs.tables}]
    results = [{"path": path, "bytes": Path(path).stat().st_size, "sha256": sha256(path)} for path in made]
    _check_checksums(results, recorded)
    manifest = {
        "zonalflow": zonalflow.__version__,
        "config": config,
        "synthetic": any(source.get("synthetic", False) for source in sources),
        "attribution": sorted({source["attribution"] for source in sources if source.get("attribution")}),
        "sources": sources,
        "grid": read_json(inputs.grid, sealed=True),
        "other_grids": _other_grids(heads),
        "units": units_of(of_years, config["raster"]["units"]),
        "missing_dates": _missing_dates(of_years),
        "classes": _classes(inputs.tables, heads),
        "class_colours": _class_colours(inputs.tables, heads),
        "zones": {**preparation, "cut_by_the_grid": sum(share < 1 for share in inside)},
        "shapefile_fields": _shapefile_fields(fields, heads),
        "renamed_attributes": _renamed_attributes(fields, heads, config["output"]["formats"]),
        "index": read_json(inputs.index, sealed=True),
        "software": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "results": results,
    }
    write_json(outputs.manifest, manifest)
    raster = {**config["raster"], "units": manifest["units"]}
    shown = {**manifest, "config": {**config, "raster": raster}}
    write_text(outputs.readme, readme(shown, columns_of(inputs.table)))
    log(f"{count_of(len(sources), 'source')}, {count_of(len(results), 'result')}")


def columns_of(table: str) -> list[str]:
    """Return the columns of a Parquet file."""
    import pyarrow.parquet

    return list(pyarrow.parquet.read_schema(table).names)


def _source(path: Path, known: str | None) -> dict[str, Any]:
    """Return what is known of an input: its receipt, with where it lies, or the checksum of the user's own file.

    `known` is the checksum that the user's file had when it was read, if a job recorded it.
    """
    if path.suffix == ".json":
        receipt = json.loads(path.read_text(encoding="utf-8"))
        if "requests" in receipt:
            return {"path": str(path.parent), **receipt}
    return {"path": str(path), "source": "file", "bytes": path.stat().st_size, "sha256": known or sha256(path)}


def _shapefile_fields(attributes: dict[str, str], tables: list[YearTable]) -> dict[str, str]:
    """Return column to shapefile field, where the format's 10 characters made them differ."""
    names = dict(attributes)
    for table in tables:
        names.update(field_names(table, set(attributes.values())))
    return {name: field for name, field in names.items() if name != field}


def _renamed_attributes(
    attributes: Iterable[str], tables: list[YearTable], formats: list[str]
) -> dict[str, dict[str, str]]:
    """Return format to attribute to what it is called there, where a result has its name."""
    columns = {column for table in tables for column in field_names(table, set())}
    kinds = [kind for kind in VECTOR_SUFFIXES if kind in formats and kind != "shp"]
    renamed = {
        kind: {name: new for name, new in attribute_names(attributes, columns, kind).items() if new != name}
        for kind in kinds
    }
    return {kind: names for kind, names in renamed.items() if names}


def _classes(paths: list[str], tables: list[YearTable]) -> dict[str, dict[str, str]]:
    """Return the names of each variable's classes, value to name; several names where its years differ."""
    found: dict[str, dict[str, list[str]]] = {}
    for path, table in zip(paths, tables, strict=True):
        for value, name in table.classes.items():
            names = found.setdefault(Path(path).parent.name, {}).setdefault(value, [])
            names += [name] if name not in names else []
    return {variable: {value: "; ".join(names) for value, names in of.items()} for variable, of in found.items()}


def _class_colours(paths: list[str], tables: list[YearTable]) -> dict[str, dict[str, str]]:
    """Return the colours of each variable's classes, value to ``#rrggbb``, where the rasters have them."""
    found: dict[str, dict[str, str]] = {}
    for path, table in zip(paths, tables, strict=True):
        found.setdefault(Path(path).parent.name, {}).update(table.colours)
    return {variable: colours for variable, colours in found.items() if colours}


def _missing_dates(tables: list[tuple[str, int, YearTable]]) -> dict[str, dict[str, list[str]]]:
    """Return variable to year to the dates that its rasters lack, of the years that lack some."""
    found: dict[str, dict[str, list[str]]] = {}
    for variable, year, table in tables:
        if table.missing:
            found.setdefault(variable, {})[str(year)] = table.missing
    return found


def _other_grids(tables: list[YearTable]) -> dict[str, dict[str, Any]]:
    """Return the grids beside the study's on which rasters lie: name to what it is and the dates on it."""
    dates: dict[str, set[str]] = {}
    descriptions: dict[str, dict[str, Any]] = {}
    for table in tables:
        descriptions |= table.other_grids
        for date, name in zip(table.dates, table.grids, strict=False):  # none are named where all are the study's
            dates.setdefault(name, set()).add(date)
    return {name: {**descriptions[name], "dates": sorted(dates[name])} for name in sorted(descriptions)}


def _check_checksums(results: list[dict[str, Any]], recorded: dict[str, str]) -> None:
    """Raise ZonalflowError for results that are not what their jobs wrote: the manifest must not certify them."""
    changed = [file["path"] for file in results if recorded.get(file["path"], file["sha256"]) != file["sha256"]]
    if changed:
        are = "1 result is" if len(changed) == 1 else f"{len(changed)} results are"
        raise ZonalflowError(
            f"{are} not what the job wrote: damaged, or edited by hand. Delete and run again (copy first what you "
            f"want to keep):\n  rm {shlex.join(changed)}"
        )
