"""Rule fetch_zones: one of the Census Bureau's boundary files, with its receipt."""

from zonalflow.run.rule import job_log
from zonalflow.steps.fetch_zones import fetch_zones
from zonalflow.study.resolve import retry_policy
from zonalflow.study.study import Study

with job_log(snakemake.log[0]) as log:
    config = snakemake.config["resolved"]
    url = Study(config).boundaries[snakemake.wildcards.file]
    fetch_zones(snakemake.output.receipt, url, retry_policy(config["fetch"]), log)
