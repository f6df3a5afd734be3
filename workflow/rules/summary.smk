# All years together: tables, maps, provenance. Never with a year missing: every one of them is an input.


rule combine_years:
    input:
        tables=made(study.year_tables),
        zones=made(study.prepared),
        records=made([study.record("zones"), *year_records(study)]),
        change=change("combine_years"),
    output:
        **study.tables,
        checksums=study.checksums("tables"),
        record=study.record("tables"),
    log:
        f"{study.logs}/combine_years.log",
    localrule: STEPS_HERE
    conda:
        "../../envs/geo.yaml"
    resources:
        **STEPS_NEED,
    params:
        **parameters(study, "combine_years"),
    message:
        "Combine the years into tidy tables"
    script:
        "../scripts/combine_years.py"


rule draw_maps:
    input:
        tables=made([study.year_table("{variable}", year) for year in study.years]),
        zones=made(study.prepared),
        records=made([study.record("zones"), *(study.record(f"{{variable}}/{year}") for year in study.years)]),
        change=lambda wildcards: change("draw_maps", wildcards.variable),
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
        further=study.further_maps("{variable}"),
        styles=study.styles("{variable}"),
        checksums=study.checksums("maps_{variable}"),
        record=study.record("maps_{variable}"),
    log:
        f"{study.logs}/draw_maps/{{variable}}.log",
    wildcard_constraints:
        variable=study.variable_pattern,
    localrule: STEPS_HERE
    conda:
        "../../envs/geo.yaml"
    resources:
        **STEPS_NEED,
    params:
        **parameters(study, "draw_maps"),
    message:
        "Draw maps: {wildcards.variable}"
    script:
        "../scripts/draw_maps.py"


rule write_manifest:
    input:
        zones=zones_inputs(),
        rasters=[path for key in study.year_keys for path in rasters(*key)],
        weights=users_own(study.weights_inputs),
        tables=made(study.year_tables),
        report=made(study.preparation),
        grid=made(study.grid),
        index=made(study.index),
        table=made(study.tables["parquet"]),
        checksums=made([*(f"{table}.sha256" for table in study.year_tables), study.checksums("tables")]),
        records=made([study.record("zones"), study.record("index"), *year_records(study), study.record("tables")]),
        change=change("write_manifest"),
    output:
        manifest=study.manifest,
        readme=study.readme,
        record=study.record("manifest"),
    log:
        f"{study.logs}/write_manifest.log",
    localrule: STEPS_HERE
    conda:
        "../../envs/geo.yaml"
    resources:
        **STEPS_NEED,
    params:
        **parameters(study, "write_manifest"),
    message:
        "Write the manifest: where everything came from"
    script:
        "../scripts/write_manifest.py"
