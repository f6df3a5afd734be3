"""A copy of the project in a folder of its own for each test, and a way to run Snakemake in it."""

import fcntl
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import warm

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
                # with the compiled modules, but none that another process is about to rename
                shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("*.pyc.*"))
            else:
                shutil.copy2(source, folder / part)

    @classmethod
    def at(cls, folder: Path) -> "Project":
        """Return the working copy that is in a folder."""
        project = object.__new__(cls)
        project.folder = folder
        return project

    def copied(self, folder: Path) -> "Project":
        """Return a copy of all that is here, with the times of the files; without what a preview may be writing."""
        shutil.copytree(self.folder, folder, copy_function=shutil.copy2, ignore=shutil.ignore_patterns("iocache"))
        return Project.at(folder)

    def snakemake(self, *arguments: str, profile: str = "demo", timeout: int = 300) -> Run:
        """Run Snakemake here with a profile; the demo's brings its configuration along."""
        return Run(*warm.run_snakemake(self.folder, *arguments, "--profile", f"profiles/{profile}", timeout=timeout))

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


@pytest.fixture(scope="session")
def once(tmp_path_factory, worker_id):
    """Return a function that makes a project by name, once for all of pytest's processes."""
    folder = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        folder = folder.parent  # of this run, shared by its processes

    def made(name: str, make: Callable[[Path], Project]) -> Project:
        done = folder / f"{name}.json"
        with (folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                project = make(tmp_path_factory.mktemp(name) / "zonalflow")
                done.write_text(json.dumps(str(project.folder)))
        return Project.at(Path(json.loads(done.read_text())))

    return made


@pytest.fixture(scope="session")
def demo(once) -> Project:
    """A copy in which the demo of two years has run; tests that share it must leave it as it is."""

    def make(folder):
        project = Project(folder)
        run = project.snakemake("--config", "years=2000:2001")
        assert run.code == 0, run.text
        return project

    return once("demo", make)


@pytest.fixture
def done(demo, tmp_path) -> Project:
    """A copy of the finished demo, for a test to change."""
    return demo.copied(tmp_path / "zonalflow")
