"""Rule combine_years: the tables of all variables and years."""

from zonalflow.recipes.job import recorded
from zonalflow.run.rule import job_log, select
from zonalflow.steps.combine_years import Inputs, Params, combine_years

with job_log(snakemake.log[0]) as log, recorded("combine_years", snakemake):
    targets = {kind: path for kind, path in snakemake.output.items() if kind not in ("checksums", "record")}
    combine_years(
        select(Inputs, snakemake.input), targets, snakemake.output.checksums, select(Params, snakemake.params), log
    )
