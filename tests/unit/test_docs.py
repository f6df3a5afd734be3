"""Each row of the tables of faults names a promise, and `tests/faults/promises.yaml` the tests that check it."""

import ast
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROMISES = yaml.safe_load((ROOT / "tests/faults/promises.yaml").read_text(encoding="utf-8"))


def promises(page: str) -> list[tuple[str, str]]:
    """Return the section and first cell of each row of a page's tables of faults and questions."""
    rows, section, header = [], None, None
    for line in (ROOT / page).read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            section = line.strip("# ")
        if not line.startswith("|"):
            header = None
            continue
        cell = line.split("|")[1].strip()
        if header is None:
            header = cell
        elif header in ("fault", "question") and cell.strip("-"):
            rows.append((section, cell))
    return rows


def defined_tests(path: Path) -> set[str]:
    """Return the names of the tests that a file defines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


@pytest.mark.parametrize(("page", "at_least"), [("docs/faults.md", 100), ("docs/ceres.md", 10)])
def test_every_promise_has_tests_and_every_entry_a_promise(page, at_least):
    rows = promises(page)
    entries = [(section, row) for section, named in PROMISES[page].items() for row in named]
    assert rows == entries  # in the order of the page
    assert len(set(rows)) == len(rows) >= at_least
    assert [row for named in PROMISES[page].values() for row, tests in named.items() if not tests] == []


def test_every_test_of_a_promise_exists():
    named = {test for page in PROMISES.values() for rows in page.values() for tests in rows.values() for test in tests}
    files = {path for path, _, _ in (test.partition("::") for test in named)}
    existing = {f"{path}::{name}" for path in files if (ROOT / path).is_file() for name in defined_tests(ROOT / path)}
    assert sorted(named - existing) == []
