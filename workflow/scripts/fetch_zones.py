"""Rule fetch_zones: one of the Census Bureau's boundary files, with its receipt."""

from pathlib import Path

from zonalflow.census import fetch_boundaries
from zonalflow.config import patience
from zonalflow.jobs import job_log
from zonalflow.study import Study

with job_log(snakemake.log[0]) as say:
    config, receipt = snakemake.config["resolved"], Path(snakemake.output.receipt)
    url = Study(config).boundaries[snakemake.wildcards.file]
    answer = fetch_boundaries(url, receipt.with_suffix(""), patience=patience(config["fetch"]))
    say(f"{len(answer['files'])} files from {url}")
