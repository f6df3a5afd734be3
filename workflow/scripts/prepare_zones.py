"""Rule prepare_zones: the study's grid, and the zones that overlap it."""

from zonalflow.jobs import job_log
from zonalflow.prepare import prepare_study
from zonalflow.seals import seal

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
    seal(snakemake.output.report, snakemake.output)
