"""Rule write_report: the report of a run, one file that shows and explains its results."""

from pathlib import Path

from zonalflow.common.files import record_checksums
from zonalflow.run.rule import job_log
from zonalflow.steps.write_report import write_report

with job_log(snakemake.log[0]):
    write_report(Path(snakemake.input.manifest).parent, snakemake.output.report)
    record_checksums(snakemake.output.checksums, [snakemake.output.report])
