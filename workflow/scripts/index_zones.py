"""Rule index_zones: which cells belong to each zone, once for all years and runs on the same grid."""

from zonalflow.jobs import job_log
from zonalflow.year import index_zones, read_json

with job_log(snakemake.log[0]) as say:
    index_zones(
        snakemake.input.zones,
        read_json(snakemake.input.grid),
        read_json(snakemake.input.report)["digest"],
        snakemake.params.method,
        snakemake.params.weights,
        snakemake.output.pointer,
        say,
        crs=snakemake.params.crs,
    )
