"""Rule make_rasters: one year of synthetic rasters for the demo, with its receipt."""

from zonalflow.recipes.job import recorded
from zonalflow.run.rule import job_log, select
from zonalflow.steps.make_rasters import Params, make_rasters

with job_log(snakemake.log[0]) as log, recorded("make_rasters", snakemake):
    make_rasters(snakemake.output.receipt, select(Params, snakemake.params, snakemake.wildcards), log)
