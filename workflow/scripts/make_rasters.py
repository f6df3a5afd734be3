"""Rule make_rasters: one year of synthetic rasters for the demo, with its receipt."""

from zonalflow.run.job_log import job_log
from zonalflow.sources.synthetic import write_year

with job_log(snakemake.log[0]) as say:
    wildcards, params = snakemake.wildcards, snakemake.params
    receipt = write_year(wildcards.variable, int(wildcards.year), params.grain, params.bbox, snakemake.output.receipt)
    say(f"{len(receipt['files'])} synthetic rasters")
