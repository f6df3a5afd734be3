"""Rule datasets: a table of what the GeoCDL server has."""

import sys

from zonalflow.run.rule import job_log
from zonalflow.steps.datasets import datasets_table
from zonalflow.study.resolve import URLS, retry_policy

with job_log(snakemake.log[0]) as log:
    config = snakemake.config["resolved"]
    raster = config["raster"]
    url = raster["url"] if raster["source"] == "geocdl" else URLS["geocdl"]
    table = datasets_table(url, retry_policy({**config["fetch"], "attempts": 1}))
    log(table)
    print(table, file=sys.stdout)
