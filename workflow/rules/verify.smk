# Whether the results still are what was computed. Nothing is an input, since nothing may be made again before it has been
# checked; and nothing is an output, so that each request checks again.


rule verify:
    log:
        f"{study.logs}/verify.log",
    localrule: IN_JOB
    conda:
        "../../envs/geo.yaml"
    params:
        config=study.config,
        root=study_on_disk.root,
    message:
        "Verify: every checksum, and a sample of the numbers with another engine"
    script:
        "../scripts/verify.py"
