"""Checks of the configuration that a schema cannot express, such as that of one key against another."""

import math
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from zonalflow.common.columns import ROW, column_of_ids, mappable
from zonalflow.common.dates import format_years
from zonalflow.common.errors import ConfigError
from zonalflow.common.text import nearest


def check_keys(config: dict[str, Any]) -> None:
    """Raise ConfigError for the first key that another one contradicts, or needs."""
    zones, raster = config["zones"], config["raster"]
    _check_zones(config)
    _check_rasters(raster)
    _check_paths(config)
    _check_months(raster)
    _check_min_coverage(config)
    _check_maps(config)
    for key, crs in (("zones.crs", zones["crs"]), ("raster.crs", raster["crs"])):
        if crs is not None:
            _check_crs(key, crs)
    for key in ("connect_timeout", "read_timeout"):
        if not math.isfinite(config["fetch"][key]):  # neither more nor less than a schema's limits
            raise ConfigError(f"fetch.{key}: {config['fetch'][key]!r} is not a number of seconds")
    if config["baseline"] is not None and not set(config["baseline"]) & set(config["years"]):
        raise ConfigError(
            f"baseline: none of {format_years(config['baseline'])} is a year of the study, which has "
            f"{format_years(config['years'])}; write years that are, or null for all"
        )


def _check_zones(config: dict[str, Any]) -> None:
    zones = config["zones"]
    if zones["source"] == "file" and "path" not in zones:
        raise ConfigError("zones.path: zones.source is file, so this key must name the file")
    if zones["source"] == "census":
        if "year" not in zones:
            raise ConfigError("zones.year: zones.source is census, so this key must say which year's boundaries")
        if "path" in zones:
            raise ConfigError("zones.path: only used with zones.source: file; zones.source is census")
    columns = {"variable", "date", "year", "grid", "count", "valid_fraction", "inside_fraction", "geometry"}
    columns.update(config["stats"])
    if column_of_ids(zones["id"]) in columns:
        raise ConfigError(
            f"zones.id: {column_of_ids(zones['id'])!r} is the name of a column of the results; rename it in the zones"
        )
    if zones["id"] == ROW and zones["source"] != "file":
        raise ConfigError("zones.id: row numbers the features of one file, so it is only for zones.source: file")


def _check_rasters(raster: dict[str, Any]) -> None:
    if raster["source"] == "local" and "path" not in raster:
        raise ConfigError("raster.path: raster.source is local, so this key must give the files' pattern")
    if raster["source"] != "local" and "path" in raster:
        raise ConfigError(f"raster.path: only used with raster.source: local; raster.source is {raster['source']}")
    for key, empty in (("names", {}), ("select", {}), ("band", None), ("missing_dates", "error"), ("grain", "")):
        value = raster.get(key, empty)
        if raster["source"] != "local" and value != empty and (key != "grain" or value == "native"):
            what = {"names": "variables: a mapping to names in files", "grain": "grain: native"}.get(key, key)
            raise ConfigError(f"raster.{what} is only for raster.source: local; raster.source is {raster['source']}")
    unknown = set(raster["units"]) - set(raster["variables"])
    if unknown:
        name = min(unknown, key=str)
        hint = nearest(name, raster["variables"])
        raise ConfigError(f"raster.units.{name}: no such variable in raster.variables{hint}")


def _check_paths(config: dict[str, Any]) -> None:
    """Raise ConfigError for a path with a character that Snakemake or GDAL reads as something else."""
    for key, path in (("zones.path", config["zones"].get("path")), ("weights.path", _path_of(config["weights"]))):
        odd = set(path or "") & set("{};!" if key == "zones.path" else "{}")
        if odd:
            raise ConfigError(
                f"{key}: {path!r} holds {min(odd)!r}, which is no part of a name to Snakemake or GDAL; rename it"
            )


def _check_months(raster: dict[str, Any]) -> None:
    grain, source = raster["grain"], raster["source"]
    if grain == "hourly" and source not in ("geocdl", "local"):
        raise ConfigError(f"raster.grain hourly: only for raster.source: geocdl and local; raster.source is {source}")
    if raster["months"] is None:
        return
    if source == "demo":
        raise ConfigError("raster.months: not for raster.source: demo, which makes whole years")
    if grain == "annual":
        raise ConfigError("raster.months: annual rasters have no months; write raster.grain: monthly or daily")


def _check_maps(config: dict[str, Any]) -> None:
    wanted, known = config["output"]["maps"], mappable(config["stats"])
    for stat in wanted if isinstance(wanted, list) else ():
        if stat not in known:
            why = (
                "is not among stats" if stat not in config["stats"] else "is a code of classes, or computed from codes"
            )
            raise ConfigError(
                f"output.maps: {stat!r} {why}{nearest(stat, known)}. Maps can be drawn of {', '.join(known) or 'none'}"
            )


def _check_min_coverage(config: dict[str, Any]) -> None:
    if not 0 <= config["min_coverage"] <= 1:  # a schema lets NaN pass
        raise ConfigError(f"min_coverage: {config['min_coverage']} is not a fraction from 0 to 1")
    if config["min_coverage"] and config["method"] != "coverage":
        raise ConfigError(
            "min_coverage: only used with method: coverage, since other methods count whole cells; method is "
            + config["method"]
        )


def check_url(key: str, url: str) -> None:
    """Raise ConfigError for an address that is not valid, or that holds a password; the message does not repeat it."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if "@" in url.partition("//")[2].partition("/")[0]:
        raise ConfigError(
            f"{key}: an address with a user name or password is refused, since it would be kept with the results; "
            "write http://HOST:PORT"
        )
    if not valid or "?" in url or "#" in url or not url.isascii() or not url.isprintable():
        raise ConfigError(f"{key}: {url!r} is not an address of a server; write one like http://10.1.1.80:8000")


def _path_of(weights: str | dict[str, str]) -> str | None:
    return weights["path"] if isinstance(weights, dict) else None


def _check_crs(key: str, crs: str) -> None:
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    described = "[" in crs or "+proj" in crs or crs.lstrip().startswith("{")
    if not described and ("/" in crs or "\\" in crs or Path(crs).exists()):
        raise ConfigError(f"{key}: {crs!r} is an address or a file; write the CRS like EPSG:4269, or as WKT")
    try:
        known = CRS.from_user_input(crs)
    except CRSError:
        raise ConfigError(f"{key}: {crs[:200]!r} is not a CRS; write it like EPSG:4269, or as WKT") from None
    if not (known.is_geographic or known.is_projected):
        raise ConfigError(f"{key}: {crs!r} is neither geographic nor projected, so it does not say where cells lie")
