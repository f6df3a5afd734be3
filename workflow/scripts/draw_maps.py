"""Rule draw_maps: the maps of one variable, one for each year and one of all years."""

from zonalflow.recipes.job import recorded
from zonalflow.run.rule import job_log, select
from zonalflow.steps.draw_maps import Inputs, Outputs, Params, draw_maps

with job_log(snakemake.log[0]) as log, recorded("draw_maps", snakemake):
    inputs, outputs = select(Inputs, snakemake.input), select(Outputs, snakemake.output)
    draw_maps(inputs, outputs, select(Params, snakemake.params, snakemake.wildcards), log)
