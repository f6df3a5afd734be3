# The report: made of a run's results alone, so it can be made again at any time, for example after `verify`.


rule write_report:
    input:
        table=study.tables["parquet"],
        zones=study.prepared,
        manifest=study.manifest,
        verification=lambda wildcards: list(filter(os.path.exists, [study.verification])),
        page=[
            Path(workflow.basedir) / "workflow/report/page" / name
            for name in ("page.html.j2", "style.css", "report.js", "d3.min.js")
        ],
    output:
        report(study.report, caption="../report/page.rst", category="Report"),
    log:
        f"{study.logs}/write_report.log",
    conda:
        "../../envs/geo.yaml"
    params:
        seal=f"{study.work}/report",
        code=code_digest("write_report"),
    message:
        "Write the report"
    script:
        "../scripts/write_report.py"


rule report:
    input:
        study.report,
    localrule: True
