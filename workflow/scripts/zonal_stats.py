"""Rule zonal_stats: one variable and year, from its rasters to its table and vector files."""

from zonalflow.recipes.job import recorded
from zonalflow.run.rule import job_log, select
from zonalflow.steps.zonal_stats import Inputs, Outputs, Params, zonal_stats

with job_log(snakemake.log[0]) as log, recorded("zonal_stats", snakemake, ["rasters", "original_zones", "weights"]):
    inputs, outputs = select(Inputs, snakemake.input), select(Outputs, snakemake.output)
    zonal_stats(inputs, outputs, select(Params, snakemake.params, snakemake.wildcards), log)
