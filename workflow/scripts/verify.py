"""Rule verify: the results' checksums, and a sample of them computed again by another engine."""

import sys

from zonalflow.run.rule import job_log
from zonalflow.study.study import Study
from zonalflow.verify.verdict import verify

with job_log(snakemake.log[0]) as log:
    verdict = verify(Study(snakemake.params.config, snakemake.params.root))
    log(verdict)
    print(f"zonalflow: {verdict}", file=sys.stderr)
