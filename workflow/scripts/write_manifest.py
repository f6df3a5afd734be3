"""Rule write_manifest: the provenance of the results."""

from zonalflow.recipes.job import recorded
from zonalflow.run.rule import job_log, select
from zonalflow.steps.write_manifest import Inputs, Outputs, write_manifest

with job_log(snakemake.log[0]) as log, recorded("write_manifest", snakemake):
    write_manifest(select(Inputs, snakemake.input), select(Outputs, snakemake.output), snakemake.params.config, log)
