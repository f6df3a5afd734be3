"""The closed schema of the configuration: its checks, its defaults, and its messages."""

import contextlib
import copy
import functools
import itertools
import math
from pathlib import Path
from typing import Any

import yaml

from zonalflow.common.errors import ConfigError
from zonalflow.common.text import nearest
from zonalflow.run.start import syntax_mistake

_DEEPEST, _MOST_NODES = 20, 50_000  # levels and values of a configuration
_CONTAINERS = (dict, list, tuple)
_TYPE_NAMES = {
    "array": "a list", "boolean": "true or false", "integer": "a whole number", "null": "null", "number": "a number",
    "object": "keys and values", "string": "text",
}  # fmt: skip

_FORMS = {
    "raster.variables": "a list, or labels with the names in the file: {rain: data}",
    "raster.band": "the number of a band, from 1, or its description",
    "zones.columns": "a list of columns, or all",
    "output.maps": "a list of statistics, or all",
}


def load_schema(path: Path) -> dict[str, Any]:
    """Return the JSON schema in the YAML file ``path``."""
    schema: dict[str, Any] = yaml.load(Path(path).read_text(encoding="utf-8"), Loader=_Loader)
    return schema


# libyaml's parser where it is compiled in: every cluster job reads the schema again
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def check_syntax(path: Path) -> None:
    """Raise ConfigError for a file that is no YAML, naming the line; a missing one is for Snakemake to report."""
    if problem := syntax_mistake(path):
        raise ConfigError(problem)


def check_duplicates(path: Path) -> None:
    """Raise ConfigError for a key that stands twice in a YAML file: its readers would keep the last one in silence."""

    def check(node: yaml.Node | None, where: tuple[str, ...] = ()) -> None:
        seen: dict[str, int] = {}
        for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
            name, line = str(key.value), key.start_mark.line + 1
            if name in seen:
                dotted = ".".join([*where, name])
                raise ConfigError(f"{dotted}: stands twice in {path}, in lines {seen[name]} and {line}; leave one")
            seen[name] = line
            check(value, (*where, name))

    # Snakemake has read the file, and reports these itself
    with contextlib.suppress(yaml.YAMLError, OSError, UnicodeError, RecursionError, ValueError):
        check(yaml.compose(Path(path).read_text(encoding="utf-8-sig"), Loader=_Loader))


def coerce_texts(value: Any, schema: dict[str, Any]) -> Any:
    """Return a value with its texts read as what the schema wants there.

    Snakemake gives ``--config stats=mean,max`` as a text, and the number and the null of
    ``--config 'zones={year: 2020, states: null}'``; and YAML 1.1 takes ``-3.4e38`` for one.
    """
    if isinstance(value, dict) and "properties" in schema:
        known = schema["properties"]
        return {key: coerce_texts(part, known[key]) if key in known else part for key, part in value.items()}
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


def _kinds(schema: dict[str, Any]) -> set[str]:
    """Return the types that a schema admits."""
    kinds = schema.get("type", [])
    return {*([kinds] if isinstance(kinds, str) else kinds)}.union(*map(_kinds, schema.get("anyOf", [])))


def check_size(value: Any) -> None:
    """Raise ConfigError for a configuration that is too deep or large, as one is that YAML's anchors make of itself."""
    nodes, level = 0, [value]
    for _ in range(_DEEPEST + 1):
        if not level:
            return
        nodes += len(level)
        if nodes > _MOST_NODES:
            break
        inner = (part.values() if isinstance(part, dict) else part for part in level if isinstance(part, _CONTAINERS))
        level = list(itertools.islice(itertools.chain.from_iterable(inner), _MOST_NODES + 1))
    raise ConfigError(
        f"the configuration has more than {_DEEPEST} levels or {_MOST_NODES} values, or contains itself (with & and *)"
    )


def check_scalars(value: Any, where: tuple[str, ...] = ()) -> None:
    """Refuse what YAML can hold and neither a message, a path nor JSON can: its mistakes would be tracebacks."""
    name = ".".join(where) or "the configuration"
    if isinstance(value, dict):
        for key, part in value.items():
            check_scalars(key, where)
            check_scalars(part, (*where, str(key)))
    elif isinstance(value, (list, tuple)):
        for part in value:
            check_scalars(part, where)
    elif isinstance(value, int) and value.bit_length() > 64:
        raise ConfigError(f"{name}: a whole number of about {value.bit_length() * 0.30103:.0f} digits is out of range")
    elif isinstance(value, str) and len(value) > (longest := 20_000 if where[-1:] in (("crs",), ("where",)) else 4096):
        raise ConfigError(f"{name}: a text of {len(value)} characters is too long; {longest} are allowed")
    elif isinstance(value, str):
        allowed = "\n\t" if where == ("zones", "where") else ""  # a condition may run over several lines
        odd = [letter for letter in value if _is_control(letter) and letter not in allowed]
        if odd:
            raise ConfigError(f"{name}: {value!r} holds the character {odd[0]!r}, which no name or path should")


def _is_control(letter: str) -> bool:
    return letter < " " or "\x7f" <= letter < "\xa0" or "\ud800" <= letter <= "\udfff"


def check_schema(config: dict[str, Any], schema: dict[str, Any]) -> None:
    """Raise ConfigError with every mistake that the schema finds, one a line."""
    errors = sorted(_validator()(schema).iter_errors(config), key=lambda error: list(map(str, error.path)))
    if errors:
        raise ConfigError("\n".join(dict.fromkeys(line for error in errors for line in _explain(error))))


@functools.cache
def _validator() -> Any:  # jsonschema makes the class
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend as extend_untyped

    extend: Any = extend_untyped  # its stubs have no types for it

    # JSON Schema takes 2021.0 for a whole number; the name of a file does not
    whole = Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    return extend(Draft202012Validator, type_checker=whole)


def _explain(error: Any) -> list[str]:
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
    if error.validator == "anyOf" and where in _FORMS:
        inner = [one for one in error.context if one.validator not in ("type", "enum") or one.relative_path]
        if inner:
            return list(dict.fromkeys(line for one in inner for line in _explain(one)))
        return [f"{where}: {error.instance!r} is not {_FORMS[where]}"]
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
    if error.validator in ("pattern", "propertyNames"):
        return [f"{where}: {error.instance!r} may hold only letters, digits, '.', '_' and '-' (it names files)"]
    return [f"{where}: {error.message}"]


def with_defaults(value: Any, schema: dict[str, Any]) -> Any:
    """Return ``value`` with the defaults of ``schema`` for every key that it lacks, at any depth."""
    if schema.get("type") != "object" or "properties" not in schema:
        return value
    filled = dict(value)
    for key, part in schema["properties"].items():
        if key not in filled:
            if "default" not in part:
                continue
            filled[key] = copy.deepcopy(part["default"])
        filled[key] = with_defaults(filled[key], part)
    return filled
