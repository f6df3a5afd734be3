# One job for each variable and year: the unit that a cluster distributes.


rule zonal_stats:
    input:
        rasters=lambda wildcards: study.rasters(wildcards.variable, wildcards.year),
        zones=study.prepared,
        report=study.preparation,
        grid=study.grid,
        index=study.index,
        template=multiext(study.template, *VECTOR_SUFFIXES["shp"]) if "shp" in study.formats else [],
        # rasters on other grids need the zones as they came, and the weights anew
        elsewhere=[*study.zones_inputs, *study.weights_inputs] if study.elsewhere else [],
    output:
        table=study.year_table("{variable}", "{year}"),
        vectors=study.year_vectors("{variable}", "{year}"),
    log:
        f"{study.logs}/zonal_stats/{{variable}}_{{year}}.log",
    conda:
        "../../envs/geo.yaml"
    params:
        stem=lambda wildcards: study.year_stem(wildcards.variable, wildcards.year),
        template=lambda wildcards: study.template,
        raster=study.value_keys,
        stats=study.config["stats"],
        formats=[kind for kind in VECTOR_SUFFIXES if kind in study.formats],
        method=study.config["method"],
        weights=study.config["weights"],
        elsewhere=study.elsewhere,
        code=code_digest("zonal_stats"),
    message:
        "Zonal statistics: {wildcards.variable}, {wildcards.year}"
    script:
        "../scripts/zonal_stats.py"
