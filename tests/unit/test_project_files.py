"""Files about the project: continuous integration, pre-commit, catalogue, citation, CONTRIBUTING."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "workflow/scripts/zonalflow"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def load(name):
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def commands(job):
    """Return what the steps of a job run, as one text."""
    return "\n".join(step["run"] for step in job["steps"] if "run" in step)


def test_continuous_integration_tests_every_python_of_the_classifiers():
    classifiers = [text.rpartition(" ")[2] for text in PROJECT["classifiers"] if re.search(r"Python :: 3\.\d+$", text)]
    tested = load(".github/workflows/ci.yml")["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert tested == classifiers
    allowed = SpecifierSet(PROJECT["requires-python"])
    assert all(version in allowed for version in tested)
    assert f"3.{int(tested[0].partition('.')[2]) - 1}" not in allowed  # the oldest that is allowed is tested


def test_continuous_integration_runs_tests_lint_and_slurm():
    jobs = load(".github/workflows/ci.yml")["jobs"]
    for name in ("test", "lint", "test-slurm"):
        assert re.search(rf"^make {name}\b", commands(jobs[name]), re.MULTILINE)


def test_pre_commit_uses_the_tools_of_the_environment():
    (repository,) = load(".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    assert [hook["id"] for hook in repository["hooks"]] == ["ruff-check", "ruff-format", "snakefmt"]
    locked = (ROOT / "envs/requirements-test.txt").read_text(encoding="utf-8")
    for hook in repository["hooks"]:
        tool = re.match(r"\.venv/bin/(\w+)", hook["entry"])[1]
        assert re.search(rf"^{tool}==", locked, re.MULTILINE)


def test_workflow_catalogue_settings():
    usage = load(".snakemake-workflow-catalog.yml")["usage"]
    assert set(usage) == {"mandatory-flags", "software-stack-deployment"}
    assert set(usage["mandatory-flags"]) == {"desc", "flags"}
    assert usage["software-stack-deployment"]["conda"] is True
    for profile in re.findall(r"profiles/\w+", usage["mandatory-flags"]["desc"]):
        assert (ROOT / profile / "profile.yaml").is_file()
    # what else the catalogue asks for
    assert (ROOT / "config/README.md").is_file()
    assert {"snakemake", "workflow"} <= set(
        re.findall(r"\w+", (ROOT / "README.md").read_text(encoding="utf-8").lower())
    )


def test_citation_agrees_with_the_project():
    citation = load("CITATION.cff")
    assert {"cff-version", "message", "title", "authors"} <= set(citation)  # what the format requires
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])


def imported():
    """Return the packages outside the standard library that the library imports, in lower case."""
    names = set()
    for path in LIBRARY.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.partition(".")[0])
    return {{"yaml": "pyyaml"}.get(name, name).lower() for name in names - set(sys.stdlib_module_names) - {"zonalflow"}}


def test_the_package_requires_what_the_library_imports():
    required, compiled = (
        {Requirement(text).name.lower() for text in texts}
        for texts in (PROJECT["dependencies"], PROJECT["optional-dependencies"]["compiled"])
    )
    assert compiled == {"numba", "llvmlite"}  # without which numpy does it all
    assert imported() <= required | compiled
    assert not required & compiled


# -------------------------------------------------------------------------------------------------- CONTRIBUTING

CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
CODE = re.findall(r"`([^`\n]+)`", CONTRIBUTING)
PATH = re.compile(r"(?<![\w/.-])(?:[\w-]+(?:/[\w.-]+)+|\w+\.(?:md|toml))")
PATHS = sorted({path for text in CODE for path in PATH.findall(text)})
PACKAGES = re.findall(r"^\| \d \| `(\w+)` \|", CONTRIBUTING, re.MULTILINE)


@pytest.mark.parametrize("path", PATHS)
def test_every_file_that_contributing_names_exists(path):
    assert (ROOT / path).exists() or (LIBRARY / path).exists()


def test_contributing_names_every_package_of_the_library():
    existing = {path.parent.name for path in LIBRARY.glob("*/__init__.py")}
    assert set(PACKAGES) == existing
    assert len(PACKAGES) == len(set(PACKAGES))


def test_contributing_names_targets_of_the_makefile():
    text = "\n".join(CODE)
    named = set(re.findall(r"\bmake (?:PYTHON=\S+ )?([a-z-]+)", text))
    assert {"test", "lint", "test-slurm", "bench"} <= named <= TARGETS


@pytest.mark.parametrize("cluster", ["ceres", "atlas"])
def test_no_resource_of_a_job_makes_snakemake_measure_its_inputs(cluster):
    """For thousands of jobs that takes half of a preview; Snakemake's own default for disk_mb does."""
    profile = yaml.safe_load((ROOT / f"profiles/{cluster}/profile.yaml").read_text())
    assert isinstance(profile["default-resources"]["disk_mb"], int)
    assert not any("input" in str(value) for value in profile["default-resources"].values())
