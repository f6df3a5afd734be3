"""Rule write_report: the report of a run, one file that shows and explains its results."""

from zonalflow.recipes.job import recorded
from zonalflow.run.rule import job_log, select
from zonalflow.steps.write_report import Inputs, Outputs, write_report

with job_log(snakemake.log[0]) as log, recorded("write_report", snakemake, ["verification", "page"]):
    inputs, outputs = select(Inputs, snakemake.input), select(Outputs, snakemake.output)
    write_report(inputs, outputs, log, snakemake.params.verify)
