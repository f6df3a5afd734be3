"""Rule prepare_zones: the study's grid, and the zones that overlap it."""

from zonalflow.run.rule import job_log, select
from zonalflow.steps.prepare_zones import Inputs, Outputs, Params, prepare_zones

with job_log(snakemake.log[0]) as log:
    inputs, outputs = select(Inputs, snakemake.input), select(Outputs, snakemake.output)
    prepare_zones(inputs, outputs, select(Params, snakemake.params), log)
