"""Which results of a study are current, given its inputs, configuration and code, and why others are not.

The controlling process makes a plan at every start and preview: it compares the record of each result with what the
result would be made from now. Neither time stamps nor Snakemake's own notes count. A result without a record, or with
another one, is out of date; so is a file that is not what its job wrote, and all that is made from what is out of date.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zonalflow.common.text import few
from zonalflow.recipes.contents import Content, Contents, Memory
from zonalflow.recipes.job import BY_GRID, recipe_keys
from zonalflow.recipes.recipe import Recipe, Record, differences, named, path_between
from zonalflow.recipes.side_files import Folders
from zonalflow.run.code import code_digest
from zonalflow.study.jobs import Job, jobs, report_job
from zonalflow.study.study import Study

NEVER_RECORDED = "no record of what it was made from"


@dataclass(frozen=True)
class State:
    """The state of a job's results.

    Attributes:
        job: the job.
        reasons: why they are not what they would be now; none if they are.
        present: whether any of them is there.
        digest: that of the recipe that they were made by; empty if they would be made by another now.
        edited: those that are not what the job wrote.
        lacks: whether a result that the study asks for is missing.
    """

    job: Job
    reasons: list[str]
    present: bool
    digest: str = ""
    edited: tuple[str, ...] = ()
    lacks: bool = False

    @property
    def is_current(self) -> bool:
        """Whether the results are, as far as they are there, what they would be now."""
        return not self.reasons

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing to do."""
        return self.is_current and not self.lacks

    @property
    def is_out_of_date(self) -> bool:
        """Whether results are there that are not what they would be now."""
        return self.present and not self.is_current


class Plan:
    """The states of all jobs of a study, by their names, and the contents that had to be read to know them."""

    def __init__(self, study: Study, page: Iterable[str] = (), memory: Memory | None = None):
        self.study = study
        self._folders = Folders()
        memory = memory or Memory()
        self._inputs, self._results = Contents(memory.inputs), Contents(memory.results, receipts=False)
        self._products = {*study.products}
        self._by_record: dict[str, State] = {}
        for job in [*jobs(study), report_job(study, list(page))]:
            self._by_record[job.record] = self.state_of(job)
        self.states = {state.job.name: state for state in self._by_record.values()}

    @property
    def out_of_date(self) -> list[State]:
        """The jobs whose results are there and out of date."""
        return [state for state in self.states.values() if state.is_out_of_date]

    @property
    def memory(self) -> Memory:
        """The checksums that a later plan need not compute again."""
        return Memory(self._inputs.to_remember(), self._results.to_remember())

    def needed_by(self, targets: Collection[str]) -> set[str]:
        """Return the names of the jobs whose results the targets need: files, or names of the Snakefile's."""
        study = self.study
        named = {
            "vectors": study.vectors, "tables": study.tables.values(), "maps": study.maps,
            "provenance": [study.manifest], "report": [study.report],
        }  # fmt: skip
        by_output = {path: state.job for state in self.states.values() for path in state.job.outputs}
        waiting: list[Job] = []
        for target in targets:
            paths = named.get(target, [target])
            if not by_output.keys() >= {*paths}:
                return {*self.states}
            waiting += [by_output[path] for path in paths]
        found: set[str] = set()
        while waiting:
            job = waiting.pop()
            if job.name not in found:
                found.add(job.name)
                waiting += [self._by_record[path].job for path in job.made_from]
                waiting += [by_output[path] for paths in job.inputs.values() for path in paths if path in by_output]
        return found if targets else {*self.states}

    def state_of(self, job: Job) -> State:
        """Return the state of a job's results; the job need not be one of the study's."""
        present = [path for path in job.outputs if Path(path).exists()]
        record = Record.read(job.record)
        if record is None:
            return State(job, [NEVER_RECORDED], bool(present))
        self._inputs.add(one for of_kind in record.files.values() for one in of_kind)
        recipe = self._recipe(job, record)
        reasons = differences(record.recipe, recipe)
        if not reasons and recipe.digest != record.recipe.digest:
            after = [path for path in job.made_from if not self._is_as_recorded(path, job, record)]
            titles = [self._by_record[path].job.title if path in self._by_record else path for path in after]
            reasons.append(f"after {few(titles, 2)}")
        digest = "" if reasons else recipe.digest
        edited = [path for path in present if not self._is_written(path, job, record)]
        if edited:
            reasons.append(f"{few([Path(path).name for path in edited], 2)} changed since the job wrote it")
        lacks = not self._products.isdisjoint({*job.outputs}.difference(present))
        return State(job, reasons, bool(present), digest, tuple(edited), lacks)

    def _recipe(self, job: Job, record: Record) -> Recipe:
        """Return what a job's results would be made from now."""
        files = {kind: self._files(kind, paths, record) for kind, paths in job.inputs.items()}
        keys: dict[str, Any] = {**job.keys, **job.wildcards}
        if by_grid := BY_GRID.get(job.step):
            known, now = named({by_grid: record.files.get(by_grid, [])}), named({by_grid: files.pop(by_grid)})
            names = ("file_grid", "crs_is_assumed")
            keys |= {name: record.recipe.keys.get(name) for name in names} if now == known else self._grid_keys()
        made_from = {path_between(job.record, path): self._digest_of(path) for path in job.made_from}
        return Recipe(job.step, code_digest(job.step), recipe_keys(job.step, keys), named(files), made_from)

    def _files(self, kind: str, paths: list[str], record: Record) -> list[Content]:
        """Return the contents of files now; the recorded ones of fetched files whose receipts are missing."""
        if self._is_fetched(kind) and paths and not any(Path(path).exists() for path in paths):
            return record.files.get(kind, [])
        return [self._inputs.of(path) for path in self._folders.files_of(paths)]

    def _is_fetched(self, kind: str) -> bool:
        if kind == "rasters":
            return bool(self.study.raster["source"] != "local")
        return kind in ("zones", "original_zones") and self.study.zones["source"] == "census"

    def _grid_keys(self) -> dict[str, Any]:
        from zonalflow.rasters.read import file_grid  # brings rasterio, which few plans need
        from zonalflow.timeline.time_steps import time_steps_of_year

        study = self.study
        variable, year = study.reference
        paths = study.rasters(variable, year)
        if not all(Path(path).exists() for path in paths):
            return {}
        first = time_steps_of_year(study.value_keys, paths, variable, year)[0]
        grid, assumed = file_grid(first, study.raster["crs"])
        return {"file_grid": grid.to_dict(), "crs_is_assumed": assumed}

    def _digest_of(self, record: str) -> str:
        return self._by_record[record].digest if record in self._by_record else ""

    def _is_as_recorded(self, upstream: str, job: Job, record: Record) -> bool:
        return record.recipe.made_from.get(path_between(job.record, upstream)) == self._digest_of(upstream)

    def _is_written(self, path: str, job: Job, record: Record) -> bool:
        """Return whether a result is what the job wrote."""
        known = record.outputs.get(path_between(job.record, path))
        if known is None:
            return False
        stat = Path(path).stat()
        return known[:2] == (stat.st_size, stat.st_mtime_ns) or (
            known[0] == stat.st_size and self._results.of(path).sha256 == known[2]
        )
