# The report: made of a run's results alone, so it can be made again at any time, for example after `verify`.


rule write_report:
    input:
        table=study.tables["parquet"],
        zones=study.prepared,
        manifest=study.manifest,
        verification=lambda wildcards: [study.verification] if Path(study_on_disk.verification).exists() else [],
        page=page_files(),
    output:
        report=report(study.report, caption="../report/page.rst", category="Report"),
        checksums=study.checksums("report"),
    log:
        f"{study.logs}/write_report.log",
    localrule: STEPS_HERE
    conda:
        "../../envs/geo.yaml"
    params:
        code=lambda wildcards: code_digest("write_report"),
    message:
        "Write the report"
    script:
        "../scripts/write_report.py"
