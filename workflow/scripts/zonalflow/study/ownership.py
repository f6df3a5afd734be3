"""Which configuration a results folder belongs to: two configurations must not mix in one.

``results/<run>/config.json`` records which configuration file the results are of, and its content. It is written when
all results in the folder are of that configuration. The same file may be edited: what depends on the edit is computed
again, and what the edit leaves behind is moved aside, neither deleted nor left among the new results. A *different*
file that uses the same ``run`` for something else is refused.
"""

import itertools
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from zonalflow.common.errors import ConfigError
from zonalflow.common.files import write_json
from zonalflow.recipes.recipe import changes
from zonalflow.study.study import Study

# keys that set where and how to fetch, or what to write, and do not affect the numbers
_HARMLESS = ("fetch", "baseline", "output", "steps")


def config_changes(old: dict, new: dict) -> dict[str, tuple]:
    """Return the keys that differ between two resolved configurations and matter: dotted key to (old, new)."""
    return {
        key: pair
        for key, pair in changes(old, new).items()
        if key.partition(".")[0] not in _HARMLESS and not key.endswith(".url")
    }


def check_owner(study: Study, configfile: str) -> None:
    """Raise ConfigError when the results folder belongs to another configuration file with another content."""
    former = recorded(study)
    if former is None or former["configfile"] == configfile:
        return
    changed = config_changes(former["config"], study.config)
    if changed:
        keys = "; ".join(f"{key}: {_short(old)} there, {_short(new)} here" for key, (old, new) in changed.items())
        raise ConfigError(
            f"run: {study.results}/ holds the results of {former['configfile']}, which differs from {configfile} "
            f"({keys}). "
            f"Give this study a run name of its own, such as run: {study.run}-2, or move {study.results}/ away"
        )


def move_aside(study: Study, is_right: Callable[[str, int], bool], edited: Iterable[str] = ()) -> list[str]:
    """Move aside the results that an earlier configuration left behind, and those that were `edited`.

    Years that are no longer asked for stay where `is_right` says of a variable and year that all else is the same. A
    table of all years that is no longer asked for does not stay, since it would not hold the years of the others.

    Returns:
        The files that were moved, to ``results/<run>/superseded/<time>/``.
    """
    known: dict[tuple[str, int], bool] = {}
    stale = []
    for path in left_behind(study):
        year = _year_of(path, study)
        if year is not None and year not in known:
            known[year] = is_right(*year)
        if year is None or not known[year]:
            stale.append(path)
    aside = _new_folder(Path(study.results) / "superseded" / time.strftime("%Y-%m-%dT%H-%M-%S"))
    moved = [*stale, *map(Path, edited)]
    for path in moved:
        target = aside / path.relative_to(study.results)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    return [str(path) for path in moved]


def _year_of(path: Path, study: Study) -> tuple[str, int] | None:
    """Return the variable and year of a result; None for one of several years, or of another variable."""
    variable, year = path.parent.name, path.name.partition(".")[0].removeprefix("stats_")
    if variable == "maps":
        variable, _, year = path.stem.rpartition("_")
    return (variable, int(year)) if variable in study.variables and year.isdigit() else None


def _new_folder(path: Path) -> Path:
    """Return a path that does not exist: this one, or with a number."""
    further = (path.with_name(f"{path.name}-{number}") for number in itertools.count(2))
    return next(candidate for candidate in itertools.chain([path], further) if not candidate.exists())


def record_config(study: Study, configfile: str) -> None:
    """Record which configuration the results are of."""
    write_json(_record(study), {"configfile": configfile, "config": study.config})


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
    patterns = ("*/stats_*", "maps/*.png", "maps/*/*.png", "work/*/*.npz", "zonal_stats*")
    found = [path for pattern in patterns for path in root.glob(pattern)]
    return sorted(path for path in found if path not in planned)


def _record(study: Study) -> Path:
    return Path(study.results) / "config.json"


def _short(value: object, limit: int = 60) -> str:
    text = json.dumps(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
