"""Rule prepare_zones: the study's grid, and the zones that overlap it."""

from zonalflow.common.files import record_checksums
from zonalflow.run.job_log import job_log
from zonalflow.steps.prepare_zones import prepare_study

with job_log(snakemake.log[0]) as say:
    prepare_study(
        files=snakemake.params.files,
        zones=snakemake.params.zones,
        raster=snakemake.params.raster,
        reference=snakemake.params.reference,
        inputs=list(snakemake.input.rasters),
        bbox=snakemake.params.bbox,
        targets=snakemake.output,
        say=say,
    )
    record_checksums(snakemake.output.report, snakemake.output)
