"""Rule index_zones: which cells belong to each zone, once for all years and runs on the same grid."""

from zonalflow.common.files import read_json
from zonalflow.run.job_log import job_log
from zonalflow.steps.index_zones import index_zones

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
