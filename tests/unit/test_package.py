"""The library as a package that pip can install."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this checkout, built with what is installed here."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_every_module_and_the_pages_files(wheel):
    held = set(zipfile.ZipFile(wheel).namelist())
    library = ROOT / "workflow/scripts"
    modules = {str(path.relative_to(library)) for path in (library / "zonalflow").rglob("*.py")}
    files = ROOT / "workflow/report/page"
    page = {f"zonalflow/report/page_files/{p.relative_to(files)}" for p in files.rglob("*") if p.is_file()}
    assert modules | page <= held
    assert not any(name.startswith("tests") for name in held)


def test_the_installed_library_finds_the_page_beside_itself(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = "import zonalflow.report.page as page; print(page.page_folder())"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(tmp_path / "site")}, capture_output=True,
        text=True,
    )  # fmt: skip
    assert ended.stdout.strip() == str(tmp_path / "site/zonalflow/report/page_files"), ended.stderr
