"""Rule verify: the results' checksums, and a sample of them computed anew by another engine."""

import sys

from zonalflow.run.job_log import job_log
from zonalflow.study.study import Study
from zonalflow.verify.verdict import verify

with job_log(snakemake.log[0]) as say:
    words = verify(Study(snakemake.params.config), snakemake.params.verdict)
    say(words)
    print(f"zonalflow: {words}", file=sys.stderr)
