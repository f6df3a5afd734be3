"""Storing the zone index, for all years, runs and jobs that share a grid and zones.

A stored index is a folder of ``.npy`` files, mapped into memory when loaded, so that the jobs on one node share its
pages, and ``index.json``, which says what it is and what the files must hold.
"""

import contextlib
import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from zonalflow.common.disk import make_private_folder
from zonalflow.common.errors import ZonalflowError
from zonalflow.common.files import atomic_folder, atomic_path
from zonalflow.geometry.grid import Grid
from zonalflow.index.zone_index import ZoneIndex

VERSION = 5
_LARGE = 1 << 25  # bytes: the checksums of a smaller index are compared faster than the note on them is read


class DamagedIndexError(ZonalflowError):
    """A stored index is incomplete, damaged or of another version: build it again."""


def index_key(grid: Grid, zones_digest: str, method: str, weights: str | None = None, min_coverage: float = 0.0) -> str:
    """Return the name of an index in a cache: 32 hexadecimal digits of all that it depends on.

    `weights` is None, ``area``, or a digest of a raster of weights.
    """
    text = json.dumps([VERSION, grid.to_dict(), zones_digest, method, weights or "none", float(min_coverage)])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


_ARRAYS = (
    "run_start", "run_length", "run_zone",
    "boundary_cell", "boundary_fraction", "boundary_zone", "off_grid", "weight",
)  # fmt: skip


def save_index(
    index: ZoneIndex,
    folder: str | os.PathLike[str],
    *,
    keep: bool = False,
    weight_strips: Iterable[tuple[slice, np.ndarray]] | None = None,
) -> None:
    """Write the index to `folder`, whole or not at all; an index that is there is replaced.

    Args:
        index: what to write.
        folder: where.
        keep: leave a sound index that is there: another process has written it meanwhile, and others may read it.
        weight_strips: rows of the window and the weights of their cells, NaN for none, for an index that does not hold
            them; they are written one by one, so that they need not be in memory together.
    """
    with atomic_folder(folder, stays=lambda there: keep and _is_sound(there)) as temporary:
        arrays = {name: getattr(index, name) for name in _ARRAYS if getattr(index, name) is not None}
        for name, array in arrays.items():
            np.save(temporary / f"{name}.npy", array)
        if weight_strips is not None:
            path = temporary / "weight.npy"
            weight = np.lib.format.open_memmap(path, mode="w+", dtype=np.float64, shape=index.shape)
            for rows, values in weight_strips:
                weight[rows] = np.where(np.isnan(values), 0, values)
            weight.flush()
            arrays["weight"] = weight
        head = {
            "version": VERSION,
            "grid": index.grid.to_dict(),
            "method": index.method,
            "min_coverage": index.min_coverage,
            "weights": index.weights,
            "zones": index.zones_digest,
            "window": list(index.window),
            "arrays": {name: [array.dtype.str, *array.shape] for name, array in arrays.items()},
            "crc32": {name: _crc32(array) for name, array in arrays.items()},
        }
        head["sha256"] = _head_digest(head)
        (temporary / "index.json").write_text(json.dumps(head, indent=1), encoding="utf-8")


def _is_sound(folder: Path) -> bool:
    try:
        load_index(folder)
    except DamagedIndexError:
        return False
    return True


def load_index(folder: str | os.PathLike[str], *, recheck: bool = False) -> ZoneIndex:
    """Return the index stored in `folder`, its arrays mapped into memory.

    Args:
        folder: where.
        recheck: compare the checksums of a large index also if this machine has done so before.

    Raises:
        DamagedIndexError: it is not there, not complete, inconsistent, or of another version.
    """
    folder = Path(folder)
    try:
        head = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        if head["version"] != VERSION:
            raise ValueError(f"version {head['version']} instead of {VERSION}")
        if head.pop("sha256") != _head_digest(head):
            raise ValueError("index.json is not what was written")
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in head["arrays"]}
        for name, (dtype, *shape) in head["arrays"].items():
            if arrays[name].dtype.str != dtype or list(arrays[name].shape) != shape:
                raise ValueError(f"{name}.npy has another type or length than index.json says")
        _check_contents(folder, arrays, head["crc32"], recheck)
        index = ZoneIndex(
            Grid.from_dict(head["grid"]),
            head["method"],
            head["weights"],
            head["zones"],
            tuple(head["window"]),
            **arrays,
            min_coverage=head["min_coverage"],
        )
        _check(index)
    except Exception as error:  # NumPy parses headers as Python code, so a flipped bit may raise nearly any error
        raise DamagedIndexError(f"{folder} is not a usable zone index ({error}); delete it and run again") from error
    return index


def _check_contents(folder: Path, arrays: dict[str, np.ndarray], checksums: dict[str, int], recheck: bool) -> None:
    """Raise ValueError when an array is not what was written.

    Large arrays are read for it once on each machine, and not in each of a study's jobs there: a note in the machine's
    temporary folder, which must be the user's own, says which files were sound, by size, time and inode.
    """
    note, state = None, ""
    if sum(array.nbytes for array in arrays.values()) > _LARGE:
        files = [(folder / f"{name}.npy").stat() for name in arrays]
        state = json.dumps([checksums, [(file.st_size, file.st_mtime_ns, file.st_ino) for file in files]])
        note = _note(folder)
        with contextlib.suppress(OSError):
            if note is not None and not recheck and note.read_text(encoding="utf-8") == state:
                return
    for name, array in arrays.items():
        if _crc32(array) != checksums[name]:
            raise ValueError(f"{name}.npy is not what was written")
    if note is not None:
        with contextlib.suppress(OSError), atomic_path(note) as temporary:
            temporary.write_text(state, encoding="utf-8")


def _note(folder: Path) -> Path | None:
    """Return where this machine notes that an index was sound; None where the user has no folder for it."""
    own = Path(tempfile.gettempdir()) / f"zonalflow-index-{os.getuid()}"
    try:
        make_private_folder(own)
    except OSError:
        return None
    return own / f"{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:32]}.json"


def _crc32(array: np.ndarray) -> int:
    """Return a checksum that finds what a disk damages; a gigabyte takes a second."""
    return zlib.crc32(np.ascontiguousarray(array).reshape(-1).data)


def _head_digest(head: dict) -> str:
    return hashlib.sha256(json.dumps(head, sort_keys=True).encode()).hexdigest()


def _check(index: ZoneIndex) -> None:
    """Check what would otherwise show as wrong numbers or a crash; cheap, since every job does it."""
    runs, boundary = len(index.run_start), len(index.boundary_cell)
    cells = index.shape[0] * index.shape[1]
    sound = (
        len(index.run_length) == len(index.run_zone) == runs
        and len(index.boundary_fraction) == len(index.boundary_zone) == boundary
        and (not runs or (index.run_start[0] >= 0 and index.run_start[-1] + index.run_length[-1] <= cells))
        and (not boundary or (index.boundary_cell[0] >= 0 and index.boundary_cell[-1] < cells))
        and (index.weight is None) == (index.weights == "none")
        and (index.weight is None or np.broadcast_shapes(index.weight.shape, index.shape) == index.shape)
    )
    if not sound:
        raise ValueError("its arrays do not fit together")
