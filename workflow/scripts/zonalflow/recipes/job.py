"""The record of a result, written by the job that makes it."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zonalflow.common.errors import ZonalflowError
from zonalflow.common.files import read_checksums, read_json, sha256
from zonalflow.common.text import few
from zonalflow.recipes.contents import Contents, Signature, signature_of
from zonalflow.recipes.recipe import Recipe, Record, named, path_between, portable
from zonalflow.recipes.side_files import Folders
from zonalflow.run.code import code_digest

_LARGE = 1 << 26  # bytes of a file that is not read again for its checksum if another job has done so
BY_GRID = {"prepare_zones": "rasters"}  # inputs of which only the grid counts, which is among the keys
# parameters that say how to find what the inputs hold, and so are not part of a recipe
NOT_KEYS = {
    "prepare_zones": ("zone_files", "raster", "reference", "year_bytes"),
    "zonal_stats": ("zone_files",),
    "write_report": ("verify",),
}
LISTS_PATHS = "write_manifest"  # the step whose result lists paths and checksums


def recipe_keys(step: str, params: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters, wildcards included, that are part of the recipe of a step."""
    keys = {name: value for name, value in params.items() if name not in NOT_KEYS.get(step, ())}
    return dict(keys) if step == LISTS_PATHS else portable(keys)


@contextmanager
def recorded(
    step: str, job: Any, sources: Iterable[str] = (), more_keys: Callable[[], dict[str, Any]] = dict
) -> Iterator[None]:
    """Write the record of what a job makes, when the block that makes it has ended without an error.

    Args:
        step: the step's name.
        job: Snakemake's object with ``input``, ``output``, ``params`` and ``wildcards``; ``output.record`` is the
            record, ``input.records`` those of the results that the job reads.
        sources: which of its inputs are the user's own files, or receipts.
        more_keys: returns keys that are known when the result is made.

    Raises:
        ZonalflowError: an input changed while it was read.
    """
    target = str(job.output.record)
    Path(target).unlink(missing_ok=True)
    code = code_digest(step)
    upstream = {path: _read(path) for path in _paths(job.input, "records")}
    if step != LISTS_PATHS:  # which compares the recorded checksums itself
        _check_results(job.input, upstream)
    folders = Folders()
    paths = {kind: folders.files_of(_paths(job.input, kind)) for kind in sources}
    before = {path: signature_of(path) for of_kind in paths.values() for path in of_kind}
    contents = _known_contents(target, upstream.values(), before)
    files = {kind: [contents.of(path) for path in of_kind] for kind, of_kind in paths.items()}
    yield
    if changed := _changed(before, {one.path: one.sha256 for of_kind in files.values() for one in of_kind}):
        raise ZonalflowError(f"{few(changed)} changed while this job was reading: run again")
    keys = {**dict(job.params.items()), **dict(job.wildcards.items()), **more_keys()}
    counted = named({kind: found for kind, found in files.items() if kind != BY_GRID.get(step)})
    made_from = {path_between(target, path): record.recipe.digest for path, record in upstream.items()}
    recipe = Recipe(step, code, recipe_keys(step, keys), counted, made_from)
    Record(recipe, files, _outputs(target, map(str, job.output))).write(target)


def _changed(before: dict[str, Signature | None], checksums: dict[str, str]) -> list[str]:
    """Return the files that are not what they were; one may have been replaced by its like, as by another clone."""
    suspects = [path for path, signature in before.items() if signature_of(path) != signature]
    now = Contents()
    return [path for path in suspects if now.of(path).sha256 != checksums[path]]


def _paths(files: Any, name: str) -> list[str]:
    found = getattr(files, name, [])
    return [found] if isinstance(found, str) else [str(path) for path in found]


def _read(path: str) -> Record:
    record = Record.read(path)
    if record is None:
        raise ZonalflowError(f"{path} is damaged or missing: run again, and what it belongs to is made again")
    return record


def _check_results(inputs: Any, upstream: dict[str, Record]) -> None:
    """Raise ZonalflowError for a result among the inputs that is not what its job wrote."""
    written = {
        os.path.normpath(Path(path).parent / name): known
        for path, record in upstream.items()
        for name, known in record.outputs.items()
    }
    for path in map(str, inputs):
        if (known := written.get(os.path.normpath(path))) is None:
            continue
        stat = Path(path).stat()
        if known[:2] != (stat.st_size, stat.st_mtime_ns) and known[2] != sha256(path):
            raise ZonalflowError(f"{path} is not what its job wrote: run again, and it is made again")


def _known_contents(target: str, upstream: Iterable[Record], sizes: dict[str, Any]) -> Contents:
    """Return the contents that other records hold; those beside `target` only where a file is large."""
    contents = Contents()
    records = list(upstream)
    if any(signature and signature[0] > _LARGE for signature in sizes.values()):
        beside = (Record.read(str(path)) for path in Path(target).parent.glob("*.json"))
        records += [record for record in beside if record]
    for record in records:
        contents.add(one for of_kind in record.files.values() for one in of_kind)
    return contents


def grid_keys(grid: str) -> dict[str, Any]:
    """Return what the study's grid, as JSON in a file, adds to the recipe of the prepared zones."""
    described = read_json(grid)
    return {name: described[name] for name in ("file_grid", "crs_is_assumed")}


def _outputs(target: str, paths: Iterable[str]) -> dict[str, tuple[int, int, str]]:
    """Return size, modification time and SHA-256 of each file that was written, by its path from the record."""
    written = [path for path in paths if Path(path).is_file()]
    known = read_checksums(path for path in written if path.endswith(".sha256"))
    found = {}
    for path in written:
        stat = Path(path).stat()
        found[path_between(target, path)] = (stat.st_size, stat.st_mtime_ns, known.get(path) or sha256(path))
    return found


def files_read(records: Iterable[str]) -> dict[str, str]:
    """Return path to SHA-256 of all that the jobs read that wrote these records: users' files, receipts, side files."""
    found = (record.files.values() for path in records if (record := Record.read(path)))
    return {one.path: one.sha256 for kinds in found for of_kind in kinds for one in of_kind}
