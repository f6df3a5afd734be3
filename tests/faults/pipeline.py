"""A study's jobs one after the other in this process, without Snakemake: the very scripts, each given what
its rule gives.

As under Snakemake, a job is run when an output is missing or when it was begun and not ended. For tests that disturb
a study at every single step, which with a Snakemake for each would last for hours.
"""

import os
import shutil
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "workflow/scripts"
sys.path.insert(0, str(SCRIPTS))

from zonalflow.common.errors import ZonalflowError  # noqa: E402, F401
from zonalflow.common.files import sha256  # noqa: E402 - of this checkout
from zonalflow.common.formats import VECTOR_SUFFIXES  # noqa: E402
from zonalflow.study.jobs import parameters, record_beside, year_records  # noqa: E402
from zonalflow.study.preflight import year_bytes  # noqa: E402
from zonalflow.study.resolve import resolve  # noqa: E402
from zonalflow.study.schema import load_schema  # noqa: E402
from zonalflow.study.study import Study  # noqa: E402

CONFIG = {
    "run": "small",
    "years": 2000,
    "bbox": [-83.0, 29.0, -82.0, 30.0],
    "zones": {"source": "file", "path": str(ROOT / "config/demo/zones.zip"), "id": "GEOID"},
    "raster": {"source": "demo", "variables": ["ppt"]},
    "output": {"formats": ["shp", "gpkg", "csv", "parquet"]},
}


class Files(list):
    """Files with names, as Snakemake hands them to a script."""

    def __init__(self, **named):
        super().__init__()
        for name, value in named.items():
            setattr(self, name, value)
            self.extend(value if isinstance(value, list) else [value])
        self._named = named

    def items(self):
        return self._named.items()


class Parameters(SimpleNamespace):
    """Parameters, by attribute or by key."""

    def items(self):
        return vars(self).items()

    def __getitem__(self, name):
        return getattr(self, name)


def study_of(config: dict) -> Study:
    return Study(resolve(config, load_schema(ROOT / "workflow/schemas/config.schema.yaml")))


def jobs(study: Study):
    """Yield the script and the ``snakemake`` of each job of a study on synthetic rasters, in order."""
    raster = study.raster
    prepared = {"zones": study.prepared, "report": study.preparation, "grid": study.grid}
    template = [study.template + suffix for suffix in VECTOR_SUFFIXES["shp"]]
    for variable, year in study.year_keys if raster["source"] == "demo" else ():
        yield (
            "make_rasters",
            job(
                wildcards={"variable": variable, "year": str(year)},
                output={
                    "receipt": study.receipt(variable, year),
                    "record": record_beside(study.receipt(variable, year)),
                },
                params=parameters(study, "make_rasters"),
            ),
        )
    yield "prepare_zones", job(
        input={"zones": study.zones_inputs, "rasters": study.rasters(*study.reference)},
        output={
            **prepared, "template": template, "checksums": study.checksums("zones.json"),
            "record": study.record("zones"),
        },
        params={
            "zone_files": study.zone_files(study.zones_inputs), "reference": study.reference,
            "year_bytes": year_bytes(study), **parameters(study, "prepare_zones"),
        },
    )  # fmt: skip
    yield (
        "index_zones",
        job(
            input={**prepared, "weights": study.weights_inputs, "records": [study.record("zones")]},
            output={"pointer": study.index, "record": study.record("index")},
            params=parameters(study, "index_zones"),
        ),
    )
    for variable, year in study.year_keys:
        yield "zonal_stats", job(
            wildcards={"variable": variable, "year": str(year)},
            input={
                **prepared, "rasters": study.rasters(variable, year), "index": study.index, "template": template,
                "records": [study.record("zones"), study.record("index")],
            },
            output={
                "table": study.year_table(variable, year), "vectors": study.year_vectors(variable, year),
                "checksums": study.checksums(f"{variable}/{year}.npz"),
                "record": study.record(f"{variable}/{year}"),
            },
            params={"zone_files": [], **parameters(study, "zonal_stats")},
        )  # fmt: skip
    yield (
        "combine_years",
        job(
            input={
                "tables": study.year_tables,
                "zones": study.prepared,
                "records": [study.record("zones"), *year_records(study)],
            },
            output={**study.tables, "checksums": study.checksums("tables"), "record": study.record("tables")},
            params=parameters(study, "combine_years"),
        ),
    )
    yield "write_manifest", job(
        input={
            "zones": study.zones_inputs, "rasters": study.all_rasters, "weights": study.weights_inputs,
            "tables": study.year_tables, "report": study.preparation, "grid": study.grid, "index": study.index,
            "table": study.tables["parquet"],
            "results": [*study.vectors, *study.tables.values()],
            "checksums": [study.checksums("tables"), *(f"{table}.sha256" for table in study.year_tables)],
            "records": [
                study.record("zones"), study.record("index"), *year_records(study), study.record("tables"),
            ],
        },
        output={"manifest": study.manifest, "readme": study.readme, "record": study.record("manifest")},
        params=parameters(study, "write_manifest"),
    )  # fmt: skip


def job(wildcards=None, input=None, output=None, params=None):
    return SimpleNamespace(
        wildcards=Parameters(**(wildcards or {})),
        input=Files(**(input or {})),
        output=Files(**output),
        params=Parameters(**(params or {})),
        log=[f"logs/{next(iter(output.values()))}.log"],
    )


def run(config: dict = CONFIG) -> Study:
    """Run what is not yet done of a study, in the working directory."""
    study = study_of(config)
    for script, snakemake in jobs(study):
        begun = Path(snakemake.log[0]).with_suffix(".begun")
        if begun.exists() or not all(Path(path).exists() for path in snakemake.output):
            with suppress(OSError):  # the job itself shall say so
                begun.parent.mkdir(parents=True, exist_ok=True)
                begun.touch()
            source = (SCRIPTS / f"{script}.py").read_text(encoding="utf-8")
            exec(compile(source, f"{script}.py", "exec"), {"snakemake": snakemake, "__name__": "__main__"})
            begun.unlink(missing_ok=True)
    return study


def run_in(folder: Path, **keys) -> Study:
    """Run the small study, with other keys of the configuration, in a new folder."""
    folder.mkdir()
    here = Path.cwd()
    os.chdir(folder)
    try:
        return run({**CONFIG, **keys})
    finally:
        os.chdir(here)


def results(folder: Path | str = ".") -> dict[str, str]:
    """Return path to checksum of all files of a run but logs, in full view: what a killed writer left is
    hidden."""
    root = Path(folder)
    files = (path for top in ("resources", "results") for path in sorted((root / top).rglob("*")) if path.is_file())
    return {
        str(path.relative_to(root)): sha256(path)
        for path in files
        if not any(part.startswith(".") for part in path.relative_to(root).parts)
    }


def die_at(number: int, when: str) -> list[int]:
    """Make this process kill itself at its ``number``-th rename; return a list whose length counts the
    renames.

    ``when``: ``before``; ``after``; or ``within``, the file that was to be renamed cut to half its length first, as if
    its writer had died midway.
    """
    calls = []

    def dying(rename):
        def renamed(source, target, **options):
            calls.append(str(target))
            last = len(calls) == number
            if last and when == "within" and Path(source).is_file():
                os.truncate(source, Path(source).stat().st_size // 2)
            if last and when != "after":
                os.kill(os.getpid(), signal.SIGKILL)
            answer = rename(source, target, **options)
            if last:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return renamed

    os.replace, os.rename = dying(os.replace), dying(os.rename)
    return calls


def in_a_child(folder: Path, action) -> int:
    """Return how a child of this process ended, negative for a signal, after ``action`` in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    child = os.fork()
    if not child:
        try:
            os.chdir(folder)
            action()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill_everywhere(folder: Path, when: str) -> int:
    """Kill a study at each of its renames, then run it again; return how many times that was.

    Raises AssertionError unless, each time, nothing in full view differed from an undisturbed study's, and the second
    run ended with the same bytes in every file.
    """
    (folder / "whole").mkdir(parents=True)
    os.chdir(folder / "whole")
    os.fsync = lambda descriptor: None  # the kernel keeps what a killed process wrote: only a loss of power would not
    run()  # which also imports all there is to import: each child starts with it
    whole = results(folder / "whole")
    number = 0
    while True:
        number += 1
        place = folder / str(number)
        ended = in_a_child(place, lambda number=number: (die_at(number, when), run()))
        if ended == 0:
            assert results(place) == whole
            return number - 1
        assert ended == -signal.SIGKILL, (number, ended)
        left = results(place)
        assert all(whole[path] == checksum for path, checksum in left.items()), (number, left.keys())
        assert in_a_child(place, run) == 0, number
        assert results(place) == whole, number
        shutil.rmtree(place)


if __name__ == "__main__":  # pipeline.py FOLDER before|within|after
    print(kill_everywhere(Path(sys.argv[1]), sys.argv[2]))
