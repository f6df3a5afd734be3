"""Rule combine_years: the tables of all variables and years."""

from zonalflow.run.rule import job_log, select
from zonalflow.steps.combine_years import Inputs, Params, combine_years

with job_log(snakemake.log[0]) as log:
    targets = dict(snakemake.output.items())
    checksums = targets.pop("checksums")
    combine_years(select(Inputs, snakemake.input), targets, checksums, select(Params, snakemake.params), log)
