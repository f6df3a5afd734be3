"""Explanations for recipients of the results: the meaning of each column, and the README beside the files."""

import textwrap
from typing import Any

from zonalflow.common.columns import CLASS, INSIDE, SHARE, column_of_ids
from zonalflow.common.dates import format_years, rasters_of
from zonalflow.report.quantities import quantity_of, stat_label, stat_unit

_METHODS = {
    "center": "the cells whose centre lies in the zone",
    "all_touched": "every cell that the zone overlaps",
    "coverage": "the cells that the zone overlaps, weighted by the share that it covers",
}
_CELLS_WITH_DATA = "of the zone's cells on the grid; empty for a zone without a cell"
_INSIDE = "of the zone's area; below 1 the grid's edge cuts the zone, and the statistics are those of the part inside"
_FIXED = {
    "variable": ("variable", "", "what the raster shows"),
    "date": ("date", "", "year, year-month or day (ISO 8601), as text"),
    "count": ("number of cells", "cells", "cells of the zone that hold data"),
    "valid_fraction": ("share of cells with data", "1", _CELLS_WITH_DATA),
    INSIDE: ("share inside the grid", "1", _INSIDE),
    "grid": ("grid", "", "the grid on which the raster lies: `study`, or one that manifest.json describes"),
}


def column_meanings(names: list[str], config: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return ``long_name``, ``unit`` (if it is known) and ``description`` of each column of the tables.

    Args:
        names: the columns of the tidy table.
        config: the keys ``zones.id``, ``raster.variables``, ``raster.units`` and ``method`` of the configuration.
    """
    return {name: _meaning(name, config) for name in names}


def year_meanings(sources: dict[str, tuple[str, str]], config: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return what :func:`column_meanings` gives of the columns of one year's file, and of the ids.

    Args:
        sources: column to its name in the tables and its date; the name of several dates ends in theirs.
        config: as there.
    """
    found = {}
    for column, (name, date) in sources.items():
        found[column] = of = _meaning(name, config)
        if column != name:
            found[column] = {**of, "long_name": f"{of['long_name']}, {date}"}
    key = column_of_ids(config["zones"]["id"])
    return {key: _meaning(key, config), **found}


def _meaning(name: str, config: dict[str, Any]) -> dict[str, str]:
    if name in _FIXED:
        long_name, unit, text = _FIXED[name]
    elif name == column_of_ids(config["zones"]["id"]):
        long_name, unit, text = "id of the zone", "", "always text: leading zeros count"
    elif name in _statistics(name, config):
        long_name, unit = stat_label(name), _unit(name, config)
        text = f"over {_METHODS[config['method']]}"
    else:
        long_name, unit, text = f"the zone's {name}", "", "an attribute of the zones as they were given"
    return {"long_name": long_name, **({"unit": unit} if unit else {}), "description": text}


def _statistics(name: str, config: dict[str, Any]) -> list[str]:
    return [name] if name.startswith((CLASS, SHARE)) else config["stats"]


def _unit(stat: str, config: dict[str, Any]) -> str:
    """Return the unit of a statistic: one for all variables, or each with its own."""
    raster = config["raster"]
    units = {name: stat_unit(stat, quantity_of(name, raster["units"])) for name in raster["variables"]}
    if stat.startswith(SHARE):
        return "1"
    if len(set(units.values())) == 1:
        return next(iter(units.values()))
    return "; ".join(f"{name}: {unit}" for name, unit in units.items() if unit)


def readme(manifest: dict[str, Any], columns: list[str]) -> str:
    """Return the text of ``README.txt``: what each file and column is, with units, method and citation."""
    config = manifest["config"]
    raster, years = config["raster"], config["years"]
    head = [f"Zonal statistics: run {config['run']}", "=" * (23 + len(config["run"]))]
    if manifest["synthetic"]:
        head += ["", "SYNTHETIC DATA, generated for the demo: these numbers are not measurements."]
    facts = {
        "Variables": ", ".join(raster["variables"]),
        "Years": f"{format_years(years)}, {rasters_of(raster['grain'])}",
        "Zones": f"{manifest['zones']['kept']}, identified by {config['zones']['id']}",
        "Statistics": f"{', '.join(config['stats'])}, over {_METHODS[config['method']]}",
        "Made with": f"zonalflow {manifest['zonalflow']}",
    }
    lines = [*head, "", *(f"{name + ':':<12}{text}" for name, text in facts.items())]
    lines += ["", "Files", "-----", *_listed(_files(config))]
    lines += ["", "Columns", "-------"]
    meanings = column_meanings(columns, config)
    lines += _listed({name: _sentence(of) for name, of in meanings.items()})
    if (fields := manifest["shapefile_fields"]) and "shp" in config["output"]["formats"]:
        lines += ["", "Names in shapefiles, which hold 10 characters", "-" * 45]
        lines += _listed(dict(sorted(fields.items())[:60]))
    lines += [
        "",
        "Reading the CSV with ids as text",
        "--------------------------------",
        *_reading(column_of_ids(config["zones"]["id"])),
    ]
    lines += ["", "Please cite", "-----------"]
    sources = manifest["attribution"] or ["The source of the rasters and zones: see manifest.json."]
    for source in [*sources, f"zonalflow {manifest['zonalflow']}: see CITATION.cff of its repository."]:
        lines += textwrap.wrap(source, 100, initial_indent="- ", subsequent_indent="  ")
    return "\n".join(lines) + "\n"


def _sentence(meaning: dict[str, str]) -> str:
    unit = f" ({meaning['unit']})" if meaning.get("unit", "1") != "1" else ""
    return f"{meaning['long_name']}{unit}: {meaning['description']}"


def _listed(rows: dict[str, str]) -> list[str]:
    """Lay out names and texts in two columns; a long name has a line of its own."""
    lines = []
    for name, text in rows.items():
        wrapped = textwrap.wrap(text, 76) or [""]
        first = f"  {name:<26}{wrapped[0]}" if len(name) < 25 else f"  {name}\n{'':<28}{wrapped[0]}"
        lines += [first, *(f"{'':<28}{line}" for line in wrapped[1:])]
    return lines


def _files(config: dict[str, Any]) -> dict[str, str]:
    formats = config["output"]["formats"]
    vectors = [kind for kind in ("shp", "gpkg", "geojson", "geoparquet") if kind in formats]
    styled = vectors and config["raster"]["grain"] in ("annual", "monthly")
    files = {
        "zonal_stats.parquet": "the tidy table: a row for each zone, variable and date; its fields state their units",
        **({"zonal_stats.csv": "the same as text"} if "csv" in formats else {}),
        **({"zonal_stats_wide.csv": "a row for each zone, a column for each date"} if "wide" in formats else {}),
        **({"zonal_stats.xlsx": "the same as a workbook, with a sheet that explains it"} if "xlsx" in formats else {}),
        **(
            {"<variable>/stats_<year>.*": f"the zones with a year's statistics: {', '.join(vectors)}"}
            if vectors
            else {}
        ),
        **(
            {"<variable>/stats_<year>.qml": "the colours of the map, which QGIS applies to that file"} if styled else {}
        ),
        "zones.parquet": "the zones as they were used (GeoParquet)",
        "maps/": "a map of each year, and one picture of all years; in folders those of further statistics",
        "report.html": "maps, trends, ranking, data quality and citations; opens in a browser, needs no network",
        "manifest.json": "provenance: configuration, inputs with checksums, versions, zones dropped or repaired",
    }
    return files


def _reading(key: str) -> list[str]:
    return [
        f'  pandas  pandas.read_csv("zonal_stats.csv", dtype={{"{key}": str, "date": str}})',
        f'  R       readr::read_csv("zonal_stats.csv", col_types = readr::cols({key} = "c", date = "c"))',
        "  Excel   Data > From Text/CSV > Transform Data; set the type of the id column to Text. Do not open the file",
        "          by a double click: Excel would drop leading zeros. The format xlsx has ids as text.",
    ]
