"""Which configuration a results folder belongs to: two configurations must not mix in one.

``results/<run>/config.json`` records which configuration file filled the folder, and with what. The same file may be
edited: Snakemake recomputes what depends on the edit, and what the edit leaves behind is moved aside, neither deleted
nor left among the new results. A *different* file that uses the same ``run`` for something else is refused.
"""

import json
import time
from pathlib import Path

from zonalflow.common.errors import ConfigError
from zonalflow.common.files import write_json
from zonalflow.study.study import Study

# keys that say where and how to fetch, or what to write, and leave the numbers alone
_HARMLESS = ("fetch", "baseline", "output", "steps")


def changes(old: dict, new: dict, prefix: str = "") -> dict[str, tuple]:
    """Return the keys that differ between two resolved configurations: dotted key to (old, new)."""
    found = {}
    for key in {**old, **new}:
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            found.update(changes(before, after, f"{prefix}{key}."))
        elif before != after:
            found[f"{prefix}{key}"] = (before, after)
    return {
        key: pair for key, pair in found.items() if key.partition(".")[0] not in _HARMLESS and not key.endswith(".url")
    }


def check_owner(study: Study, configfile: str) -> None:
    """Raise ConfigError when the results folder belongs to another configuration file with another content."""
    former = recorded(study)
    if former is None or former["configfile"] == configfile:
        return
    changed = changes(former["config"], study.config)
    if changed:
        keys = "; ".join(f"{key}: {_short(old)} there, {_short(new)} here" for key, (old, new) in changed.items())
        raise ConfigError(
            f"run: {study.results}/ holds the results of {former['configfile']}, which differs from {configfile} "
            f"({keys}). "
            f"Give this study a run name of its own, such as run: {study.run}-2, or move {study.results}/ away"
        )


def claim(study: Study, configfile: str) -> list[str]:
    """Record the configuration in the results folder, and move aside what an earlier one left behind.

    Years that are no longer asked for stay when all else is the same: their numbers still hold. A table of all years
    that is no longer asked for does not stay, since it would not hold the years of the others.

    Returns:
        The files that were moved, to ``results/<run>/superseded/<time>/``.
    """
    former = recorded(study)
    moved = []
    stale = left_behind(study) if former else []
    if former and all(key == "years" for key in changes(former["config"], study.config)):
        stale = [path for path in stale if path.parent == Path(study.results)]
    aside = Path(study.results) / "superseded" / time.strftime("%Y-%m-%dT%H-%M-%S")
    for path in stale:
        target = aside / path.relative_to(study.results)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
        moved.append(str(path))
    write_json(_record(study), {"configfile": configfile, "config": study.config})
    return moved


def recorded(study: Study) -> dict | None:
    """Return what the results folder's record says, or None for a new folder."""
    try:
        record = json.loads(_record(study).read_text(encoding="utf-8"))
        return record if isinstance(record["config"], dict) and isinstance(record["configfile"], str) else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def left_behind(study: Study) -> list[Path]:
    """Return the results in the folder, one a variable and year, that the present study does not make."""
    planned = {Path(path) for path in [*study.products, *study.year_tables]}
    root = Path(study.results)
    patterns = ("*/stats_*", "maps/*.png", "work/*/*.npz", "zonal_stats*")
    found = [path for pattern in patterns for path in root.glob(pattern)]
    return sorted(path for path in found if path not in planned)


def _record(study: Study) -> Path:
    return Path(study.results) / "config.json"


def _short(value: object, limit: int = 60) -> str:
    text = json.dumps(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
