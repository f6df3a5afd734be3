"""The configuration, complete and checked: defaults, and what a schema cannot express.

:func:`resolve` turns what the user wrote (YAML, and ``--config`` on top) into a complete, JSON-able dict in which every
key of the schema is present and normalised: ``years`` is a sorted list of int, ``bbox`` four floats or None.
"""

import copy
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zonalflow.common.dates import parse_years
from zonalflow.common.errors import ConfigError
from zonalflow.sources.catalogue import census, geocdl, prism
from zonalflow.sources.catalogue.datasets import DATASETS, dataset_id
from zonalflow.study.checks import check_keys, check_url
from zonalflow.study.schema import check_scalars, check_schema, check_size, coerce_texts, with_defaults

if TYPE_CHECKING:
    from zonalflow.sources.http import RetryPolicy

AVAILABLE = "available"  # of years: all that the dataset has
URLS = {"census": census.BASE_URL, "geocdl": geocdl.BASE_URL, "prism": prism.BASE_URL}


def resolve(config: Mapping[str, Any], schema: dict[str, Any], *, check: bool = True) -> dict[str, Any]:
    """Return the complete, normalised configuration; ``config`` is not changed.

    With ``check=False`` the schema is trusted to hold (the controlling process has checked it, and a job only parses it
    again), and its library is not imported.

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
    for part in (resolved["zones"], resolved["raster"], resolved["weights"]):
        if isinstance(part, dict) and "path" in part:
            part["path"] = _at_home(part["path"]).rstrip("/")
    _split_names(resolved["raster"])
    resolved["raster"]["nodata"] = _writable(resolved["raster"]["nodata"])
    resolved["raster"]["months"] = resolved["raster"]["months"] and sorted(resolved["raster"]["months"])
    if check:
        from zonalflow.stats.statistics import parse_stats  # brings numpy, which a job's second parse does without

        parse_stats(resolved["stats"])
        check_keys(resolved)
    for name in ("zones", "raster"):
        part = resolved[name]
        if part["url"] is not None:
            check_url(f"{name}.url", part["url"])
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


def _split_names(raster: dict[str, Any]) -> None:
    """Turn a mapping of ``variables`` into the list of labels, and ``names``: what the files call them otherwise."""
    if isinstance(raster["variables"], dict):
        raster["names"] = {label: name for label, name in raster["variables"].items() if name != label}
        raster["variables"] = list(raster["variables"])


def _at_home(path: str) -> str:
    """Return a path with ``~`` replaced by the home folder."""
    try:
        return str(Path(path).expanduser()) if path.startswith("~") else path
    except RuntimeError:
        raise ConfigError(f"{path}: there is no such user, whose home folder this should be") from None


def _writable(nodata: float | str | None) -> float | str | None:
    """Return ``nodata`` as it is, but NaN and infinities as text, which JSON, and so the manifest, can hold."""
    return str(nodata) if isinstance(nodata, float) and not math.isfinite(nodata) else nodata


def retry_policy(fetch: Mapping[str, Any]) -> "RetryPolicy":
    """Return how long downloads wait and how often they try, from the configuration's ``fetch``."""
    from zonalflow.sources.http import RetryPolicy

    return RetryPolicy(connect=fetch["connect_timeout"], read=fetch["read_timeout"], attempts=fetch["attempts"])
