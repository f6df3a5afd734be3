# One job for each variable and year: the unit that a cluster distributes.


rule zonal_stats:
    input:
        rasters=lambda wildcards: rasters(wildcards.variable, wildcards.year),
        zones=made(study.prepared),
        report=made(study.preparation),
        grid=made(study.grid),
        index=made(study.index),
        template=made([f"{study.template}.shp"]) if "shp" in study.formats else [],
        # rasters on other grids need the zones as they came, and the weights
        original_zones=zones_inputs() if study.allows_other_grids else [],
        weights=users_own(study.weights_inputs) if study.allows_other_grids else [],
        records=made([study.record("zones"), study.record("index")]),
        change=lambda wildcards: change("zonal_stats", wildcards.variable, wildcards.year),
    output:
        table=study.year_table("{variable}", "{year}"),
        vectors=study.year_vectors("{variable}", "{year}"),
        checksums=study.checksums("{variable}/{year}.npz"),
        record=study.record("{variable}/{year}"),
    log:
        f"{study.logs}/zonal_stats/{{variable}}_{{year}}.log",
    wildcard_constraints:
        variable=study.variable_pattern,
        year=YEAR,
    localrule: IN_JOB
    conda:
        "../../envs/geo.yaml"
    resources:
        **YEAR_NEEDS,
    params:
        **parameters(study, "zonal_stats"),
        zone_files=lambda wildcards, input: study.zone_files(input.original_zones),
    message:
        "Zonal statistics: {wildcards.variable}, {wildcards.year}"
    script:
        "../scripts/zonal_stats.py"
