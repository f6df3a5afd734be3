"""A recipe, what a result is made from, and the record of it beside the result."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from zonalflow.common.errors import ZonalflowError
from zonalflow.common.files import read_json, write_json
from zonalflow.common.text import count_of, few
from zonalflow.recipes.contents import Content, content_of

_OWN_PATHS = ("zones", "raster", "weights", "zone_options")  # keys with the path of a user's file
_SHORT = 40  # characters of a value in a reason
_GROUPS = {
    "rasters": "its raster", "zones": "the zones file", "original_zones": "the zones file",
    "weights": "the raster of weights", "verification": "the verification", "page": "the report's page",
}  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """What a result is made from.

    Attributes:
        step: the step that makes it.
        code: the digest of the step's code.
        keys: what it is asked for: the configuration's keys that matter to it.
        inputs: for each kind of input, name and SHA-256 of the files, side files included.
        made_from: the digests of the recipes of the results that it is made from, by their paths from here.
    """

    step: str
    code: str
    keys: dict[str, Any]
    inputs: dict[str, list[list[str]]]
    made_from: dict[str, str]

    @property
    def digest(self) -> str:
        """32 hexadecimal digits of all of it."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Record:
    """The record of a finished result.

    Attributes:
        recipe: what it was made from.
        files: for each kind of input, the files that were read; also of kinds that the recipe does not hold.
        outputs: size, modification time and SHA-256 of each file that was written.
    """

    recipe: Recipe
    files: dict[str, list[Content]] = field(default_factory=dict)
    outputs: dict[str, tuple[int, int, str]] = field(default_factory=dict)

    def write(self, path: str) -> None:
        """Write the record, whole or not at all."""
        write_json(path, {"digest": self.recipe.digest, **asdict(self)})

    @classmethod
    def read(cls, path: str) -> "Record | None":
        """Return the record in a file; None if there is none, or it was damaged."""
        try:
            values = read_json(path)
            recipe = Recipe(**values["recipe"])
            if recipe.digest != values["digest"]:
                return None
            files = {kind: [content_of(one) for one in ones] for kind, ones in values["files"].items()}
            outputs = {name: (size, time, checksum) for name, (size, time, checksum) in values["outputs"].items()}
            return cls(recipe, files, outputs)
        except (ZonalflowError, OSError, ValueError, KeyError, TypeError, AttributeError):
            return None


def portable(keys: Mapping[str, Any]) -> dict[str, Any]:
    """Return keys as JSON has them, the paths of a user's files without the folders that hold all of them.

    So a study can be moved, and its files with it: their contents count, and in a pattern what tells them apart.
    """
    plain: dict[str, Any] = json.loads(json.dumps(dict(keys)))
    for key in _OWN_PATHS:
        if isinstance(plain.get(key), dict) and isinstance(path := plain[key].get("path"), str):
            parts = path.split("/")
            first = next((n for n, part in enumerate(parts) if set(part) & set("{*?[")), len(parts) - 1)
            plain[key]["path"] = "/".join(parts[first:])
    return plain


def named(files: Mapping[str, list[Content]]) -> dict[str, list[list[str]]]:
    """Return files as a recipe holds them."""
    return {kind: [[one.name, one.sha256] for one in ones] for kind, ones in files.items()}


def path_between(record: str, other: str) -> str:
    """Return the path of another record from the folder of a record, the same wherever both are moved."""
    return os.path.relpath(other, os.path.dirname(record))  # noqa: PTH120 - called for thousands


def differences(old: Recipe, new: Recipe) -> list[str]:
    """Return how a recipe differs from a former one, as texts: first the reasons that a user knows of."""
    found = [f"{key}: {_change(before, after)}" for key, (before, after) in changes(old.keys, new.keys).items()]
    for kind in dict.fromkeys([*old.inputs, *new.inputs]):
        found += _changed_files(_GROUPS.get(kind, kind), old.inputs.get(kind, []), new.inputs.get(kind, []))
    if old.code != new.code:
        found.append(f"the code of {new.step} changed")
    return found


def changes(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> dict[str, tuple[Any, Any]]:
    """Return what differs between two nested mappings: dotted key to (old, new)."""
    found: dict[str, tuple[Any, Any]] = {}
    for key in {**old, **new}:
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            found.update(changes(before, after, f"{prefix}{key}."))
        elif before != after:
            found[f"{prefix}{key}"] = (before, after)
    return found


def _changed_files(what: str, old: list[list[str]], new: list[list[str]]) -> list[str]:
    if old == new:
        return []
    before, after = (dict(files) for files in (old, new))
    changed = [name for name, checksum in after.items() if before.get(name, checksum) != checksum]
    kinds = {
        "": changed,
        "is new": [name for name in after if name not in before],
        "is no longer there": [name for name in before if name not in after],
    }
    text = [f"{few(names, 2)} {_verb(kind, len(names))}".rstrip() for kind, names in kinds.items() if names]
    return [f"{what} changed: {', '.join(text) or count_of(len(new), 'file') + ' in another order'}"]


def _verb(kind: str, number: int) -> str:
    return kind if number == 1 else kind.replace("is ", "are ", 1)


def _change(before: Any, after: Any) -> str:
    """Return how a value changed; of long lists, which begin alike, what was added and what was left out."""
    text = f"{_short(before)} → {_short(after)}"
    if not ("…" in text and isinstance(before, list) and isinstance(after, list)):
        return text
    old, new = ({_entry(value): None for value in values} for values in (before, after))
    parts = {"added": [one for one in new if one not in old], "left out": [one for one in old if one not in new]}
    return ", ".join(f"{few(ones, 2)} {what}" for what, ones in parts.items() if ones) or text


def _entry(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"
