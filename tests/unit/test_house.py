"""The code's structure: floors of packages, sizes, one sentence for each package, names of tests."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "workflow/scripts/zonalflow"
MODULES = sorted(LIBRARY.rglob("*.py"))
PACKAGES = sorted(path.parent for path in LIBRARY.glob("*/__init__.py"))
MOST_LINES, MOST_FUNCTION_LINES, MOST_MODULES, MOST_WORDS = 300, 45, 12, 10
TEST = re.compile(r"^def test_(\w+)", re.MULTILINE)


def name_of(path):
    return str(path.relative_to(LIBRARY))


def test_a_package_imports_only_packages_of_lower_floors():
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    environment = os.environ | {"PYTHONPATH": str(LIBRARY.parent)}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout
    assert "Contracts: 3 kept, 0 broken." in ended.stdout


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_no_module_and_no_function_is_long(module):
    source = module.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= MOST_LINES
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    long = {node.name: node.end_lineno - node.lineno + 1 for node in functions}
    assert {name: lines for name, lines in long.items() if lines > MOST_FUNCTION_LINES} == {}


@pytest.mark.parametrize("package", PACKAGES, ids=name_of)
def test_a_package_is_small_and_has_one_sentence_of_purpose(package):
    modules = [path for path in package.glob("*.py") if path.name != "__init__.py"]
    assert len(modules) <= MOST_MODULES
    docstring = ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8"))) or ""
    assert docstring.count(".") == 1
    assert len(docstring.split()) > 5


def test_every_package_has_a_floor():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    floors = text.partition("layers = [")[2].partition("]")[0]
    assert {package.name for package in PACKAGES} == {
        word for word in floors.replace('"', " ").split() if word.isalpha()
    }


def test_no_test_has_a_name_of_more_than_ten_words():
    names = [name for path in (ROOT / "tests").rglob("test_*.py") for name in TEST.findall(path.read_text("utf-8"))]
    assert len(names) > 1000
    assert [name for name in names if len(name.split("_")) > MOST_WORDS] == []
