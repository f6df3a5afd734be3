"""After random edits, swaps, deletions, restored copies and kills a study has the results of a first run.

ZONALFLOW_SEQUENCES=200 plays 200 sequences instead of 12.
"""

import os
import subprocess
import sys

import pytest
from faults import changing

pytestmark = pytest.mark.slow

SEQUENCES = int(os.environ.get("ZONALFLOW_SEQUENCES", "12"))
PARTS = 2  # that run at the same time


@pytest.mark.parametrize("part", range(PARTS))
def test_random_changes_give_the_results_of_a_first_run(tmp_path, part):
    first, last = (SEQUENCES * number // PARTS for number in (part, part + 1))
    command = [sys.executable, changing.__file__, str(tmp_path), str(first), str(last)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert len(ended.stdout.splitlines()) == last - first
