"""The digest of code: it changes with what a step runs, and with nothing else."""

import ast
import re
import shutil
from pathlib import Path

import pytest

from zonalflow.run import code

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "workflow/scripts").glob("*.py"))
MODULES = sorted((ROOT / "workflow/scripts/zonalflow").rglob("*.py"))
NOT_RECORDED = ("datasets", "fetch_rasters", "fetch_zones", "verify", "write_report")  # the last has no parameters
RECORDED = [script.stem for script in SCRIPTS if script.stem not in NOT_RECORDED]
RULES = "\n".join(path.read_text() for path in sorted((ROOT / "workflow/rules").glob("*.smk")))


def forget():
    code.code_digest.cache_clear()
    code._module.cache_clear()


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A copy of the library for a test to change; the digest is then that of the copy."""
    shutil.copytree(code._ROOT / "zonalflow", tmp_path / "zonalflow", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code, "_ROOT", tmp_path)
    forget()

    def edit(module, change):
        path = tmp_path / f"{module.replace('.', '/')}.py"
        path.write_text(change(path.read_text()))
        forget()

    yield edit
    forget()


def add_statement(text):
    return text + "\nEDITED = 1\n"


@pytest.mark.parametrize(
    ("step", "module"),
    [
        ("zonal_stats", "zonalflow.stats.formulas"),
        ("zonal_stats", "zonalflow.index.build"),  # imported within a function
        ("zonal_stats", "zonalflow.timeline.time_axis"),
        ("prepare_zones", "zonalflow.steps.prepare_zones"),
        ("prepare_zones", "zonalflow.zones.on_grid"),
        ("index_zones", "zonalflow.index.coverage"),
        ("combine_years", "zonalflow.tables.wide"),
    ],
)
def test_a_change_in_what_a_step_runs_changes_its_digest(library, step, module):
    before = code.code_digest(step)
    library(module, add_statement)
    assert code.code_digest(step) != before


def test_a_change_elsewhere_leaves_the_digest(library):
    before = code.code_digest("zonal_stats")
    for module in ("report.maps", "sources.download", "sources.census", "run.console", "tables.wide", "study.study"):
        library(f"zonalflow.{module}", add_statement)
    assert code.code_digest("zonal_stats") == before


def test_comments_and_docstrings_leave_the_digest(library):
    before = code.code_digest("zonal_stats")
    library("zonalflow.stats.formulas", lambda text: re.sub(r'^r?"""', '"""Another sentence. ', text, count=1))
    library(
        "zonalflow.index.build", lambda text: text.replace("    n = ", "    # why\n\n    n = ", 1) + "\n# the end\n"
    )
    assert code.code_digest("zonal_stats") == before


def test_a_number_sign_within_a_text_is_no_comment(library):
    library("zonalflow.common.text", lambda text: text + '\nMARK = "# one"\n')
    before = code.code_digest("common.text")
    library("zonalflow.common.text", lambda text: text.replace("# one", "# two"))
    assert code.code_digest("common.text") != before


def test_packages_and_relative_imports_resolve(library):
    library("zonalflow.common.text", lambda text: "from . import dates\nimport zonalflow.common.files\n" + text)
    assert {"zonalflow", "zonalflow.common", "zonalflow.common.dates", "zonalflow.common.files"} <= code.modules_of(
        "common.text"
    )


@pytest.mark.parametrize(
    "statement", ["from zonalflow.common.files import nothing", "import zonalflow.nowhere", "from .nowhere import x"]
)
def test_an_import_that_does_not_resolve_is_an_error(library, statement):
    library("zonalflow.common.text", lambda text: f"{statement}\n{text}")
    with pytest.raises(code.UnresolvedImportError, match=r"nothing|nowhere"):
        code.code_digest("common.text")


def test_an_unknown_step_is_an_error():
    with pytest.raises(code.UnresolvedImportError, match=r"there is no module zonalflow\.steps\.nothing"):
        code.code_digest("nothing")


def imported_steps(script):
    """Return the modules of zonalflow.steps and zonalflow.verify that a rule's script imports."""
    nodes = ast.walk(ast.parse(script.read_text()))
    names = [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    return [name for name in names if name.startswith(("zonalflow.steps", "zonalflow.verify"))]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_each_script_runs_the_step_of_its_rule(script):
    before = RULES[: RULES.index(f"scripts/{script.stem}.py")]
    assert re.findall(r"^ *rule (\w+):", before, re.MULTILINE)[-1] == script.stem
    assert [name.rpartition(".")[2] for name in imported_steps(script)] == [
        "verdict" if script.stem == "verify" else script.stem
    ]


@pytest.mark.parametrize("name", RECORDED)
def test_each_recorded_rule_takes_its_own_parameters_and_changes(name):
    (rule,) = re.findall(rf"^ *rule {name}:.*?(?=^ *rule |\Z)", RULES, re.DOTALL | re.MULTILINE)
    assert f'**parameters(study, "{name}")' in rule
    assert f'change("{name}"' in rule
    assert "record=" in rule
    assert f'recorded("{name}", snakemake' in Path(SCRIPTS[0].parent / f"{name}.py").read_text()


def test_an_edit_of_the_script_changes_the_digest(library, tmp_path):
    digests = []
    for text in ('"""Rule."""\nfirst()\n', '"""Another rule."""\nfirst()  # a comment\n', "second()\n"):
        (tmp_path / "zonal_stats.py").write_text(text)
        forget()
        digests.append(code.code_digest("zonal_stats"))
    assert digests[0] == digests[1] != digests[2]


def parsed(path):
    """Return what Python's parser finds in a module: its imports of ours, and its code without docstrings."""
    tree = ast.parse(path.read_text())
    imports = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            imports |= {("." * node.level + (node.module or ""), alias.name) for alias in node.names}
        elif isinstance(node, ast.Import):
            imports |= {(alias.name, "") for alias in node.names}
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or ([] if isinstance(node, ast.Module) else [ast.Pass()])
    return imports, ast.dump(tree)


def with_bodies(code):
    """Put ``pass`` in classes and functions that held nothing but a docstring."""
    lines = code.splitlines()
    indents = [len(line) - len(line.lstrip()) for line in [*lines, "end"]]
    for number, line in reversed(list(enumerate(lines))):
        if re.match(r" *(class|def) .*:$", line) and indents[number + 1] <= indents[number]:
            lines.insert(number + 1, " " * indents[number] + "    pass")
    return "\n".join(lines)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_modules_are_read_as_pythons_parser_reads_them(path):
    name = ".".join(path.relative_to(ROOT / "workflow/scripts").with_suffix("").parts).removesuffix(".__init__")
    module = code._module(name)
    imports, tree = parsed(path)
    assert {(source, name) for source, taken in module.imports for name in taken or ("",)} == imports
    assert ast.dump(ast.parse(with_bodies(module.code))) == tree
