"""The manifest: where the numbers came from, so that a reader can check them and a colleague repeat them."""

import json
import platform
import shlex
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import zonalflow
from zonalflow.common.errors import ZonalflowError
from zonalflow.common.files import files_of, read_json, recorded_checksums, sha256, write_json
from zonalflow.common.formats import VECTOR_SUFFIXES
from zonalflow.tables.year_table import YearTable, table_head
from zonalflow.vectors.columns import attribute_names, field_names

PACKAGES = (
    "snakemake", "snakemake-executor-plugin-slurm", "numpy", "rasterio", "shapely", "geopandas", "pyogrio", "pyproj",
    "pyarrow", "rasterstats", "exactextract", "rioxarray", "requests", "matplotlib",
)  # fmt: skip


def write_manifest(
    target: str,
    *,
    config: dict,
    inputs: list[str],
    report: str,
    grid: str,
    index: str,
    tables: list[str],
    results: list[str],
) -> None:
    """Write the provenance of a study to ``target`` (JSON).

    Args:
        config: the resolved configuration.
        inputs: receipts of what was fetched, and the user's own files.
        report, grid, index: the JSON files on the prepared zones, the grid and the index.
        tables: the year tables, which know the rasters' classes and grids and what the columns are called.
        results: the files that were made, for their checksums; of a partitioned table the folder.
    """
    preparation = read_json(report)
    inside = preparation.pop("inside_fraction")
    fields = preparation.pop("fields")
    abouts = [table_head(Path(path)) for path in tables]
    sources = [_source(path) for path in files_of(inputs)]  # a file geodatabase is a folder
    made = [{"path": str(path), "bytes": path.stat().st_size, "sha256": sha256(path)} for path in files_of(results)]
    _check_checksums(made, recorded_checksums(Path(grid).parent))
    write_json(
        target,
        {
            "zonalflow": zonalflow.__version__,
            "config": config,
            "synthetic": any(source.get("synthetic", False) for source in sources),
            "attribution": sorted({source["attribution"] for source in sources if source.get("attribution")}),
            "sources": sources,
            "grid": read_json(grid),
            "other_grids": _other_grids(Path(grid).parent / "grids", abouts),
            "classes": _classes(tables, abouts),
            "zones": {**preparation, "cut_by_the_grid": sum(share < 1 for share in inside)},
            "shapefile_fields": _shapefile_fields(fields, abouts),
            "renamed_attributes": _renamed_attributes(fields, abouts, config["output"]["formats"]),
            "index": read_json(index),
            "software": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
            "results": made,
        },
    )


def _source(path: Path) -> dict:
    """Return what is known of an input: its receipt, with where it lies, or the checksum of the user's own file."""
    if path.suffix == ".json":
        receipt = json.loads(path.read_text(encoding="utf-8"))
        if "requests" in receipt:
            return {"path": str(path.parent), **receipt}
    return {"path": str(path), "source": "file", "bytes": path.stat().st_size, "sha256": sha256(path)}


def _shapefile_fields(attributes: dict[str, str], tables: list[YearTable]) -> dict[str, str]:
    """Return column to shapefile field, where the format's 10 characters made them differ."""
    names = dict(attributes)
    for table in tables:
        names.update(field_names(table, set(attributes.values())))
    return {name: field for name, field in names.items() if name != field}


def _renamed_attributes(attributes: Iterable[str], tables: list[YearTable], formats: list[str]) -> dict:
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


def _other_grids(folder: Path, tables: list[YearTable]) -> dict[str, dict]:
    """Return the grids beside the study's on which rasters lie: name to what it is and the dates on it."""
    dates: dict[str, set[str]] = {}
    for table in tables:
        for date, name in zip(table.dates, table.grids, strict=False):
            dates.setdefault(name, set()).add(date)
    dates.pop("study", None)
    found = {}
    for name in sorted(dates):
        record = read_json(folder / f"{name}.json")
        record.pop("inside_fraction")
        found[name] = {**record, "dates": sorted(dates[name])}
    return found


def _check_checksums(made: list[dict], seals: dict[str, str]) -> None:
    """Raise ZonalflowError for results that are not what their jobs wrote: a manifest must not vouch for them."""
    changed = [file["path"] for file in made if seals.get(file["path"], file["sha256"]) != file["sha256"]]
    if changed:
        raise ZonalflowError(
            f"{len(changed)} results are not what their jobs wrote, so the manifest will not vouch for them: damaged "
            f"or edited by hand. Delete them and run again (copy first what you want to keep):\n"
            f"  rm {shlex.join(changed)}"
        )
