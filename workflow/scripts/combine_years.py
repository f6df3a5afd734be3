"""Rule combine_years: the tidy tables of all variables and years."""

from zonalflow.common.files import record_checksums
from zonalflow.run.job_log import job_log
from zonalflow.steps.combine_years import combine

with job_log(snakemake.log[0]) as say:
    keys = zip(snakemake.params.years, snakemake.input.tables, strict=True)
    rows = combine(
        [(variable, year, path) for (variable, year), path in keys],
        snakemake.input.zones,
        dict(snakemake.output.items()),
        id_column=snakemake.params.id,
        stats=snakemake.params.stats,
        partitioned=snakemake.params.partitioned,
    )
    record_checksums(snakemake.params.seal, snakemake.output)
    say(f"{rows} rows")
