"""Rule write_report: the report of a run, one file that shows and explains its results."""

from zonalflow.common.files import record_checksums
from zonalflow.run.job_log import job_log
from zonalflow.steps.write_report import write_report

with job_log(snakemake.log[0]):
    given = snakemake.input
    write_report(
        snakemake.output[0],
        table=given.table,
        zones=given.zones,
        manifest=given.manifest,
        verification=next(iter(given.verification), None),
    )
    record_checksums(snakemake.params.seal, snakemake.output)
