"""Rule prepare_zones: the study's grid, and the zones that overlap it."""

from zonalflow.recipes.job import grid_keys, recorded
from zonalflow.run.rule import job_log, select
from zonalflow.steps.prepare_zones import Inputs, Outputs, Params, prepare_zones

inputs, outputs = select(Inputs, snakemake.input), select(Outputs, snakemake.output)
sources = ["zones", "rasters"]
with job_log(snakemake.log[0]) as log, recorded("prepare_zones", snakemake, sources, lambda: grid_keys(outputs.grid)):
    prepare_zones(inputs, outputs, select(Params, snakemake.params), log)
