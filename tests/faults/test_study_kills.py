"""A study killed (SIGKILL) at any of its renames loses nothing: nothing half-written is ever in view, and the
next run ends with the bytes of an undisturbed one.
"""

import subprocess
import sys

import pytest
from faults import pipeline

pytestmark = pytest.mark.slow

RENAMES = 25  # by which the files of a year, of what is before it and of what is made of it come to be


@pytest.mark.parametrize("when", ["before", "within", "after"])
def test_killed_at_every_rename(tmp_path, when):
    answer = subprocess.run(
        [sys.executable, pipeline.__file__, tmp_path, when], capture_output=True, text=True, timeout=300
    )
    assert answer.returncode == 0, answer.stderr
    assert int(answer.stdout) >= RENAMES


def test_the_killing_is_real(tmp_path):
    ended = pipeline.in_a_child(
        tmp_path, lambda: (pipeline.die_at(1, "within"), (tmp_path / "a").replace(tmp_path / "b"))
    )
    assert ended == -9
