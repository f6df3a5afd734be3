"""Rule write_report: the report of a run, one file that shows and explains its results."""

from pathlib import Path

from zonalflow.common.files import record_checksums
from zonalflow.run.job_log import job_log
from zonalflow.steps.write_report import write_report

with job_log(snakemake.log[0]):
    write_report(Path(snakemake.input.manifest).parent, snakemake.output[0])
    record_checksums(snakemake.params.seal, snakemake.output)
