"""Rule fetch_rasters: one year of one variable from GeoCDL or PRISM's web service, with its receipt."""

from pathlib import Path

from zonalflow.run.job_log import job_log
from zonalflow.sources import geocdl, prism
from zonalflow.study.resolve import retry_policy

with job_log(snakemake.log[0]) as say:
    config, wildcards, receipt = snakemake.config["resolved"], snakemake.wildcards, Path(snakemake.output.receipt)
    raster, fetch = config["raster"], config["fetch"]
    options = {"policy": retry_policy(fetch), "at_once": fetch["at_once"]}
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
