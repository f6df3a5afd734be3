"""A copy of the project in a folder of its own for each test, and a way to run Snakemake in it."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("Snakefile", "config", "workflow", "profiles", "envs")


@dataclass(frozen=True)
class Run:
    """How a Snakemake command ended."""

    code: int
    text: str  # stdout and stderr together

    def jobs(self, rule: str) -> int:
        """Return how many jobs of a rule the table of jobs announces."""
        for line in self.text.splitlines():
            words = line.split()
            if len(words) == 2 and words[0] == rule and words[1].isdigit():
                return int(words[1])
        return 0

    @property
    def message(self) -> str:
        """Return what zonalflow said, from its name on."""
        return self.text[self.text.rindex("zonalflow: ") :] if "zonalflow: " in self.text else self.text


class Project:
    """A working copy of the project."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True)
        for part in PARTS:
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, folder / part)

    def snakemake(self, *arguments: str, profile: str = "demo", timeout: float = 300) -> Run:
        """Run Snakemake here with a profile; the demo's brings its configuration along."""
        command = [sys.executable, "-m", "snakemake", *arguments, "--profile", f"profiles/{profile}"]
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONWARNINGS"}
        answer = subprocess.run(
            command, cwd=self.folder, env=environment, text=True, timeout=timeout,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return Run(answer.returncode, answer.stdout)

    def path(self, name: str) -> Path:
        """Return a path in this copy."""
        return self.folder / name

    def mtimes(self, pattern: str) -> dict[str, int]:
        """Return when each file that matches was last written, in nanoseconds."""
        return {str(path.relative_to(self.folder)): path.stat().st_mtime_ns for path in self.folder.glob(pattern)}


@pytest.fixture
def project(tmp_path) -> Project:
    """A fresh copy of the project."""
    return Project(tmp_path / "zonalflow")


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Project:
    """A copy in which the demo of two years has run; tests that share it must leave it as it is."""
    project = Project(tmp_path_factory.mktemp("demo") / "zonalflow")
    run = project.snakemake("--config", "years=2000:2001")
    assert run.code == 0, run.text
    return project


@pytest.fixture
def done(demo, tmp_path) -> Project:
    """A copy of the finished demo, for a test to change."""
    copy = object.__new__(Project)
    copy.folder = tmp_path / "zonalflow"
    shutil.copytree(demo.folder, copy.folder, copy_function=shutil.copy2)  # with the times of the files
    return copy
