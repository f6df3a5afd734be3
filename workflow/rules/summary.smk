# All years together: tables, maps, provenance. Never with a year missing: every one of them is an input.


rule combine_years:
    input:
        tables=study.year_tables,
        zones=study.prepared,
    output:
        **study.tables,
        checksums=study.checksums("tables"),
    log:
        f"{study.logs}/combine_years.log",
    localrule: STEPS_HERE
    conda:
        "../../envs/geo.yaml"
    params:
        years=study.year_keys,
        stats=study.config["stats"],
        id=study.zones["id"],
        variables=study.variables,
        units=study.raster["units"],
        method=study.config["method"],
        code=lambda wildcards: code_digest("combine_years"),
    message:
        "Combine the years into tidy tables"
    script:
        "../scripts/combine_years.py"


rule draw_maps:
    input:
        tables=[study.year_table("{variable}", year) for year in study.years],
        zones=study.prepared,
    output:
        maps=[
            report(
                study.year_map("{variable}", year),
                caption="../report/year.rst",
                category="Maps",
                labels={"variable": "{variable}", "year": str(year)},
            )
            for year in study.years
        ],
        overview=report(
            study.overview("{variable}"),
            caption="../report/overview.rst",
            category="Maps",
            labels={"variable": "{variable}", "year": "all years"},
        ),
        checksums=study.checksums("maps_{variable}"),
    log:
        f"{study.logs}/draw_maps/{{variable}}.log",
    wildcard_constraints:
        variable=study.variable_pattern,
    localrule: STEPS_HERE
    conda:
        "../../envs/geo.yaml"
    params:
        years=study.years,
        stats=study.config["stats"],
        grain=study.raster["grain"],
        units=study.raster["units"],
        synthetic=study.raster["source"] == "demo",
        code=lambda wildcards: code_digest("draw_maps"),
    message:
        "Draw maps: {wildcards.variable}"
    script:
        "../scripts/draw_maps.py"


rule write_manifest:
    input:
        zones=zones_inputs(),
        rasters=[path for key in study.year_keys for path in rasters(*key)],
        weights=users_own(study.weights_inputs),
        tables=study.year_tables,
        report=study.preparation,
        grid=study.grid,
        index=study.index,
        table=study.tables["parquet"],
        results=[*study.vectors, *study.tables.values()],
        checksums=[study.checksums("tables"), *(f"{table}.sha256" for table in study.year_tables)],
    output:
        manifest=study.manifest,
        readme=study.readme,
    log:
        f"{study.logs}/write_manifest.log",
    localrule: STEPS_HERE
    conda:
        "../../envs/geo.yaml"
    params:
        config=study.config,
        code=lambda wildcards: code_digest("write_manifest"),
    message:
        "Write the manifest: where everything came from"
    script:
        "../scripts/write_manifest.py"
