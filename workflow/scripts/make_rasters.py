"""Rule make_rasters: one year of synthetic rasters for the demo, with its receipt."""

from zonalflow.demo import write_year
from zonalflow.jobs import job_log

with job_log(snakemake.log[0]) as say:
    wildcards, params = snakemake.wildcards, snakemake.params
    receipt = write_year(wildcards.variable, int(wildcards.year), params.grain, params.bbox, snakemake.output.receipt)
    say(f"{len(receipt['files'])} synthetic rasters")
