"""The jobs of a study whose results are recorded: what each is asked for, what it reads and what it writes.

The rules take their parameters from :func:`parameters`, so that a job and the plan of a study (see
:mod:`zonalflow.study.plan`) make the same recipe.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zonalflow.common.formats import VECTOR_SUFFIXES
from zonalflow.study.study import Study


@dataclass(frozen=True)
class Job:
    """A job of a study.

    Attributes:
        step: the step's name; `wildcards` its variable and year, where it has them.
        record: the path of the record.
        keys: what it is asked for.
        inputs: for each kind of input, the user's own files, or receipts.
        made_from: the records of the results that it reads.
        outputs: the files that it writes.
    """

    step: str
    record: str
    keys: dict[str, Any]
    outputs: list[str]
    inputs: dict[str, list[str]] = field(default_factory=dict)
    made_from: list[str] = field(default_factory=list)
    wildcards: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The job's name among those of the study: ``zonal_stats/ppt_2003``."""
        return job_name(self.step, self.wildcards.values())

    @property
    def title(self) -> str:
        """What a user would call its results: ``ppt 2003``."""
        return " ".join(self.wildcards.values()) or self.step.partition("_")[2]


def job_name(step: str, wildcards: Iterable[str]) -> str:
    """Return the name of a job among those of a study."""
    return f"{step}/{'_'.join(wildcards) or 'all'}"


def parameters(study: Study, step: str) -> dict[str, Any]:
    """Return the configured parameters of a step: those that are part of its recipe."""
    config, raster = study.config, study.raster
    counting = {name: config[name] for name in ("method", "min_coverage", "weights")}
    other_grids = study.allows_other_grids
    return {
        "make_rasters": {"grain": raster["grain"], "bbox": study.bbox},
        "prepare_zones": {"zones": study.zone_keys, "raster": study.grid_keys, "bbox": study.bbox},
        "index_zones": {**counting, "crs": raster["crs"]},
        "zonal_stats": {
            **counting,
            "raster": study.value_keys,
            "stats": config["stats"],
            "zone_options": study.zone_keys if other_grids else None,
            "bbox": study.bbox if other_grids else None,
            "comments": {"id": study.id_column, "units": raster["units"]} if "gpkg" in study.formats else None,
        },
        "combine_years": {
            "years": study.year_keys,
            "stats": config["stats"],
            "id": study.id_column,
            "name": study.zones["name"],
            "further": study.zones["columns"],
            "variables": study.variables,
            "units": raster["units"],
            "method": config["method"],
        },
        "draw_maps": {
            "years": study.years,
            "stats": config["stats"],
            "grain": raster["grain"],
            "months": raster["months"],
            "units": raster["units"],
            "synthetic": raster["source"] == "demo",
            "further": study.further,
            "vectors": [kind for kind in study.formats if kind in VECTOR_SUFFIXES],
        },
        "write_manifest": {"config": config},
        "write_report": {},
    }[step]


def record_beside(receipt: str) -> str:
    """Return the record of what a receipt tells of, where that is made here."""
    folder, _, name = receipt.rpartition("/")
    return f"{folder}/.recipes/{name}"


def year_records(study: Study) -> list[str]:
    """Return the records of every variable and year, in the order of the tables."""
    return [study.record(f"{variable}/{year}") for variable, year in study.year_keys]


def one_of_each_job(study: Study) -> list[str]:
    """Return a product of each job that makes some, for a rule that asks for all of them.

    The others come with it, and the plan knows which are missing. So Snakemake need not look up each of them among the
    outputs of all rules, which takes a fifth of a large preview.
    """
    vectors = [path for key in study.year_keys for path in study.year_vectors(*key)[:1]]
    overviews = map(study.overview, study.variables)
    return [*vectors, *study.tables.values(), *overviews, study.manifest, study.report]


def jobs(study: Study) -> Iterator[Job]:
    """Yield the jobs of a study but the report's, each after those whose results it reads."""
    if study.raster["source"] == "demo":
        keys = parameters(study, "make_rasters")
        for variable, year in study.year_keys:
            receipt = study.receipt(variable, year)
            record = record_beside(receipt)
            yield Job("make_rasters", record, keys, [receipt], wildcards=_named(variable, year))
    zones, index = study.record("zones"), study.record("index")
    template = [study.template + suffix for suffix in VECTOR_SUFFIXES["shp"]]
    yield Job(
        "prepare_zones", zones, parameters(study, "prepare_zones"),
        [study.prepared, study.preparation, study.grid, *template, study.checksums("zones.json")],
        {"zones": study.zones_inputs, "rasters": study.rasters(*study.reference)},
    )  # fmt: skip
    weights = {"weights": study.weights_inputs}
    yield Job("index_zones", index, parameters(study, "index_zones"), [study.index], weights, [zones])
    keys = parameters(study, "zonal_stats")
    for variable, year in study.year_keys:
        yield year_job(study, variable, year, keys)
    yield from _summaries(study)


def _summaries(study: Study) -> Iterator[Job]:
    """Yield the jobs that read all years."""
    zones, index, tables = study.record("zones"), study.record("index"), study.record("tables")
    yield Job(
        "combine_years", tables, parameters(study, "combine_years"),
        [*study.tables.values(), study.checksums("tables")], made_from=[zones, *year_records(study)],
    )  # fmt: skip
    for variable in study.variables:
        maps = [*(study.year_map(variable, year) for year in study.years), study.overview(variable)]
        maps += [*study.further_maps(variable), *study.styles(variable)]
        years = [study.record(f"{variable}/{year}") for year in study.years]
        yield Job(
            "draw_maps", study.record(f"maps_{variable}"), parameters(study, "draw_maps"),
            [*maps, study.checksums(f"maps_{variable}")], made_from=[zones, *years], wildcards={"variable": variable},
        )  # fmt: skip
    yield Job(
        "write_manifest", study.record("manifest"), parameters(study, "write_manifest"),
        [study.manifest, study.readme], made_from=[zones, index, *year_records(study), tables],
    )  # fmt: skip


def year_job(study: Study, variable: str, year: int, keys: dict[str, Any] | None = None) -> Job:
    """Return the job of one variable and year, which need not be among those of the study, with its parameters."""
    keys = parameters(study, "zonal_stats") if keys is None else keys
    own = {"rasters": study.rasters(variable, year), "original_zones": [], "weights": []}
    if study.allows_other_grids:
        own |= {"original_zones": study.zones_inputs, "weights": study.weights_inputs}
    name = f"{variable}/{year}.npz"
    return Job(
        "zonal_stats", study.record(f"{variable}/{year}"), keys,
        [study.year_table(variable, year), *study.year_vectors(variable, year), study.checksums(name)],
        own, [study.record("zones"), study.record("index")], _named(variable, year),
    )  # fmt: skip


def report_job(study: Study, page: list[str]) -> Job:
    """Return the job that writes the report, with the files of its page."""
    verification = [study.verification] if Path(study.verification).exists() else []
    return Job(
        "write_report", study.record("report"), parameters(study, "write_report"),
        [study.report, study.checksums("report")], {"verification": verification, "page": page},
        [study.record("tables"), study.record("zones"), study.record("manifest")],
    )  # fmt: skip


def _named(variable: str, year: int) -> dict[str, str]:
    return {"variable": variable, "year": str(year)}
