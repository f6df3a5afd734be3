"""Rule zonal_stats: one variable and year, from its rasters to its table and vector files."""

from zonalflow.common.files import record_checksums
from zonalflow.run.job_log import job_log
from zonalflow.steps.zonal_stats import run_year

PARAMS = ("stem", "template", "raster", "stats", "formats", "method", "weights", "elsewhere")

with job_log(snakemake.log[0]) as say:
    run_year(
        variable=snakemake.wildcards.variable,
        year=int(snakemake.wildcards.year),
        rasters=list(snakemake.input.rasters),
        zones=snakemake.input.zones,
        report=snakemake.input.report,
        grid=snakemake.input.grid,
        index=snakemake.input.index,
        table=snakemake.output.table,
        **{key: snakemake.params[key] for key in PARAMS},
        say=say,
    )
    record_checksums(snakemake.output.table, snakemake.output)
