"""The conda files and the pip lock say the same."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
ENVS = ROOT / "envs"
DISTRIBUTIONS = {"yaml": "pyyaml", "shapefile": "pyshp", "PIL": "pillow"}  # those that import under another name
CONDA_NAMES = {"matplotlib-base": "matplotlib", "snakemake-minimal": "snakemake"}  # the same under another name


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def supported_pythons():
    """Return the Pythons that the project says it runs on, such as `3.11`."""
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    return re.findall(r"^Programming Language :: Python :: (3\.\d+)$", "\n".join(classifiers), flags=re.MULTILINE)


def locked(python):
    """Return the version of each package that the lock installs with a Python on Linux."""
    environment = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux"}
    versions = {}
    for line in (ENVS / "requirements.txt").read_text().splitlines():
        match = re.match(r"([A-Za-z0-9_.-]+)==([^ ;\\]+)(?: ; (.*?))? ?\\?$", line)
        if match and (not match[3] or Marker(match[3]).evaluate(environment)):
            assert canonical(match[1]) not in versions, f"{match[1]} is locked twice for Python {python}"
            versions[canonical(match[1])] = Version(match[2])
    return versions


def wanted(path):
    """Return each package of a conda file with its range."""
    ranges = {}
    for entry in yaml.safe_load(path.read_text())["dependencies"]:
        name, _, limits = entry.partition(" ")
        ranges[canonical(CONDA_NAMES.get(name, name))] = SpecifierSet(limits)
    return ranges


@pytest.mark.parametrize("python", supported_pythons())
@pytest.mark.parametrize("path", sorted(ENVS.glob("*.yaml")), ids=lambda path: path.name)
def test_every_conda_range_holds_the_locked_version(path, python):
    versions = locked(python) | {"python": Version(python)}
    for name, limits in wanted(path).items():
        assert versions[name] in limits, f"{name} {versions[name]} is not in {limits}"
        assert any(limit.operator in ("<", "==", "~=") for limit in limits), f"{name} has no upper bound"


@pytest.mark.parametrize("path", sorted(ENVS.glob("*.yaml")), ids=lambda path: path.name)
def test_conda_solves_to_no_python_that_is_untested(path):
    minors = [f"3.{minor}" for minor in range(8, 30)]
    assert [minor for minor in minors if Version(minor) in wanted(path)["python"]] == supported_pythons()


def test_newer_pythons_get_newer_libraries():
    """Rasterio 1.5 and NumPy 2.5 need Python 3.12, and a lock without branches would hold everybody to 1.4 and 2.4."""
    oldest, newest = (locked(python) for python in (supported_pythons()[0], supported_pythons()[-1]))
    for name in ("rasterio", "rioxarray", "numpy"):
        assert newest[name] > oldest[name]


def named(name):
    """Return the packages that a list of direct requirements names."""
    lines = [line.split("#")[0].strip() for line in (ENVS / name).read_text().splitlines()]
    return {canonical(line) for line in lines if line and not line.startswith("-")}


def test_the_workflows_conda_file_has_what_the_pip_requirements_name():
    assert named("requirements.in") | {"python"} == set(wanted(ENVS / "environment.yaml"))


def test_the_rules_conda_file_is_part_of_the_workflows():
    rules, workflow = wanted(ENVS / "geo.yaml"), wanted(ENVS / "environment.yaml")
    assert rules.items() <= workflow.items()


def test_every_rule_names_its_environment():
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        for rule in re.split(r"^\s*rule ", path.read_text(), flags=re.MULTILINE)[1:]:
            if "script:" in rule:
                assert "conda:\n" in rule and 'envs/geo.yaml"' in rule, rule.partition(":")[0]


def imported_by(paths):
    """Return the packages that Python files import, without the standard library's and the project's own."""
    own = {"zonalflow", "tests"} | {
        path.stem for folder in ("tests", "tests/report") for path in (ROOT / folder).iterdir()
    }
    imported = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
            imported |= {name.partition(".")[0] for name in names}
    return {canonical(DISTRIBUTIONS.get(name, name)) for name in imported - set(sys.stdlib_module_names) - own}


def test_the_rules_environment_holds_what_their_scripts_import():
    imported = imported_by((ROOT / "workflow/scripts").rglob("*.py"))
    imported -= {"jsonschema"}  # the controlling process, not a rule, checks the configuration
    assert imported <= set(wanted(ENVS / "geo.yaml"))


def test_the_requirements_name_what_the_tests_import():
    """Otherwise they pass only where something else brought the package along."""
    scripts = [ROOT / "docs/img/make_pictures.py", *(ROOT / "config").rglob("*.py")]
    imported = imported_by([*(ROOT / "tests").rglob("*.py"), *scripts])
    of_bench = {"extractrs", "geohalo"}  # peers, which `make bench` measures where they are installed
    assert imported - named("requirements.in") - named("requirements-test.in") == of_bench
