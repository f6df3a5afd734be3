# The report: made of a run's results alone, so it can be made again at any time, for example after `verify`.


rule write_report:
    input:
        table=made(study.tables["parquet"]),
        zones=made(study.prepared),
        manifest=made(study.manifest),
        verification=lambda wildcards: made([study.verification] if Path(study_on_disk.verification).exists() else []),
        page=users_own(page_files()),
        records=made([study.record(what) for what in ("tables", "zones", "manifest")]),
        change=change("write_report"),
    output:
        report=report(study.report, caption="../report/page.rst", category="Report"),
        checksums=study.checksums("report"),
        record=study.record("report"),
    log:
        f"{study.logs}/write_report.log",
    localrule: STEPS_HERE
    conda:
        "../../envs/geo.yaml"
    resources:
        **STEPS_NEED,
    params:
        verify=verify_command(),
    message:
        "Write the report"
    script:
        "../scripts/write_report.py"
