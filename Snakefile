# zonalflow: polygons and rasters in, zonal statistics of every year out.
#
#   snakemake -n --profile profiles/ceres     preview: what would run, and why
#   snakemake --profile profiles/ceres        run the study of config/config.yaml
#
# Targets for parts of it: vectors, tables, maps, provenance, report, verify. `datasets` lists what GeoCDL has.

from snakemake.utils import min_version

min_version("9.19")


include: "workflow/rules/library.smk"


# A configuration given with --configfile stands alone: a study must not inherit keys from another one.
if not workflow.overwrite_configfiles:
    if workflow.is_main_process and not workflow.modifier.skip_configfile:
        from zonalflow.study.schema import check_syntax

        or_refuse(check_syntax, Path("config/config.yaml"))

    configfile: "config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/control.smk"


report: "workflow/report/workflow.rst"


rule all:
    input:
        one_of_each_job(study),
    localrule: True


include: "workflow/rules/changes.smk"
include: "workflow/rules/zones.smk"
include: "workflow/rules/rasters.smk"
include: "workflow/rules/stats.smk"
include: "workflow/rules/summary.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/verify.smk"


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


rule report:
    input:
        study.report,
    localrule: True
