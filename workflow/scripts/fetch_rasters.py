"""Rule fetch_rasters: one year of one variable from GeoCDL or PRISM's web service, with its receipt."""

from pathlib import Path

from zonalflow import geocdl, prism
from zonalflow.config import patience
from zonalflow.jobs import job_log

with job_log(snakemake.log[0]) as say:
    config, wildcards, receipt = snakemake.config["resolved"], snakemake.wildcards, Path(snakemake.output.receipt)
    raster, fetch = config["raster"], config["fetch"]
    options = {"patience": patience(fetch), "at_once": fetch["at_once"]}
    if raster["source"] == "geocdl":
        answer = geocdl.fetch_year(
            raster["url"], raster["dataset"], wildcards.variable, int(wildcards.year), raster["grain"],
            config["bbox"], receipt, **options,
        )  # fmt: skip
    else:
        answer = prism.fetch_year(
            raster["url"], raster["resolution"], wildcards.variable, int(wildcards.year), raster["grain"], receipt,
            **options,
        )  # fmt: skip
    say(f"{len(answer['files'])} rasters in {len(answer['requests'])} requests")
