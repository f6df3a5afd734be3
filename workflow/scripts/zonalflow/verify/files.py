"""Compare the files of a finished study with the checksums of what was fetched and written."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from zonalflow.common.errors import ZonalflowError
from zonalflow.common.files import read_checksums, read_json, sha256
from zonalflow.index.store import load_index
from zonalflow.recipes.side_files import Folders
from zonalflow.study.study import Study
from zonalflow.tables.year_table import load_year


@dataclass(frozen=True)
class Mismatch:
    """A file that has changed: what is wrong with it, and which files to delete so that it is made again."""

    path: str
    fault: str
    delete: tuple[str, ...] = ()


def check_files(study: Study, manifest: dict[str, Any]) -> tuple[int, list[Mismatch]]:
    """Return how many files were checked, and those that are not what they should be."""
    expected = _expected(study, manifest)
    compared = (_compare(path, checksum, delete) for path, (checksum, delete) in expected.items())
    found = [mismatch for mismatch in compared if mismatch]
    known = {mismatch.path for mismatch in found}
    own = [source["path"] for source in manifest["sources"] if "files" not in source]
    found += [
        Mismatch(path, "was not there when the study ran, and is read with your files now")
        for path in Folders().files_of(own)
        if path not in expected
    ]
    for path in study.year_tables:
        if path not in known:
            found += _attempt(path, _remake(study, path), partial(load_year, Path(path)))
    try:
        folder = read_json(study.index)["folder"]
    except (ZonalflowError, OSError, KeyError, TypeError) as error:
        found.append(Mismatch(study.index, f"cannot be read ({error})", _remake(study, study.index)))
    else:
        found += _attempt(folder, (folder, *_remake(study, study.index)), partial(load_index, folder, recheck=True))
    return len(expected) + 1, found


def _expected(study: Study, manifest: dict[str, Any]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return the checksum of each file, and what to delete so that it is made again.

    A file that a job wrote is compared with the checksum that the job recorded, which is older than the manifest's; a
    record that a failing disk damaged then shows as well.
    """
    expected: dict[str, tuple[str, tuple[str, ...]]] = {}
    for path, checksum in read_checksums(sorted(Path(study.work).rglob("*.sha256"))).items():
        if _belongs(study, path):
            expected[path] = (checksum, _remake(study, path))
    for result in manifest["results"]:
        expected.setdefault(result["path"], (result["sha256"], _remake(study, result["path"])))
    for source in manifest["sources"]:
        if "files" not in source:
            expected[source["path"]] = (source["sha256"], ())
            continue
        folder = Path(source["path"])
        for file in [*source["files"], *source.get("sidecars", [])]:
            path = folder / file["name"]
            expected[str(path)] = (file["sha256"], (*_remake(study, str(path)), *_receipts(folder, file["name"])))
    return expected


def _remake(study: Study, path: str) -> tuple[str, ...]:
    """Return what to delete so that a file is made again: itself and, unless it is a product, something made from it.

    Snakemake makes a missing file only if a product needs it, and needs none while all products are there. The manifest
    is made from nearly everything; not from the zones' shapefile, which is made with the report on preparing them.
    """
    if path in study.products:
        return (path,)
    template = (study.preparation,) if path.startswith(f"{study.template}.") else ()
    return tuple(dict.fromkeys((path, *template, study.manifest)))


def _belongs(study: Study, path: str) -> bool:
    """Whether a file that a job wrote is of the present study: years that are no longer asked for may lie beside it."""
    planned = {*study.products, *study.year_tables, study.prepared, study.grid, study.preparation}
    return path in planned or path.startswith(f"{study.template}.")


def _receipts(folder: Path, name: str) -> list[str]:
    """Return the receipts in `folder` that list a file: it is fetched again when they are missing."""
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            files = json.loads(path.read_text(encoding="utf-8"))["files"]
            if any(file["name"] == name for file in files):
                found.append(str(path))
        except (OSError, ValueError, KeyError, TypeError):
            found.append(str(path))  # unreadable: to be fetched again as well
    return found


def _compare(path: str, checksum: str, delete: tuple[str, ...]) -> Mismatch | None:
    try:
        actual = sha256(path)
    except OSError as error:
        return Mismatch(path, error.strerror or str(error), delete)
    return None if actual == checksum else Mismatch(path, "is not what was written: its checksum differs", delete)


def _attempt(path: str, delete: tuple[str, ...], read: Callable[[], object]) -> list[Mismatch]:
    try:
        read()
    except ZonalflowError as error:
        return [Mismatch(path, str(error), delete)]
    return []
