"""Are the results still what was computed, and does another engine compute the same?

Three looks at a finished study, none of which changes anything but ``verify.json``:

- every checksum of the manifest: what was fetched, the user's own files, the results;
- what lies between: the year tables, the prepared zones, the index;
- a sample of zones and years, drawn by a generator that the manifest's checksum seeds, computed anew by
  :mod:`zonalflow.engines` and held against the tidy table.
"""

import json
import random
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from zonalflow.atomic import sha256, write_json
from zonalflow.engines import TOLERANCE, class_counts, comparable, engine_name, second_opinion
from zonalflow.errors import ZonalflowError
from zonalflow.grid import Grid
from zonalflow.netcdf import declared_missing
from zonalflow.ownership import changes
from zonalflow.seals import sealed
from zonalflow.slices import open_raster, raster_grid, with_band
from zonalflow.store import load_index
from zonalflow.study import Study
from zonalflow.tables import CLASS, load_year
from zonalflow.year import read_json, year_slices

N_YEARS, N_ZONES = 6, 25  # of each variable and year that is drawn, so many zones at one of its dates
N_CLASSES = 10  # of a categorical raster


class VerificationError(ZonalflowError):
    """The results are not, or no longer, what they should be."""


@dataclass(frozen=True)
class Mismatch:
    """A file that is not what it was: what is wrong, and which files to delete so that it is made again."""

    path: str
    fault: str
    delete: tuple[str, ...] = ()


@dataclass(frozen=True)
class Difference:
    """A number on which the two engines differ by more than the tolerance."""

    variable: str
    date: str
    zone: str
    statistic: str
    ours: float | None
    theirs: float | None


def verify(study: Study, target: str) -> str:
    """Check a finished study, write ``target`` (JSON) and return the verdict in words.

    Raises:
        VerificationError: a file does not match or a number differs; the message names each and how to
            rebuild. ``target`` is written all the same. Also, without it, when there is no usable manifest.
    """
    manifest = _manifest(study)
    seed = sha256(study.manifest)
    checked, mismatches = check_files(study, manifest)
    compared = compare_sample(study, random.Random(seed), {mismatch.path for mismatch in mismatches})
    passed = not mismatches and not compared["differences"] and not compared["unreadable"]
    write_json(
        target,
        {
            "verdict": "passed" if passed else "failed",
            "largest_relative_difference": compared["largest"],
            "tolerance": TOLERANCE[study.config["method"]],
            "engine": engine_name(study.config["method"]),
            "numbers_compared": compared["numbers"],
            "sample": compared["sample"],
            "seed": seed[:16],
            "files_checked": checked,
            "files_that_do_not_match": len(mismatches),
            "manifest_sha256": seed,
            "mismatches": [asdict(mismatch) for mismatch in mismatches],
            "differences": [asdict(difference) for difference in compared["differences"][:100]],
        },
    )
    words = (
        f"{checked} files checked, {len(mismatches)} do not match; "
        f"{compared['numbers']} numbers recomputed with "
        f"{engine_name(study.config['method'])}, largest relative difference {compared['largest']:.2g}"
    )
    if not passed:
        raise VerificationError("\n".join([f"verification failed: {words}.", *_advice(mismatches, compared)]))
    return f"verified: {words}"


# ------------------------------------------------------------------------------------------------------ files


def check_files(study: Study, manifest: dict) -> tuple[int, list[Mismatch]]:
    """Return how many files were looked at, and those that are not what they should be."""
    expected = _expected(study, manifest)
    found = [
        mismatch for path, (checksum, delete) in expected.items() if (mismatch := _compare(path, checksum, delete))
    ]
    known = {mismatch.path for mismatch in found}
    for path in study.year_tables:
        if path not in known:
            found += _attempt(path, _remake(study, path), load_year, Path(path))
    try:
        folder = read_json(study.index)["folder"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        found.append(Mismatch(study.index, f"cannot be read ({error})", _remake(study, study.index)))
    else:
        found += _attempt(folder, (folder, *_remake(study, study.index)), load_index, folder)
    return len(expected) + 1, found


def _expected(study: Study, manifest: dict) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return the checksum of each file, and what to delete so that it is made again.

    What has been sealed is checked against its seal, since that is older than the manifest; what a failing
    disk did to a seal then shows as well.
    """
    expected = {}
    for path, checksum in sealed(study.work).items():
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

    Snakemake makes what is missing only where it is needed, and asks for nothing as long as all products are there. The
    manifest is made from nearly everything; not from the zones' shapefile, which comes with the report on them.
    """
    if path in study.products:
        return (path,)
    template = (study.preparation,) if path.startswith(f"{study.template}.") else ()
    return tuple(dict.fromkeys((path, *template, study.manifest)))


def _belongs(study: Study, path: str) -> bool:
    """Whether a sealed file is of the present study: years that are no longer asked for may lie beside it."""
    planned = {*study.products, *study.year_tables, study.prepared, study.grid, study.preparation}
    return path in planned or path.startswith((f"{study.template}.", *(f"{path}/" for path in study.tables.values())))


def _receipts(folder: Path, name: str) -> list[str]:
    """Return the receipts in ``folder`` that list a file: it is fetched again when they are gone."""
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            files = json.loads(path.read_text(encoding="utf-8"))["files"]
            if any(file["name"] == name for file in files):
                found.append(str(path))
        except (OSError, ValueError, KeyError, TypeError):
            found.append(str(path))  # unreadable: better fetched again as well
    return found


def _compare(path: str, checksum: str, delete: tuple[str, ...]) -> Mismatch | None:
    try:
        actual = sha256(path)
    except OSError as error:
        return Mismatch(path, error.strerror or str(error), delete)
    return None if actual == checksum else Mismatch(path, "is not what was written: its checksum differs", delete)


def _attempt(path: str, delete: tuple[str, ...], read, *arguments) -> list[Mismatch]:
    try:
        read(*arguments)
    except ZonalflowError as error:
        return [Mismatch(path, str(error), delete)]
    return []


def _manifest(study: Study) -> dict:
    try:
        manifest = read_json(study.manifest)
        manifest["results"], manifest["sources"]  # what all else relies on
        changed = changes(manifest["config"], study.config)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise VerificationError(
            f"{study.manifest} cannot be read ({error}), and without it nothing can be verified. "
            "Delete it, if it is there, and run the study first"
        ) from None
    if changed:
        raise VerificationError(
            f"the configuration has changed since {study.manifest} was written ({', '.join(changed)}): "
            "run the study first"
        )
    return manifest


# ---------------------------------------------------------------------------------------------------- numbers


def compare_sample(study: Study, generator: random.Random, damaged: set[str]) -> dict:
    """Compute a sample of zones and years with the other engine and hold it against the tidy table.

    Returns:
        ``numbers`` compared, the ``largest`` relative difference, the ``differences`` beyond the tolerance,
        what could not be read (``unreadable``), and the ``sample`` in words.
    """
    result = {"numbers": 0, "largest": 0.0, "differences": [], "unreadable": [], "sample": ""}
    keys = sorted(generator.sample(study.year_keys, min(N_YEARS, len(study.year_keys))))
    try:
        grid = read_json(study.grid)
        ids, geometry = _zones(study)
        weights = _weights(study, Grid.from_dict(grid["grid"]))
    except Exception as error:  # any of a dozen kinds, of files whose checksums are checked elsewhere
        result["unreadable"].append(f"the zones or their grid cannot be read: {error}")
        return result
    sampled, elsewhere = [], 0
    for variable, year in keys:
        zones = sorted(generator.sample(range(len(ids)), min(N_ZONES, len(ids))))
        try:
            piece = generator.choice(_slices(study, variable, year))
            if piece.path in damaged:
                continue
            raster = _read(study, grid, piece)
            if raster is None:
                elsewhere += 1
                continue
            stats = [name for name in comparable(study.config["stats"], study.config["method"]) if raster.knows(name)]
            classes = _classes(study)
            ours = _tidy(study, variable, piece.date, [ids[zone] for zone in zones], [*stats, *classes])
        except Exception as error:
            result["unreadable"].append(f"{variable} {year}: {error}")
            continue
        theirs = second_opinion(
            geometry[zones], raster.values, raster.gone, raster.grid, study.config["method"], stats, weights
        )
        counts = class_counts(
            geometry[zones],
            raster.values,
            raster.gone,
            raster.grid,
            study.config["method"],
            list(classes.values()),
        )
        theirs |= {name: counts[value] for name, value in classes.items()}
        sampled.append(f"{variable} {piece.date}")
        _compare_numbers(study, variable, piece.date, [ids[zone] for zone in zones], ours, theirs, raster.size, result)
    result["sample"] = f"{min(N_ZONES, len(ids))} zones each of {', '.join(sampled) or 'no year'}"
    if elsewhere:
        result["sample"] += f"; {elsewhere} not compared, on other grids than the study's"
    return result


@dataclass(frozen=True)
class _Raster:
    """A slice on the study's grid: float64 values, which of them are nodata, and how large they get."""

    values: np.ndarray
    gone: np.ndarray
    grid: Grid

    @property
    def size(self) -> float:
        data = np.abs(self.values[~self.gone & np.isfinite(self.values)])
        return float(data.max()) if data.size else 0.0

    def knows(self, statistic: str) -> bool:
        """Whether the other engine means the same: where NaN is the nodata value it cannot tell the two apart."""
        return statistic not in ("nodata", "nan") or not np.isnan(self.values[self.gone]).any()


def _slices(study: Study, variable: str, year: int) -> list:
    return year_slices(study.raster, study.rasters(variable, year), variable, year)


def _read(study: Study, place: dict, piece) -> _Raster | None:
    """Read a slice where the study's grid lies; None if elsewhere.

    The reading is a second opinion too: the values come through rioxarray, as in the tutorial, and what is missing is
    by GDAL's own idea of it.
    """
    import rioxarray
    from rasterio.windows import Window

    grid, (row, column) = Grid.from_dict(place["grid"]), place["origin"]
    with open_raster(piece.path, getattr(piece, "layer", None)) as dataset:
        if not raster_grid(dataset, study.raster["crs"]).matches(Grid.from_dict(place["file_grid"])):
            return None
        area = Window(column, row, grid.width, grid.height)
        piece = with_band(dataset, piece)
        cells = rioxarray.open_rasterio(dataset, cache=False)[piece.band - 1]
        stored = cells[row : row + grid.height, column : column + grid.width].to_numpy()
        nodata = study.raster["nodata"]
        if nodata is None:
            gone = dataset.read_masks(piece.band, window=area) == 0
            also = declared_missing(stored, dataset.tags(piece.band)) if piece.layer else None
            gone = gone if also is None else gone | also
        elif nodata == "none":
            gone = np.zeros(stored.shape, bool)
        else:
            gone = np.isclose(stored, float(nodata), rtol=1e-6, atol=0, equal_nan=True)
        scale, offset = dataset.scales[piece.band - 1], dataset.offsets[piece.band - 1]
    return _Raster(stored * np.float64(scale) + offset, gone, grid)


def _zones(study: Study):
    import geopandas

    frame = geopandas.read_parquet(study.prepared)
    return frame[study.zones["id"]].astype(str).tolist(), frame.geometry.to_numpy()


def _weights(study: Study, grid: Grid) -> np.ndarray | None:
    weights = study.config["weights"]
    if weights == "none":
        return None
    if weights == "area":
        if not grid.is_geographic:
            return None
        e, f = grid.transform[4:6]
        latitude = np.radians(f + e * (np.arange(grid.height) + 0.5))
        return np.repeat(np.cos(latitude)[:, None], grid.width, axis=1)
    from zonalflow.weights import load_weights

    return np.nan_to_num(load_weights(weights, grid, study.raster["crs"]), nan=0.0)


def _classes(study: Study) -> dict[str, float]:
    """Return column to value of the classes that the table counts, at most a few of them."""
    if "categorical" not in study.config["stats"]:
        return {}
    import pyarrow.dataset

    names = pyarrow.dataset.dataset(study.tables["parquet"]).schema.names
    values = {name: float(name.split("_")[1]) for name in names if name.startswith(CLASS)}
    return dict(list(values.items())[:N_CLASSES])


def _tidy(study: Study, variable: str, date: str, ids: list[str], stats: list[str]) -> dict[str, np.ndarray]:
    """Return the statistics of the zones ``ids`` at one date from the table that readers get."""
    import pyarrow.parquet

    key = study.zones["id"]
    path = study.tables["parquet"]
    wanted = [("variable", "=", variable), ("date", "=", date)]
    rows = pyarrow.parquet.read_table(path, columns=[key, *stats], filters=wanted).to_pandas().set_index(key)
    missing = sorted(set(ids) - set(rows.index))
    if missing:
        raise VerificationError(f"{path} lacks {len(missing)} zones at {variable} {date}, such as {missing[0]}")
    return {name: rows.loc[ids, name].to_numpy(np.float64) for name in stats}


def _compare_numbers(study, variable, date, ids, ours, theirs, size: float, result: dict) -> None:
    tolerance = TOLERANCE[study.config["method"]]
    for name in ours:
        apart = relative_difference(ours[name], theirs[name], 0.0 if name == "count" else size)
        result["numbers"] += len(apart)
        result["largest"] = max(result["largest"], float(apart.max(initial=0.0)))
        result["differences"] += [
            Difference(variable, date, ids[i], name, _number(ours[name][i]), _number(theirs[name][i]))
            for i in np.flatnonzero(apart > tolerance)
        ]


def relative_difference(ours: np.ndarray, theirs: np.ndarray, size: float = 0.0) -> np.ndarray:
    """Return |a − b| over the larger of |a|, |b| and a millionth of ``size``; 1 where only one is a number.

    ``size`` is that of the raster's values: a mean of −10 and 10 may be 1e-15 in one order of summing and 0
    in another.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = np.abs(ours - theirs) / np.maximum(np.maximum(np.abs(ours), np.abs(theirs)), 1e-6 * size)
    apart = np.where(ours == theirs, 0.0, apart)
    neither = np.isnan(ours) & np.isnan(theirs)
    return np.where(neither, 0.0, np.where(np.isnan(apart), 1.0, apart))


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


# ------------------------------------------------------------------------------------------------------ words


def _advice(mismatches: list[Mismatch], compared: dict, limit: int = 20) -> list[str]:
    lines = [f"  {mismatch.path}: {mismatch.fault}" for mismatch in mismatches[:limit]]
    lines += [f"  {text}" for text in compared["unreadable"][:limit]]
    lines += [
        f"  {d.variable} {d.date}, zone {d.zone}: {d.statistic} is {d.ours}, the other engine says {d.theirs}"
        for d in compared["differences"][:limit]
    ]
    hidden = sum(max(len(found) - limit, 0) for found in (mismatches, compared["unreadable"], compared["differences"]))
    lines += [f"  … and {hidden} more, in verify.json"] if hidden else []
    delete = list(dict.fromkeys(path for mismatch in mismatches for path in mismatch.delete))
    if delete:
        lines.append(f"To rebuild them, delete them and run the study again:\n  rm -rf {shlex.join(delete)}")
    if own := [mismatch.path for mismatch in mismatches if not mismatch.delete]:
        lines.append(f"Your own files, restore them or run the study again with what they are now: {', '.join(own)}")
    return lines
