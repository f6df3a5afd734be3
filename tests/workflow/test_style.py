"""The code's form: linters and formatters, run as a contributor would run them."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def clean(*command):
    answer = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, text=True, capture_output=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout + answer.stderr


def test_ruff_check():
    clean("ruff", "check", "--no-cache", ".")


def test_ruff_format():
    clean("ruff", "format", "--no-cache", "--check", ".")


def test_snakefmt():
    clean("snakefmt", "--check", "Snakefile", "workflow")


def test_snakemake_lint(project):
    run = project.snakemake("--lint")
    assert run.code == 0, run.text
    assert "your workflow is in a good condition" in run.text
