"""Rule write_manifest: the provenance of the results."""

from zonalflow.run.rule import job_log, select
from zonalflow.steps.write_manifest import Inputs, Outputs, write_manifest

with job_log(snakemake.log[0]) as log:
    write_manifest(select(Inputs, snakemake.input), select(Outputs, snakemake.output), snakemake.params.config, log)
