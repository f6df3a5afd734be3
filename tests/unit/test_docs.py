"""What docs/faults.md promises is shown by tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROMISES = ROOT / "docs" / "faults.md"


def test_every_test_named_in_the_table_of_faults_exists():
    file, missing, count = None, [], 0
    for line in PROMISES.read_text(encoding="utf-8").splitlines():
        if announced := re.match(r"In `(tests/\S+\.py)`", line):
            file = announced[1]
        if line.startswith("## ") and line not in ("## Downloads", "## Archives"):
            file = None
        for own, name in re.findall(r"`(?:(tests/\S+?\.py)::)?(test_\w+)`", line):
            count += 1
            path = own or file
            if path is None or f"def {name}(" not in (ROOT / path).read_text(encoding="utf-8"):
                missing.append(f"{path}::{name}")
    assert missing == []
    assert count >= 60
