# The rasters: one job for each variable and year, whatever the grain, and never twice. A rule's output is the receipt
# of what came; the rasters lie beside it, so that a failed or repeated job loses none of them. Local rasters stay where
# they are. A change of the code fetches nothing again.

if study.raster["source"] in ("geocdl", "prism"):

    rule fetch_rasters:
        output:
            receipt=study.receipt("{variable}", "{year}"),
        log:
            f"{study.logs}/fetch_rasters/{{variable}}_{{year}}.log",
        wildcard_constraints:
            variable=study.variable_pattern,
            year=YEAR,
        localrule: IN_JOB or study.fetches_here
        conda:
            "../../envs/geo.yaml"
        resources:
            downloads=study.download_share,
        message:
            "Fetch rasters: {wildcards.variable}, {wildcards.year}"
        script:
            "../scripts/fetch_rasters.py"


if study.raster["source"] == "demo":

    rule make_rasters:
        input:
            change=lambda wildcards: change("make_rasters", wildcards.variable, wildcards.year),
        output:
            receipt=study.receipt("{variable}", "{year}"),
            record=record_beside(study.receipt("{variable}", "{year}")),
        log:
            f"{study.logs}/make_rasters/{{variable}}_{{year}}.log",
        wildcard_constraints:
            variable=study.variable_pattern,
            year=YEAR,
        localrule: IN_JOB
        conda:
            "../../envs/geo.yaml"
        params:
            **parameters(study, "make_rasters"),
        message:
            "Make synthetic rasters: {wildcards.variable}, {wildcards.year}"
        script:
            "../scripts/make_rasters.py"


# What GeoCDL has. Nothing is an output, so that each request asks anew.
rule datasets:
    log:
        f"{study.logs}/datasets.log",
    localrule: True
    conda:
        "../../envs/geo.yaml"
    message:
        "List the datasets of GeoCDL"
    script:
        "../scripts/datasets.py"
