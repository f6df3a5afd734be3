"""Rule write_report: the report of a run, one file that shows and explains its results."""

from pathlib import Path

from zonalflow.jobs import job_log
from zonalflow.report import write_report
from zonalflow.seals import seal

with job_log(snakemake.log[0]):
    write_report(Path(snakemake.input.manifest).parent, snakemake.output[0])
    seal(snakemake.params.seal, snakemake.output)
