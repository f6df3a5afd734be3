"""The configuration: its closed schema, its defaults, and what a schema cannot say.

:func:`resolve` turns what the user wrote (YAML, and ``--config`` on top) into a complete, JSON-able dict in which every
key of the schema is present and normalised: ``years`` is a sorted list of int, ``bbox`` four floats or None.
"""

import contextlib
import copy
import functools
import math
from pathlib import Path

import yaml

from zonalflow.errors import ConfigError
from zonalflow.spelling import nearest
from zonalflow.years import format_years, parse_years

GEOCDL_URL = "http://10.1.1.80:8000"
PRISM_URL = "https://services.nacse.org/prism/data/get"

_TYPE_NAMES = {
    "array": "a list", "boolean": "true or false", "integer": "a whole number", "null": "null", "number": "a number",
    "object": "keys and values", "string": "text",
}  # fmt: skip


def load_schema(path: Path) -> dict:
    """Return the JSON schema in the YAML file ``path``."""
    return yaml.load(Path(path).read_text(encoding="utf-8"), Loader=_Loader)


# libyaml's parser where it is compiled in: every cluster job reads the schema again
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def check_duplicates(path: Path) -> None:
    """Raise ConfigError for a key that stands twice in a YAML file: its readers would keep the last one in silence."""

    def check(node, where: tuple[str, ...] = ()) -> None:
        seen: dict[str, int] = {}
        for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
            name, line = str(key.value), key.start_mark.line + 1
            if name in seen:
                dotted = ".".join([*where, name])
                raise ConfigError(f"{dotted}: stands twice in {path}, in lines {seen[name]} and {line}; leave one")
            seen[name] = line
            check(value, (*where, name))

    with contextlib.suppress(yaml.YAMLError, OSError, UnicodeError):  # Snakemake has its own words for these
        check(yaml.compose(Path(path).read_text(encoding="utf-8-sig"), Loader=_Loader))


def resolve(config: dict, schema: dict, *, check: bool = True) -> dict:
    """Return the complete, normalised configuration; ``config`` is not changed.

    With ``check=False`` the schema is trusted to hold (the controlling process has checked it, a job parses it again)
    and its library is not imported.

    Raises:
        ConfigError: with every mistake that the schema finds, one a line, or the first one beyond the schema.
    """
    config = _as_meant(copy.deepcopy(dict(config)), schema)
    if check:
        _check_scalars(config)
        _check_schema(config, schema)
    resolved = _with_defaults(config, schema)
    resolved["years"] = parse_years(resolved["years"])
    resolved["bbox"] = parse_bbox(resolved["bbox"])
    if resolved["baseline"] is not None:
        resolved["baseline"] = parse_years(resolved["baseline"], "baseline")
    resolved["raster"]["nodata"] = _writable(resolved["raster"]["nodata"])
    if check:
        from zonalflow.stats import parse_stats  # brings numpy, which a job's second parse does without

        parse_stats(resolved["stats"])
        _check_sources(resolved)
    if resolved["raster"]["url"] is None:
        resolved["raster"]["url"] = {"geocdl": GEOCDL_URL, "prism": PRISM_URL}.get(resolved["raster"]["source"])
    return resolved


def parse_bbox(value) -> list[float] | None:
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


def _as_meant(value, schema: dict):
    """Read texts as what the schema wants there.

    Snakemake gives ``--config stats=mean,max`` as a text, and the number and the null of
    ``--config 'zones={year: 2020, states: null}'``; and YAML 1.1 takes ``-3.4e38`` for one.
    """
    if isinstance(value, dict) and "properties" in schema:
        known = schema["properties"]
        return {key: _as_meant(part, known[key]) if key in known else part for key, part in value.items()}
    if not isinstance(value, str):
        return value
    kinds = _kinds(schema)
    if value == "null" and "null" in kinds:
        return None
    if "array" in kinds and "string" not in kinds:
        return [part.strip() for part in value.strip("[] ").split(",")]
    for number in (int, float) if {"integer", "number"} & kinds and "array" not in kinds else ():
        with contextlib.suppress(ValueError, OverflowError):
            if math.isfinite(number(value)):
                return number(value)
    return value


def _kinds(schema: dict) -> set[str]:
    """Return the types that a schema admits."""
    kinds = schema.get("type", [])
    return {*([kinds] if isinstance(kinds, str) else kinds)}.union(*map(_kinds, schema.get("anyOf", [])))


def _writable(nodata):
    """Return ``nodata`` as it is, but NaN and infinities as text, for which JSON and the manifest have a word."""
    return str(nodata) if isinstance(nodata, float) and not math.isfinite(nodata) else nodata


def _check_scalars(value, where: tuple[str, ...] = ()) -> None:
    """Refuse what YAML can hold and neither a message, a path nor JSON can: its mistakes would be tracebacks."""
    name = ".".join(where) or "the configuration"
    if isinstance(value, dict):
        for key, part in value.items():
            _check_scalars(key, where)
            _check_scalars(part, (*where, str(key)))
    elif isinstance(value, (list, tuple)):
        for part in value:
            _check_scalars(part, where)
    elif isinstance(value, int) and value.bit_length() > 64:
        raise ConfigError(f"{name}: a whole number of about {value.bit_length() * 0.30103:.0f} digits is out of range")
    elif isinstance(value, str):
        allowed = "\n\t" if where == ("zones", "where") else ""  # a condition may run over several lines
        odd = [letter for letter in value if _is_control(letter) and letter not in allowed]
        if odd:
            raise ConfigError(f"{name}: {value!r} holds the character {odd[0]!r}, which no name or path should")


def _is_control(letter: str) -> bool:
    return letter < " " or "\x7f" <= letter < "\xa0" or "\ud800" <= letter <= "\udfff"


def _check_schema(config: dict, schema: dict) -> None:
    errors = sorted(_validator()(schema).iter_errors(config), key=lambda error: list(map(str, error.path)))
    if errors:
        raise ConfigError("\n".join(dict.fromkeys(line for error in errors for line in _explain(error))))


@functools.cache
def _validator():
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    # JSON Schema takes 2021.0 for a whole number; the name of a file does not
    whole = Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    return extend(Draft202012Validator, type_checker=whole)


def _explain(error) -> list[str]:
    """Return the lines that tell a user what one jsonschema error means."""
    where = ".".join(map(str, error.absolute_path))
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        prefix = f"{where}." if where else ""
        return [
            f"{prefix}{key}: unknown key{nearest(key, known) or '.'} Known here: {', '.join(known)}"
            for key in error.instance
            if key not in known
        ]
    if error.validator == "required":
        missing = [key for key in error.validator_value if key not in error.instance]
        return [f"{where + '.' if where else ''}{key}: this key is required" for key in missing]
    if error.validator == "enum":
        choices = error.validator_value
        return [f"{where}: {error.instance!r} is not one of {', '.join(choices)}{nearest(error.instance, choices)}"]
    if error.validator == "type":
        kinds = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
        wanted = " or ".join(_TYPE_NAMES[kind] for kind in kinds)
        quoted = f'; put it in quotes: "{error.instance}"' if where == "run" else ""
        return [f"{where or 'the configuration'}: {error.instance!r} is not {wanted}{quoted}"]
    if where == "weights":
        return [f"weights: {error.instance!r} is not none, area or {{path: RASTER}}"]
    if error.validator == "minItems":
        return [f"{where}: the list is empty; leave the key out, or name at least {error.validator_value}"]
    if error.validator == "uniqueItems":
        repeated = next(item for i, item in enumerate(error.instance) if item in error.instance[:i])
        return [f"{where}: {repeated!r} is there twice"]
    if where == "raster.nodata":
        return [f"raster.nodata: {error.instance!r} is not a number, nan or none"]
    if error.validator == "pattern" and where.endswith("url"):
        return [f"{where}: {error.instance!r} is not an address; it starts with http:// or https://"]
    if error.validator == "pattern":
        return [f"{where}: {error.instance!r} may hold only letters, digits, '.', '_' and '-' (it names files)"]
    return [f"{where}: {error.message}"]


def _with_defaults(value, schema: dict):
    """Return ``value`` with the defaults of ``schema`` for every key that it lacks, at any depth."""
    if schema.get("type") != "object" or "properties" not in schema:
        return value
    filled = dict(value)
    for key, part in schema["properties"].items():
        if key not in filled:
            if "default" not in part:
                continue
            filled[key] = copy.deepcopy(part["default"])
        filled[key] = _with_defaults(filled[key], part)
    return filled


def _check_sources(config: dict) -> None:
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


def _path_of(weights) -> str | None:
    return weights["path"] if isinstance(weights, dict) else None


def _check_crs(key: str, crs: str) -> None:
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    try:
        CRS.from_user_input(crs)
    except CRSError:
        raise ConfigError(f"{key}: {crs!r} is not a CRS; write it like EPSG:4269, or as WKT") from None


def patience(fetch: dict):
    """Return how long downloads wait and how often they try, from the configuration's ``fetch``."""
    from zonalflow.download import Patience

    return Patience(connect=fetch["connect_timeout"], read=fetch["read_timeout"], attempts=fetch["attempts"])
