# The zones: fetched once, prepared for the study's grid, and indexed on it.

if study.zones["source"] == "census":

    rule fetch_zones:
        output:
            receipt="resources/census/{file}.json",
        log:
            f"{study.logs}/fetch_zones/{{file}}.log",
        wildcard_constraints:
            file=r"[\w.-]+\.zip",
        localrule: IN_JOB or study.fetches_here
        conda:
            "../../envs/geo.yaml"
        resources:
            downloads=study.download_share,
        message:
            "Fetch zones: {wildcards.file}"
        script:
            "../scripts/fetch_zones.py"


rule prepare_zones:
    input:
        zones=zones_inputs(),
        rasters=rasters(*study_on_disk.reference),
        change=change("prepare_zones"),
    output:
        zones=study.prepared,
        report=study.preparation,
        grid=study.grid,
        template=multiext(study.template, *VECTOR_SUFFIXES["shp"]),
        checksums=study.checksums("zones.json"),
        record=study.record("zones"),
    log:
        f"{study.logs}/prepare_zones.log",
    localrule: STEPS_HERE
    conda:
        "../../envs/geo.yaml"
    resources:
        **STEPS_NEED,
    params:
        **parameters(study, "prepare_zones"),
        zone_files=lambda wildcards, input: study.zone_files(input.zones),
        reference=study_on_disk.reference,
        year_bytes=lambda wildcards: bytes_of_a_year(),
    message:
        "Prepare zones: the grid's CRS, valid, inside the grid"
    script:
        "../scripts/prepare_zones.py"


rule index_zones:
    input:
        zones=made(study.prepared),
        report=made(study.preparation),
        grid=made(study.grid),
        weights=users_own(study.weights_inputs),
        records=made(study.record("zones")),
        change=change("index_zones"),
    output:
        pointer=study.index,
        record=study.record("index"),
    log:
        f"{study.logs}/index_zones.log",
    localrule: STEPS_HERE
    conda:
        "../../envs/geo.yaml"
    resources:
        **STEPS_NEED,
    params:
        **parameters(study, "index_zones"),
    message:
        "Index zones: the cells of each, by method {params.method}"
    script:
        "../scripts/index_zones.py"
