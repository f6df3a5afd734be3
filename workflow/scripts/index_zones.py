"""Rule index_zones: which cells belong to each zone, once for all years and runs on the same grid."""

from zonalflow.index.cache import Counting
from zonalflow.recipes.job import recorded
from zonalflow.run.rule import job_log, select
from zonalflow.steps.index_zones import Inputs, index_zones

with job_log(snakemake.log[0]) as log, recorded("index_zones", snakemake, ["weights"]):
    inputs, counting = select(Inputs, snakemake.input), select(Counting, snakemake.params)
    index_zones(inputs, snakemake.output.pointer, counting, log)
