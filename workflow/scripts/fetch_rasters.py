"""Rule fetch_rasters: one year of one variable from GeoCDL or PRISM's web service, with its receipt."""

from zonalflow.run.rule import job_log, select
from zonalflow.steps.fetch_rasters import Wildcards, fetch_rasters
from zonalflow.study.resolve import retry_policy

with job_log(snakemake.log[0]) as log:
    config = snakemake.config["resolved"]
    what = select(Wildcards, snakemake.wildcards)
    fetch_rasters(snakemake.output.receipt, what, config, retry_policy(config["fetch"]), log)
