# The study, and the few functions that the rules share. Every cluster job parses this again: nothing heavy is imported
# here, and what needs checking once is checked in the controlling process only.

import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "workflow" / "scripts"))

from zonalflow.run import console
from zonalflow.study.schema import check_duplicates, load_schema
from zonalflow.study.resolve import resolve
from zonalflow.common.errors import ZonalflowError
from zonalflow.run.code import code_digest
from zonalflow.study.ownership import check_owner
from zonalflow.common.formats import VECTOR_SUFFIXES
from zonalflow.study.study import Study


def plan_study() -> Study:
    """Return the checked study; a mistake ends here with its message, before any job."""
    schema = load_schema(Path(workflow.basedir) / "workflow/schemas/config.schema.yaml")
    try:
        if workflow.is_main_process:
            for path in configfiles():
                check_duplicates(path)
        study = Study(resolve(config, schema, check=workflow.is_main_process))
        if workflow.is_main_process:
            from zonalflow.study.preflight import check_catalogue, check_inputs

            check_owner(study, configfile_name())
            check_inputs(study)
            if not workflow.output_settings.dryrun:
                check_catalogue(study)
            print(f"zonalflow\n{study.summary()}\n", file=sys.stderr)
    except ZonalflowError as error:
        sys.exit(f"zonalflow: {error}")
    return study


def configfile_name() -> str:
    """Return which configuration file this run was asked for, relative to the working directory where it can be."""
    return " + ".join(os.path.relpath(path) for path in configfiles())


def configfiles() -> list[Path]:
    """Return the configuration files of this run."""
    return [Path(path) for path in workflow.overwrite_configfiles or ["config/config.yaml"]]


study = plan_study()

# For the scripts that fetch. What a file is follows from its name; the server's address and how long to wait for it do
# not, and as parameters they would make all that has been fetched, and computed from it, out of date.
config["resolved"] = study.config

# a server like GeoCDL works on one request at a time: `fetch.at_once` bounds the download jobs, wherever they run
if "downloads" not in workflow.global_resources:
    workflow.register_resource("downloads", study.config["fetch"]["at_once"])

if workflow.is_main_process and not workflow.output_settings.verbose:
    console.install(workflow.logger_manager.logger, preview=workflow.output_settings.dryrun)
