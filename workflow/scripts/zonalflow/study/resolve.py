"""The configuration, complete and checked: defaults, and what a schema cannot express.

:func:`resolve` turns what the user wrote (YAML, and ``--config`` on top) into a complete, JSON-able dict in which every
key of the schema is present and normalised: ``years`` is a sorted list of int, ``bbox`` four floats or None.
"""

import copy
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from zonalflow.common.dates import format_years, parse_years
from zonalflow.common.errors import ConfigError
from zonalflow.common.text import nearest
from zonalflow.sources.catalogue import census, geocdl, prism
from zonalflow.sources.catalogue.datasets import DATASETS, dataset_id
from zonalflow.study.schema import check_scalars, check_schema, check_size, coerce_texts, with_defaults

if TYPE_CHECKING:
    from zonalflow.sources.http import RetryPolicy

AVAILABLE = "available"  # of years: all that the dataset has
URLS = {"census": census.BASE_URL, "geocdl": geocdl.BASE_URL, "prism": prism.BASE_URL}


def resolve(config: Mapping[str, Any], schema: dict[str, Any], *, check: bool = True) -> dict[str, Any]:
    """Return the complete, normalised configuration; ``config`` is not changed.

    With ``check=False`` the schema is trusted to hold (the controlling process has checked it, a job parses it again)
    and its library is not imported.

    Raises:
        ConfigError: with every mistake that the schema finds, one a line, or the first one beyond the schema.
    """
    if check:
        check_size(config)
    coerced = coerce_texts(copy.deepcopy(dict(config)), schema)
    if check:
        check_scalars(coerced)
        check_schema(coerced, schema)
    resolved: dict[str, Any] = with_defaults(coerced, schema)
    _resolve_geocdl(resolved)
    resolved["years"] = parse_years(resolved["years"])
    resolved["bbox"] = parse_bbox(resolved["bbox"])
    if resolved["baseline"] is not None:
        resolved["baseline"] = parse_years(resolved["baseline"], "baseline")
    resolved["raster"]["nodata"] = _writable(resolved["raster"]["nodata"])
    resolved["raster"]["months"] = resolved["raster"]["months"] and sorted(resolved["raster"]["months"])
    if check:
        from zonalflow.stats.statistics import parse_stats  # brings numpy, which a job's second parse does without

        parse_stats(resolved["stats"])
        _check_sources(resolved)
    for name in ("zones", "raster"):
        part = resolved[name]
        if part["url"] is not None:
            _check_url(f"{name}.url", part["url"])
        else:
            part["url"] = URLS.get(part["source"])
    return resolved


def _resolve_geocdl(resolved: dict[str, Any]) -> None:
    """Put the server's own id for a dataset of GeoCDL, its years for ``available``, and what its rasters declare."""
    raster = resolved["raster"]
    if raster["source"] != "geocdl":
        if resolved["years"] == AVAILABLE:
            raise ConfigError("years: available is only for raster.source: geocdl; write the years, such as 2000:2020")
        return
    raster["dataset"] = dataset_id(raster["dataset"])
    if resolved["years"] == AVAILABLE:
        resolved["years"] = geocdl.available_years(raster["dataset"], raster["grain"])
    if raster["nodata"] is None and not DATASETS[raster["dataset"]].declares_nodata:
        raster["nodata"] = "declared"


def parse_bbox(value: Any) -> list[float] | None:
    """Return ``[west, south, east, north]`` in degrees, or None for the whole grid.

    Raises:
        ConfigError: unless west < east within ±180 and south < north within ±90.
    """
    if value is None or value in ("null", "none", ""):
        return None
    parts = value.strip("[]() ").split(",") if isinstance(value, str) else value
    form = "write [west, south, east, north] in degrees, for example [-87.5, 24.5, -79.0, 31.0]"
    try:
        if any(isinstance(part, bool) for part in parts):
            raise ValueError
        box = [float(part) for part in parts]
    except (TypeError, ValueError, OverflowError):
        raise ConfigError(f"bbox: {value!r} is not four numbers; {form}") from None
    if len(box) != 4 or not all(map(math.isfinite, box)):
        raise ConfigError(f"bbox: {value!r} is not four numbers; {form}")
    west, south, east, north = box
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= 90 and -90 <= north <= 90):
        swapped = " (are longitude and latitude swapped?)" if max(map(abs, (south, north))) > 90 else ""
        raise ConfigError(f"bbox: {box} leaves ±180° of longitude or ±90° of latitude{swapped}; {form}")
    if west >= east:
        raise ConfigError(f"bbox: west {west} is not less than east {east}; {form}")
    if south >= north:
        raise ConfigError(f"bbox: south {south} is not less than north {north}; {form}")
    return box


def _writable(nodata: float | str | None) -> float | str | None:
    """Return ``nodata`` as it is, but NaN and infinities as text, which JSON, and so the manifest, can hold."""
    return str(nodata) if isinstance(nodata, float) and not math.isfinite(nodata) else nodata


def _check_sources(config: dict[str, Any]) -> None:
    """Check what one key demands of another."""
    zones, raster = config["zones"], config["raster"]
    if zones["source"] == "file" and "path" not in zones:
        raise ConfigError("zones.path: zones.source is file, so this key must name the file")
    if zones["source"] == "census":
        if "year" not in zones:
            raise ConfigError("zones.year: zones.source is census, so this key must say which year's boundaries")
        if "path" in zones:
            raise ConfigError("zones.path: only used with zones.source: file; zones.source is census")
    if raster["source"] == "local" and "path" not in raster:
        raise ConfigError("raster.path: raster.source is local, so this key must give the files' pattern")
    if raster["source"] != "local" and "path" in raster:
        raise ConfigError(f"raster.path: only used with raster.source: local; raster.source is {raster['source']}")
    for key, path in (("zones.path", zones.get("path")), ("weights.path", _path_of(config["weights"]))):
        odd = set(path or "") & set("{};!" if key == "zones.path" else "{}")
        if odd:
            raise ConfigError(
                f"{key}: {path!r} holds {min(odd)!r}, which is no part of a name to Snakemake or GDAL; rename it"
            )
    _check_months(raster)
    _check_min_coverage(config)
    for key, crs in (("zones.crs", zones["crs"]), ("raster.crs", raster["crs"])):
        if crs is not None:
            _check_crs(key, crs)
    columns = {"variable", "date", "year", "grid", "count", "valid_fraction", "inside_fraction", "geometry"}
    columns.update(config["stats"])
    if zones["id"] in columns:
        raise ConfigError(f"zones.id: {zones['id']!r} is the name of a column of the results; rename it in the zones")
    for key in ("connect_timeout", "read_timeout"):
        if not math.isfinite(config["fetch"][key]):  # neither more nor less than a schema's limits
            raise ConfigError(f"fetch.{key}: {config['fetch'][key]!r} is not a number of seconds")
    if config["baseline"] is not None and not set(config["baseline"]) & set(config["years"]):
        raise ConfigError(
            f"baseline: none of {format_years(config['baseline'])} is a year of the study, which has "
            f"{format_years(config['years'])}; write years that are, or null for all"
        )
    unknown = set(raster["units"]) - set(raster["variables"])
    if unknown:
        name = min(unknown, key=str)
        hint = nearest(name, raster["variables"])
        raise ConfigError(f"raster.units.{name}: no such variable in raster.variables{hint}")


def _check_months(raster: dict[str, Any]) -> None:
    grain, source = raster["grain"], raster["source"]
    if grain == "hourly" and source != "geocdl":
        raise ConfigError(f"raster.grain hourly: only for raster.source: geocdl; raster.source is {source}")
    if raster["months"] is None:
        return
    if source not in ("geocdl", "prism"):
        raise ConfigError(f"raster.months: only for raster.source: geocdl and prism; raster.source is {source}")
    if grain == "annual":
        raise ConfigError("raster.months: annual rasters have no months; write raster.grain: monthly or daily")


def _check_min_coverage(config: dict[str, Any]) -> None:
    if not 0 <= config["min_coverage"] <= 1:  # a schema lets NaN pass
        raise ConfigError(f"min_coverage: {config['min_coverage']} is not a fraction from 0 to 1")
    if config["min_coverage"] and config["method"] != "coverage":
        raise ConfigError(
            "min_coverage: only used with method: coverage, since other methods count whole cells; method is "
            + config["method"]
        )


def _check_url(key: str, url: str) -> None:
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


def retry_policy(fetch: Mapping[str, Any]) -> "RetryPolicy":
    """Return how long downloads wait and how often they try, from the configuration's ``fetch``."""
    from zonalflow.sources.http import RetryPolicy

    return RetryPolicy(connect=fetch["connect_timeout"], read=fetch["read_timeout"], attempts=fetch["attempts"])
