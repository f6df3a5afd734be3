"""Rule fetch_rasters: one year of one variable from GeoCDL or PRISM's web service, with its receipt."""

from pathlib import Path

from zonalflow import geocdl, prism
from zonalflow.config import patience
from zonalflow.jobs import job_log

with job_log(snakemake.log[0]) as say:
    raster, wildcards = snakemake.params.raster, snakemake.wildcards
    fetch, receipt = snakemake.params.fetch, Path(snakemake.output.receipt)
    options = {"patience": patience(fetch), "at_once": fetch["at_once"]}
    if raster["source"] == "geocdl":
        answer = geocdl.fetch_year(
            raster["url"], raster["dataset"], wildcards.variable, int(wildcards.year), raster["grain"],
            snakemake.params.bbox, receipt, **options,
        )  # fmt: skip
    else:
        answer = prism.fetch_year(
            raster["url"], raster["resolution"], wildcards.variable, int(wildcards.year), raster["grain"], receipt,
            **options,
        )  # fmt: skip
    say(f"{len(answer['files'])} rasters in {len(answer['requests'])} requests")
