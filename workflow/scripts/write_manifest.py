"""Rule write_manifest: the provenance of the results."""

from zonalflow.run.job_log import job_log
from zonalflow.steps.write_manifest import write_manifest

with job_log(snakemake.log[0]):
    write_manifest(
        snakemake.output.manifest,
        config=snakemake.params.config,
        inputs=[*snakemake.input.zones, *snakemake.input.rasters, *snakemake.input.weights],
        report=snakemake.input.report,
        grid=snakemake.input.grid,
        index=snakemake.input.index,
        tables=list(snakemake.input.tables),
        results=list(snakemake.input.results),
    )
