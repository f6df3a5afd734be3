"""Rule fetch_zones: one of the Census Bureau's boundary files, with its receipt."""

from pathlib import Path

from zonalflow.run.job_log import job_log
from zonalflow.sources.census import fetch_boundaries
from zonalflow.study.resolve import retry_policy
from zonalflow.study.study import Study

with job_log(snakemake.log[0]) as say:
    config, receipt = snakemake.config["resolved"], Path(snakemake.output.receipt)
    url = Study(config).boundaries[snakemake.wildcards.file]
    answer = fetch_boundaries(url, receipt.with_suffix(""), policy=retry_policy(config["fetch"]))
    say(f"{len(answer['files'])} files from {url}")
