# One job for each variable and year: the unit that a cluster distributes.


rule zonal_stats:
    input:
        rasters=lambda wildcards: rasters(wildcards.variable, wildcards.year),
        zones=study.prepared,
        report=study.preparation,
        grid=study.grid,
        index=study.index,
        template=multiext(study.template, *VECTOR_SUFFIXES["shp"]) if "shp" in study.formats else [],
        # rasters on other grids need the zones as they came, and the weights
        original_zones=zones_inputs() if study.allows_other_grids else [],
        weights=users_own(study.weights_inputs) if study.allows_other_grids else [],
    output:
        table=study.year_table("{variable}", "{year}"),
        vectors=study.year_vectors("{variable}", "{year}"),
        checksums=study.checksums("{variable}/{year}.npz"),
    log:
        f"{study.logs}/zonal_stats/{{variable}}_{{year}}.log",
    wildcard_constraints:
        variable=study.variable_pattern,
        year=YEAR,
    localrule: IN_JOB
    conda:
        "../../envs/geo.yaml"
    params:
        zone_files=lambda wildcards, input: study.zone_files(input.original_zones),
        zone_options=study.zone_keys if study.allows_other_grids else None,
        bbox=study.bbox if study.allows_other_grids else None,
        raster=study.value_keys,
        stats=study.config["stats"],
        method=study.config["method"],
        min_coverage=study.config["min_coverage"],
        weights=study.config["weights"],
        code=lambda wildcards: code_digest("zonal_stats"),
    message:
        "Zonal statistics: {wildcards.variable}, {wildcards.year}"
    script:
        "../scripts/zonal_stats.py"
