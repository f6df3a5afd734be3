# The zones: fetched once, prepared for the study's grid, and indexed on it.

if study.zones["source"] == "census":

    rule fetch_zones:
        output:
            receipt="resources/census/{file}.json",
        log:
            f"{study.logs}/fetch_zones/{{file}}.log",
        localrule: study.fetches_here
        conda:
            "../../envs/geo.yaml"
        resources:
            downloads=1,
        message:
            "Fetch zones: {wildcards.file}"
        script:
            "../scripts/fetch_zones.py"


rule prepare_zones:
    input:
        zones=study.zones_inputs,
        rasters=study.rasters(*study.reference),
    output:
        zones=study.prepared,
        report=study.preparation,
        grid=study.grid,
        template=multiext(study.template, *VECTOR_SUFFIXES["shp"]),
    log:
        f"{study.logs}/prepare_zones.log",
    conda:
        "../../envs/geo.yaml"
    params:
        files=study.zones_files,
        zones=study.zone_keys,
        raster=study.grid_keys,
        reference=study.reference,
        bbox=study.bbox,
        code=code_digest("prepare_zones"),
    message:
        "Prepare zones: the grid's CRS, valid, inside the grid"
    script:
        "../scripts/prepare_zones.py"


rule index_zones:
    input:
        zones=study.prepared,
        report=study.preparation,
        grid=study.grid,
        weights=study.weights_inputs,
    output:
        pointer=study.index,
    log:
        f"{study.logs}/index_zones.log",
    conda:
        "../../envs/geo.yaml"
    params:
        method=study.config["method"],
        weights=study.config["weights"],
        crs=study.raster["crs"],
        code=code_digest("index_zones"),
    message:
        "Index zones: the cells of each, by method {params.method}"
    script:
        "../scripts/index_zones.py"
