# All years together: tables, maps, provenance. Never with a year missing: every one of them is an input.


rule combine_years:
    input:
        tables=study.year_tables,
        zones=study.prepared,
    output:
        **{
            kind: directory(path) if kind == "parquet" and study.partitioned else path
            for kind, path in study.tables.items()
        },
    log:
        f"{study.logs}/combine_years.log",
    conda:
        "../../envs/geo.yaml"
    params:
        years=study.year_keys,
        partitioned=study.partitioned,
        seal=f"{study.work}/tables",
        stats=study.config["stats"],
        id=study.zones["id"],
        code=code_digest("combine_years"),
    message:
        "Combine the years into tidy tables"
    script:
        "../scripts/combine_years.py"


rule draw_maps:
    input:
        tables=lambda wildcards: [study.year_table(wildcards.variable, year) for year in study.years],
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
    log:
        f"{study.logs}/draw_maps/{{variable}}.log",
    conda:
        "../../envs/geo.yaml"
    params:
        years=study.years,
        stats=study.config["stats"],
        grain=study.raster["grain"],
        units=study.raster["units"],
        synthetic=study.raster["source"] == "demo",
        seal=lambda wildcards: f"{study.work}/maps_{wildcards.variable}",
        code=code_digest("draw_maps"),
    message:
        "Draw maps: {wildcards.variable}"
    script:
        "../scripts/draw_maps.py"


rule write_manifest:
    input:
        zones=study.zones_inputs,
        rasters=study.all_rasters,
        weights=study.weights_inputs,
        tables=study.year_tables,
        report=study.preparation,
        grid=study.grid,
        index=study.index,
        results=[*study.vectors, *study.tables.values()],
    output:
        manifest=study.manifest,
    log:
        f"{study.logs}/write_manifest.log",
    conda:
        "../../envs/geo.yaml"
    params:
        config=study.config,
        code=code_digest("write_manifest"),
    message:
        "Write the manifest: where everything came from"
    script:
        "../scripts/write_manifest.py"


rule vectors:
    input:
        study.vectors,
    localrule: True


rule tables:
    input:
        list(study.tables.values()),
    localrule: True


rule maps:
    input:
        study.maps,
    localrule: True


rule provenance:
    input:
        study.manifest,
    localrule: True
