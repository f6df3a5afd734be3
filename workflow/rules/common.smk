# The study, and the few functions that the rules share. Every cluster job parses this again: nothing heavy is imported
# here, and what needs checking once is checked in the controlling process only. Nothing is written, started or contacted.

import os
import shlex
import sys
from pathlib import Path

from snakemake.logging import logger
from zonalflow.common.formats import VECTOR_SUFFIXES
from zonalflow.common.offline import forbid_network
from zonalflow.run import events, start
from zonalflow.study.jobs import one_of_each_job, parameters, record_beside, year_records
from zonalflow.study.resolve import resolve
from zonalflow.study.schema import check_duplicates, load_schema
from zonalflow.study.study import Study
from zonalflow.study.where import steps_here

# Inside a SLURM job the work is done by the Snakemake that SLURM started, not by a second one behind `srun`, which
# would cost each job as much again.
IN_JOB = workflow.remote_exec
# The process that the user started for this study, not a job, nor a workflow that uses this one as a module.
IN_CONTROL = workflow.is_main_process and workflow.modifier.is_main_snakefile()
YEAR = r"\d{4}"


def plan_study() -> dict:
    """Return the resolved configuration, checked unless this is a job."""
    checked = workflow.is_main_process
    for path in workflow.configfiles if checked else ():
        check_duplicates(Path(path))
    return resolve(config, load_schema(WORKFLOW / "schemas/config.schema.yaml"), check=checked)


def configfile_name() -> str:
    """Return which configuration file this run was asked for, relative to the working directory where it can be."""
    return " + ".join(os.path.relpath(path) for path in workflow.configfiles)


def made(paths: str | list[str]) -> str | list[str]:
    """Return results as inputs whose time stamps do not count: whether what reads them is out of date, the plan knows."""
    return ancient(paths) if isinstance(paths, str) else [ancient(path) for path in paths]


def verify_command() -> str:
    """Return the command that verifies this very study, from the folder in which it was run."""
    settings = workflow.config_settings
    given = settings.config_args or []
    options = ["--cores", "1"]
    if Path(str(workflow.main_snakefile)).resolve() != Path("Snakefile").resolve():
        options += ["--snakefile", os.path.relpath(workflow.main_snakefile)]
    if workflow.overwrite_configfiles:
        options += ["--configfile", *map(os.path.relpath, workflow.overwrite_configfiles)]
    if given:
        options += ["--config", *([given] if isinstance(given, str) else given)]
    return shlex.join(["snakemake", "verify", *options])


def users_own(paths: list[str]) -> list[str]:
    """Return the user's own files as they are: a module's ``prefix:`` is for what the workflow makes."""
    return [ancient(local(path)) for path in paths]


def zones_inputs() -> list[str]:
    """Return what preparing the zones waits for: receipts, or the user's own file."""
    return (made if study.zones["source"] == "census" else users_own)(study.zones_inputs)


def rasters(variable: str, year) -> list[str]:
    """Return what a year's job waits for: its receipt, or the user's own rasters."""
    paths = study.rasters(variable, year)
    return (users_own if study.raster["source"] == "local" else made)(paths)


def bytes_of_a_year() -> int:
    """Return what a year adds to each record of a shapefile."""
    from zonalflow.study.preflight import year_bytes

    return year_bytes(study)


def page_files() -> list[str]:
    """Return the files of which the report's page is made."""
    page = WORKFLOW / "report/page"
    return [f"{page}/page.html.j2", f"{page}/style.css", *map(str, sorted(page.glob("**/*.js")))]


def drop_rate_limit() -> None:
    """Let a job's Snakemake end with its one job, instead of idling until the limit on jobs per second is checked."""
    workflow.scheduling_settings.max_jobs_per_timespan = None


if IN_JOB:
    logger.addHandler(events.CallOnce(events.STARTED, drop_rate_limit))
if IN_CONTROL:  # not in a workflow that uses this one as a module, whose own rules may read remote files
    forbid_network()
    start.begin_planning()
if IN_CONTROL and not workflow.output_settings.verbose:
    from zonalflow.run import console

    console.install(
        workflow.logger_manager.logger,
        preview=workflow.output_settings.dryrun,
        explain=lambda files: changes.explain(files) if changes else "",
    )

resolved = or_refuse(plan_study)
# The study as the rules name its files, and as these lie on the disk: a module's `prefix:` comes before the latter.
study = Study(resolved)
study_on_disk = Study(resolved, root=workflow.modifier.path_modifier.prefix or "")
# The short steps run in the controlling process while the study is small, so that only the years wait in a queue.
STEPS_HERE = IN_JOB or steps_here(study_on_disk)

# What jobs ask a cluster for beyond the profile's defaults, by the cost model. A job has what it asked for.
YEAR_NEEDS, STEPS_NEED = {}, {}
if workflow.is_main_process:
    from zonalflow.study import overview

    YEAR_NEEDS = overview.resources_of_year(study_on_disk)
    STEPS_NEED = {} if STEPS_HERE else overview.resources_of_steps(study_on_disk)

# What is out of date, by contents. The process that decides what runs makes the plan, a job needs none.
changes = None


def only_verifies() -> bool:
    """Return whether nothing but `verify` is asked for, which shall find everything as it is."""
    return set(workflow.dag_settings.targets) == {"verify"}


if workflow.is_main_process:
    from zonalflow.study.changes import Changes

    changes = or_refuse(Changes, study_on_disk, page_files())

    def ask_for_changes() -> None:
        """Have what is out of date or missing noted, as far as the targets need it."""
        settings = workflow.dag_settings
        if not only_verifies():
            settings.forcerun = {*settings.forcerun, *changes.asked(settings.targets)}

    logger.addHandler(events.CallOnce(events.STARTED, ask_for_changes))


def change(step: str, *wildcards) -> list[str]:
    """Return the file that says that the result of a job is out of date: one to be made if it is."""
    return changes.inputs(step, wildcards, ancient) if changes else []


# For the scripts that fetch. What a file is follows from its name; the server's address and how long to wait for it do
# not, and as parameters they would make all that has been fetched, and computed from it, out of date.
config = {**config, "resolved": resolved}
