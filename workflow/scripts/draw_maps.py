"""Rule draw_maps: the maps of one variable, one a year and one of all years."""

from zonalflow.common.files import record_checksums
from zonalflow.run.job_log import job_log
from zonalflow.steps.draw_maps import draw_variable

with job_log(snakemake.log[0]) as say:
    params = snakemake.params
    draw_variable(
        variable=snakemake.wildcards.variable,
        tables=list(snakemake.input.tables),
        zones=snakemake.input.zones,
        maps=list(snakemake.output.maps),
        overview=snakemake.output.overview,
        **{key: params[key] for key in ("years", "stats", "grain", "units", "synthetic")},
    )
    record_checksums(params.seal, snakemake.output)
    say(f"{len(snakemake.output.maps)} maps")
