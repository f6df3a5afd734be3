"""The digest of code: it changes with a module and with what that imports, and with nothing else."""

import shutil

import pytest

from zonalflow import provenance


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A copy of the library for a test to change; the digest is then that of the copy."""
    folder = tmp_path / "zonalflow"
    shutil.copytree(provenance._HERE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance, "_HERE", folder)

    def forget():
        provenance.imports_of.cache_clear()
        provenance._source.cache_clear()

    forget()

    def edit(name):
        path = folder / f"{name}.py"
        path.write_text(path.read_text() + "# edited\n")
        forget()

    yield edit
    forget()


def test_a_change_in_an_imported_module_changes_the_digest(library):
    before = provenance.code_digest("year")
    library("stats")  # year imports tables, which imports stats
    assert provenance.code_digest("year") != before


def test_a_change_elsewhere_does_not(library):
    before = provenance.code_digest("year")
    for name in ("maps", "download", "census", "console"):
        library(name)
    assert provenance.code_digest("year") == before


def test_every_rule_with_a_script_of_ours_names_modules_that_exist():
    for name in ("year", "zones", "index", "tables", "pictures", "manifest", "demo"):
        assert len(provenance.code_digest(name)) == 16
