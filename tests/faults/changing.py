"""Random sequences of edits, swaps, deletions, restored copies and kills, after each of which a study is run again.

Without Snakemake: the plan says which jobs run, and each runs by its own script (see ``pipeline``), so that hundreds of
sequences take minutes. At the end the results must be those of a study that is run for the first time.
"""

import os
import random
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
from faults import pipeline
from small import boxes, counting, write_tif

from zonalflow.common.files import sha256
from zonalflow.recipes import contents
from zonalflow.study.ownership import move_aside
from zonalflow.study.plan import Plan

YEARS = (2000, 2001, 2002)
ASIDE = '<PAMDataset><PAMRasterBand band="1"><NoDataValue>7</NoDataValue></PAMRasterBand></PAMDataset>'
SQUARES = [((0, 0, 2, 2), (3, 1, 5, 3)), ((1, 1, 4, 3), (0, 0, 1, 4)), ((2, 0, 6, 2),)]
CONFIG = {
    "run": "small",
    "years": "2000:2002",
    "bbox": None,
    "zones": {"source": "file", "path": "zones.gpkg", "id": "id"},
    "raster": {"source": "local", "path": "v_{year}.tif", "variables": ["v"]},
    "stats": ["mean"],
    "method": "center",
    "output": {"formats": ["csv", "parquet", "shp"]},
}
EDITS = {
    "years": ["2000:2002", "2001:2002", 2000],
    "bbox": [None, [0.5, 0.5, 4.5, 3.5]],
    "stats": [["mean"], ["mean", "max"]],
    "method": ["center", "coverage"],
}


def run(config: dict) -> None:
    """Run what the plan says, as the controlling process and the jobs do it."""
    study = pipeline.study_of(config)
    plan = Plan(study)
    edited = [path for state in plan.states.values() for path in state.edited]
    move_aside(study, lambda variable, year: False, edited)
    settled = {state.job.record for state in plan.states.values() if state.is_settled}
    for script, job in pipeline.jobs(study):
        if job.output.record in settled and all(Path(path).exists() for path in job.output):
            continue
        for path in job.output:
            Path(path).unlink(missing_ok=True)
        source = (pipeline.SCRIPTS / f"{script}.py").read_text(encoding="utf-8")
        exec(compile(source, f"{script}.py", "exec"), {"snakemake": job, "__name__": "__main__"})


def tables(config: dict, folder: Path) -> dict[str, str]:
    """Return path to checksum of a study's tables and shapefiles."""
    study = pipeline.study_of(config)
    return {path: sha256(folder / path) for path in [*study.tables.values(), *study.year_tables, *study.vectors]}


class Sequence:
    """One study, changed step by step in the working directory; all choices follow from the seed."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.config = dict(CONFIG)
        self.done: list[str] = []
        contents._SETTLED = self.random.choice([2.0, 0.05])  # with the latter, most signatures are trusted
        for number, year in enumerate(YEARS):
            write_tif(Path(f"v_{year}.tif"), counting(start=100 * number), nodata=-9999)
        boxes(*SQUARES[0]).to_file("zones.gpkg")

    def raster(self) -> Path:
        return Path(f"v_{self.random.choice(YEARS)}.tif")

    def put(self, path: Path, write) -> None:
        """Replace a file, in the place or by renaming, with an older, the same or a newer time stamp."""
        former = path.stat()
        aside = path.with_name(f"aside{path.suffix}")
        aside.unlink(missing_ok=True)
        write(aside)
        if self.random.random() < 0.5:
            path.write_bytes(aside.read_bytes())
            aside.unlink()
        else:
            aside.replace(path)
        older = self.random.choice([None, 0, -86400 * 10**9])
        if older is not None:
            os.utime(path, ns=(former.st_mtime_ns + older,) * 2)

    def edit_a_raster(self):
        values = self.random.randrange(1000) + counting()
        self.put(self.raster(), lambda path: write_tif(path, values.astype(np.float32), nodata=-9999))

    def swap_two_rasters(self):
        one, other = (Path(f"v_{year}.tif") for year in self.random.sample(YEARS, 2))
        one.rename("aside")
        other.rename(one)
        Path("aside").rename(other)

    def add_or_remove_a_side_file(self):
        side = Path(f"{self.raster()}.aux.xml")
        side.unlink() if side.exists() else side.write_text(ASIDE)

    def edit_the_zones(self):
        squares = self.random.choice(SQUARES)
        self.put(Path("zones.gpkg"), lambda path: boxes(*squares).to_file(path))

    def edit_the_configuration(self):
        key = self.random.choice(sorted(EDITS))
        self.config = {**self.config, key: self.random.choice(EDITS[key])}

    def results(self) -> list[Path]:
        found = (path for path in sorted(Path("results").rglob("*")) if path.is_file())
        return [path for path in found if "superseded" not in path.parts]

    def delete_a_result(self):
        if found := self.results():
            self.random.choice(found).unlink()

    def damage_a_result(self):
        if found := self.results():
            path = self.random.choice(found)
            path.write_bytes(path.read_bytes() + b"\0" if self.random.random() < 0.5 else b"damaged")

    def put_one_result_in_the_place_of_another(self):
        if found := [path for path in self.results() if path.suffix in (".npz", ".json", ".dbf")]:
            target = self.random.choice(found)
            source = self.random.choice([path for path in found if path.suffix == target.suffix])
            target.write_bytes(source.read_bytes())

    def keep_a_copy(self):
        if Path("results").exists():
            shutil.rmtree("copy", ignore_errors=True)
            shutil.copytree("results", "copy")

    def restore_the_copy_or_a_file_of_it(self):
        if not Path("copy").exists():
            return self.keep_a_copy()
        if self.random.random() < 0.5:
            shutil.rmtree("results", ignore_errors=True)
            shutil.copytree("copy", "results", copy_function=self.random.choice([shutil.copy, shutil.copy2]))
        elif files := [path for path in sorted(Path("copy").rglob("*")) if path.is_file()]:
            path = self.random.choice(files)
            target = Path("results", *path.parts[1:])
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)

    def touch_everything(self):
        for path in [*Path().glob("v_*"), Path("zones.gpkg"), *self.results()]:
            path.touch()

    def kill_a_run(self):
        number, when = self.random.randrange(1, 25), self.random.choice(["before", "within", "after"])
        config = self.config
        ended = pipeline.in_a_child(Path.cwd(), lambda: (pipeline.die_at(number, when), run(config)))
        assert ended in (0, -signal.SIGKILL), ended

    def finish_a_run(self):
        config = self.config
        assert pipeline.in_a_child(Path.cwd(), lambda: run(config)) == 0

    def play(self) -> None:
        """Play the sequence: a first run, 3 to 6 steps, most of them with a run after it, and a last run."""
        names = [name for name in sorted(vars(Sequence)) if "_a" in name or "_the" in name or "_two" in name]
        # Python 3.13 adds __static_attributes__
        steps = [getattr(self, name) for name in names if not name.startswith("_")]
        steps += [self.touch_everything, self.put_one_result_in_the_place_of_another]
        steps.remove(self.finish_a_run)
        self.finish_a_run()
        for _ in range(self.random.randint(3, 6)):
            step = self.random.choice(steps)
            self.done.append(step.__name__)
            step()
            if self.random.random() < 0.5:
                self.done.append("run")
                self.finish_a_run()
        self.finish_a_run()


def play(folder: Path, seed: int) -> list[str]:
    """Play the sequence of a seed in a new folder, and return its steps.

    Raises:
        AssertionError: the results are not those of a first run.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "changed").mkdir(parents=True)
    os.chdir(folder / "changed")
    sequence = Sequence(seed)
    sequence.play()
    fresh = folder / "fresh"
    fresh.mkdir()
    for path in [*Path().glob("v_*"), Path("zones.gpkg")]:
        shutil.copy(path, fresh)
    config = sequence.config
    assert pipeline.in_a_child(fresh, lambda: run(config)) == 0
    assert tables(config, folder / "changed") == tables(config, fresh), (seed, sequence.done)
    shutil.rmtree(folder)
    return sequence.done


if __name__ == "__main__":  # changing.py FOLDER FIRST LAST
    os.fsync = lambda descriptor: None
    for number in range(int(sys.argv[2]), int(sys.argv[3])):
        print(number, *play(Path(sys.argv[1]) / str(number), number), flush=True)
