"""Damaged files: mutations of 21 kinds of files, each read as the workflow reads it.

A mutation is sound (the file is read), refused (one message of ours), or a fault: another exception, a hang, a crash,
or numbers that are wrong. Everything is seeded. ``python -m faults.fuzz 10000``, from the folder ``tests``, tries many.
"""

import json
import os
import random
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np
import shapely
import yaml
from faults import pipeline
from small import GRID, counting, write_tif

from zonalflow.common.errors import ZonalflowError
from zonalflow.study.preflight import check_inputs

LONGEST = 20  # seconds for one mutation


@dataclass(frozen=True)
class Kind:
    """A kind of file: its name in a folder, and what reads it; `exact` if damage must never change what is read."""

    name: str
    file: str
    read: Callable[[Path], object]
    exact: bool = False


def config(folder: Path, **changes) -> dict:
    """Return the configuration of a small study in a folder."""
    base = {
        "run": "small", "years": 2000, "stats": ["mean", "count"],
        "zones": {"source": "file", "path": str(folder / "zones.gpkg"), "id": "name"},
        "raster": {"source": "local", "path": str(folder / "ppt_{year}.tif"), "variables": ["ppt"]},
        "output": {"formats": ["csv", "parquet"]},
    }  # fmt: skip
    for key, value in changes.items():
        base[key] = {**base[key], **value} if isinstance(value, dict) else value
    return base


def zones_from(file: str):
    return lambda folder: check_inputs(pipeline.study_of(config(folder, zones={"path": str(folder / file)})))


def values_from(pattern: str, **raster):
    """Return what reads all values of a raster, as a job does."""

    def read(folder: Path):
        from small import read_time_steps

        from zonalflow.timeline.time_steps import time_steps_of_year

        study = pipeline.study_of(config(folder, raster={"path": str(folder / pattern), **raster}))
        check_inputs(study)
        steps = time_steps_of_year(study.value_keys, study.rasters("ppt", 2000), "ppt", 2000)

        class Whole:
            def __init__(self, grid):
                if grid.width * grid.height > 1 << 24:
                    raise ZonalflowError("larger than the zones' part of a grid would be")
                self.raster_window = (0, grid.height, 0, grid.width)

        for _ in read_time_steps(steps, lambda grid, step: Whole(grid), nodata=study.raster["nodata"]):
            pass

    return read


def classes(folder: Path):
    from zonalflow.rasters.classes import class_names

    class_names(str(folder / "ppt_2000.tif"), from_geocdl=True)


def whole_study(folder: Path):
    """Run the study again after a file of its own was damaged; return the numbers."""
    os.chdir(folder)
    study = pipeline.run(config(folder))
    return Path(study.tables["csv"]).read_bytes()


def again(*remove: str):
    """Return what runs the study's last jobs again: those whose outputs are removed."""

    def read(folder: Path):
        for pattern in remove:
            for path in folder.glob(pattern):
                path.unlink()
        return whole_study(folder)

    return read


def configuration(folder: Path):
    from zonalflow.study.schema import check_duplicates

    check_duplicates(folder / "study.yaml")
    try:
        with warnings.catch_warnings(action="ignore"):
            loaded = yaml.safe_load((folder / "study.yaml").read_bytes())
    except (yaml.YAMLError, ValueError, RecursionError):
        return  # Snakemake reads the file itself
    if isinstance(loaded, dict):
        check_inputs(pipeline.study_of(loaded))


def records(folder: Path):
    from zonalflow.run.records import Record
    from zonalflow.sources.receipts import read_part
    from zonalflow.study import ownership

    os.chdir(folder)
    Record.read(folder / "record.json")
    read_part(folder / ".parts/part.json", "x")
    ownership.check_owner(pipeline.study_of(config(folder)), "study.yaml")


def receipts(folder: Path):
    from zonalflow.timeline.time_steps import receipt_time_steps

    receipt_time_steps(folder / "receipt.json")


TABLES = ("results/small/work/ppt/2000.npz", "results/small/zonal_stats*", "results/small/manifest.json")
KINDS = [
    Kind("configuration", "study.yaml", configuration),
    Kind("GeoPackage", "zones.gpkg", zones_from("zones.gpkg")),
    Kind("GeoJSON", "zones.geojson", zones_from("zones.geojson")),
    Kind("FlatGeobuf", "zones.fgb", zones_from("zones.fgb")),
    Kind("GeoParquet", "zones.parquet", zones_from("zones.parquet")),
    Kind("shapes", "shape/zones.shp", zones_from("shape/zones.shp")),
    Kind("attributes", "shape/zones.dbf", zones_from("shape/zones.shp")),
    Kind("CRS of a shapefile", "shape/zones.prj", zones_from("shape/zones.shp")),
    Kind("shapefile in a zip", "zones.zip", zones_from("zones.zip")),
    Kind("GeoTIFF", "ppt_2000.tif", values_from("ppt_{year}.tif")),
    Kind("VRT", "ppt_2000.vrt", values_from("ppt_{year}.vrt")),
    Kind("header of a BIL", "bil_2000.hdr", values_from("bil_{year}.bil")),
    Kind("NetCDF", "ppt_2000.nc", values_from("ppt_{year}.nc")),
    Kind("classes", "ppt_2000.tif.aux.xml", classes),
    Kind("record of a run", "record.json", records),
    Kind("record of a request", ".parts/part.json", records),
    Kind("receipt", "receipt.json", receipts),
    Kind("grid", "results/small/work/grid.json", again(*TABLES), exact=True),
    Kind("preparation", "results/small/work/zones.json", again(*TABLES), exact=True),
    Kind("pointer to the index", "results/small/work/index.json", again(*TABLES), exact=True),
    Kind("year table", "results/small/work/ppt/2000.npz", again(*TABLES[1:]), exact=True),
]


def make(folder: Path) -> None:
    """Write a sound file of each kind into a folder, and run the study on them."""
    write_tif(folder / "ppt_2000.tif", counting(), nodata=-1)
    grid = GRID
    west, south, east, north = grid.bounds
    x, y = np.linspace(west, east, 4), np.linspace(south, north, 4)
    squares = [shapely.box(x[0], y[0], x[1], y[2]), shapely.box(x[1], y[1], x[3], y[3])]
    frame = geopandas.GeoDataFrame({"name": ["a", "b"], "number": [1, 2]}, geometry=squares, crs=grid.crs)
    for name in ("zones.gpkg", "zones.geojson", "zones.fgb"):
        frame.to_file(folder / name, engine="pyogrio")
    frame.to_parquet(folder / "zones.parquet")
    (folder / "shape").mkdir()
    frame.to_file(folder / "shape/zones.shp", engine="pyogrio")
    with zipfile.ZipFile(folder / "zones.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((folder / "shape").iterdir()):
            archive.write(path, path.name)
    import rasterio.shutil
    import xarray
    from standin import grids

    rasterio.shutil.copy(folder / "ppt_2000.tif", folder / "ppt_2000.vrt", driver="VRT")
    rasterio.shutil.copy(folder / "ppt_2000.tif", folder / "bil_2000.bil", driver="EHdr")
    rows, columns = counting().shape
    coordinates = {"lat": np.linspace(north, south, rows), "lon": np.linspace(west, east, columns)}
    data = xarray.Dataset({"ppt": (("lat", "lon"), counting().astype("float32"))}, coordinates)
    data["lat"].attrs["units"], data["lon"].attrs["units"] = "degrees_north", "degrees_east"
    data.to_netcdf(folder / "ppt_2000.nc", encoding={"ppt": {"_FillValue": -1}})
    (folder / "ppt_2000.tif.aux.xml").write_bytes(grids.class_names(("a", "b", "c")))
    file = {"name": "ppt_2000.tif", "date": "2000", "sha256": "0" * 64, "bytes": 3}
    request = {"url": "http://127.0.0.1", "accessed": "2026-01-01T00:00:00Z", "retries": 0, "sha256": "0", "bytes": 1}
    part = {"asked": "x", "files": [file], "sidecars": [], "request": request}
    (folder / ".parts").mkdir()
    (folder / ".parts/part.json").write_text(json.dumps(part))
    (folder / "receipt.json").write_text(json.dumps({"source": "prism", **part, "requests": [request]}))
    from zonalflow.run.records import Record

    Record.own(["snakemake"], fetches=["a"]).write(folder / "record.json")
    (folder / "study.yaml").write_text(yaml.safe_dump(config(folder)))
    whole_study(folder)


DEEP = [b"[" * 20000, b'{"a":' * 20000, b"<a>" * 20000, b"- " * 20000]
TOKENS = [
    b"", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"1e400", b"-1", b"NaN", b"null", b"true", b"[]", b"{}", b"9" * 400,
    b"\x1b[31m",
    b"&a", b"*a", b"../../x", b"$x^2$", b"\"", b"1e300", "ü".encode("latin-1"), *DEEP,
]  # fmt: skip


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Return damaged content: cut, flipped, with parts repeated, removed, moved or replaced."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        at, much = chance.randrange(len(data) + 1), chance.choice((1, 1, 2, 4, 16, 200))
        way = chance.randrange(9)
        if way == 0:
            del data[at:]
        elif way == 1:
            del data[at : at + much]
        elif way in (2, 3) and data:
            data[at % len(data)] = chance.randrange(256)
        elif way == 4 and data:
            data[at % len(data)] ^= 1 << chance.randrange(8)
        elif way == 5:
            data[at:at] = data[at : at + much]
        elif way == 6:
            data[at : at + much] = chance.choice(TOKENS)
        elif way == 7:  # a number of a text, or a word of a binary file
            data[at : at + 4] = chance.choice(
                (b"\xff\xff\xff\xff", b"\x00\x00\x00\x80", b"\0\0\0\0", b"9999", b"-9e9", b"0.0 ")
            )
        else:
            other = chance.randrange(len(data) + 1)
            data[at : at + much], data[other : other + much] = data[other : other + much], data[at : at + much]
    return bytes(data)


class HangError(Exception):
    """A mutation took too long."""


def _hang(*_):
    raise HangError(f"no end within {LONGEST} s")


def attempt(kind: Kind, folder: Path, content: bytes, right: object) -> str:
    """Read one damaged file in a copy of the folder; return what came of it, and the traceback of a fault."""
    work = folder.parent / f"{folder.name}.copy"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(folder, work, copy_function=shutil.copy if kind.exact else os.link)
    target = work / kind.file
    target.unlink()
    target.write_bytes(content)
    signal.signal(signal.SIGALRM, _hang)
    signal.alarm(LONGEST)
    try:
        with warnings.catch_warnings(action="ignore"):
            answer = kind.read(work)
    except (ZonalflowError, OSError) as error:
        text = str(error)
        if len(text) > 5000 or "\x1b" in text:
            return f"fault: a message of {len(text)} characters, {text[:200]!r}"
        return "refused"
    except SystemExit:  # of a job, whose log has the traceback of what is no message of ours
        logs = [path.read_text() for path in work.glob("logs/**/*.log")]
        return next((f"fault: {log}" for log in logs if "Traceback" in log), "refused")
    except BaseException:
        return f"fault: {traceback.format_exc()}"
    finally:
        signal.alarm(0)
    return "fault: wrong numbers" if kind.exact and answer != right else "sound"


def fuzz(number: int, seed: int = 1, kinds=KINDS, tell=lambda text: None) -> Counter:
    """Try `number` mutations in all; return how many were sound, refused, or which fault they showed."""
    found: Counter = Counter()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "sound"
        folder.mkdir()
        back = Path.cwd()
        make(folder)
        for kind in kinds:
            right = None
            content = (folder / kind.file).read_bytes()
            if kind.exact:
                os.chdir(folder)
                right = Path("results/small/zonal_stats.csv").read_bytes()
            untouched = _in_child(kind, folder, content, right)
            assert untouched == "sound", (kind.name, untouched)
            for n in range(number // len(kinds)):
                chance = random.Random(f"{seed} {kind.name} {n}")
                outcome = _in_child(kind, folder, mutated(content, chance), right)
                name, _, text = outcome.partition(": ")
                last = text.strip().splitlines()[-1][:100] if text else ""
                found[f"{kind.name}: {name} {last}".strip()] += 1
                if name == "fault" and found[f"{kind.name}: {name} {last}".strip()] == 1:
                    tell(f"--- {kind.name} {n}\n{text}")
        os.chdir(back)
    return found


def _in_child(kind: Kind, folder: Path, content: bytes, right: object) -> str:
    """Attempt in a child of this process, which a library may take down; a crash is a fault."""
    readable, writable = os.pipe()
    sys.stdout.flush()
    with warnings.catch_warnings(action="ignore"):  # Python 3.12 warns of threads
        child = os.fork()
    if not child:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        try:
            os.write(writable, attempt(kind, folder, content, right).encode(errors="replace")[-6000:])
        finally:
            os._exit(0)
    os.close(writable)
    with os.fdopen(readable, "rb") as stream:
        outcome = stream.read().decode(errors="replace")
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return outcome or f"fault: the process ended with {status}"


if __name__ == "__main__":  # fuzz.py NUMBER [SEED]
    outcomes = fuzz(int(sys.argv[1]), int((sys.argv[2:] or ["1"])[0]), tell=print)
    print("\n".join(f"{count:6} {name}" for name, count in sorted(outcomes.items())))
