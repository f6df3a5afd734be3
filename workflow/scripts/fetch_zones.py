"""Rule fetch_zones: one of the Census Bureau's boundary files, with its receipt."""

from pathlib import Path

from zonalflow.census import fetch_boundaries
from zonalflow.config import patience
from zonalflow.jobs import job_log

with job_log(snakemake.log[0]) as say:
    receipt = Path(snakemake.output.receipt)
    answer = fetch_boundaries(snakemake.params.url, receipt.with_suffix(""), patience=patience(snakemake.params.fetch))
    say(f"{len(answer['files'])} files from {snakemake.params.url}")
