# make run       train, evaluate, package and use a BERT NER pipeline
# make check     check style and types, and run the tests that start no process (two minutes)
# make test      check style and types, and run all tests that a change must pass (eight minutes)
# make test-all  test other Pythons, transformers 4, complete corpora and benchmarks (see noxfile.py)
# make nightly   run the longest tests before a release: deep fuzzing, and nearly all tests on each Python
# make release   build the package into dist/, with an SBOM that lists its dependencies
# make audit     check the pinned versions for known vulnerabilities (needs internet access)
# Each target installs everything that it needs into .venv. Set PYTHON to the interpreter for .venv (3.10 to 3.14).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Skip bytecode compilation during installation, which saves a minute. But let Python cache the bytecode of imported
# modules: the tests start hundreds of processes, and each would otherwise take six seconds longer.
unexport PYTHONDONTWRITEBYTECODE
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
INSTALL := $(PIP) --constraint constraints.txt

# COVERAGE=1 measures branch coverage and fails if it is below `fail_under` in pyproject.toml.
# Tests often wait for the processes that they start, so use one worker more than there are cores.
export PYTEST_XDIST_AUTO_NUM_WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
PYTEST := $(if $(COVERAGE),$(BIN)/coverage erase && $(BIN)/coverage run -m pytest,$(BIN)/pytest) -q -n auto --dist loadfile --no-loadscope-reorder
REPORT := $(if $(COVERAGE),$(BIN)/coverage combine --quiet && $(BIN)/coverage report)

.PHONY: run lint check in-process test test-all nightly release audit clean

run: $(VENV)/installed-all
	$(BIN)/python -m spacy project run all

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy

# Run both targets in parallel, because lint uses only one core.
check: $(VENV)/installed-dev
	+$(MAKE) --no-print-directory --jobs=2 lint in-process

in-process: $(VENV)/installed-dev
	$(PYTEST) -m "not (process or ray or browser or charts or parity or faults or onnx or training or fuzz or docs or corpora or benchmark)"

test: lint
	$(PYTEST) -m "not (corpora or benchmark)"
	$(REPORT)

test-all: $(VENV)/installed-dev
	$(BIN)/nox

nightly: $(VENV)/installed-dev
	$(BIN)/nox -s nightly

release audit: $(VENV)/installed-dev
	$(BIN)/nox -s $@

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 10) <= v < (3, 15) else "error: $(PYTHON) is Python %d.%d. Python 3.10 to 3.14 is required. Choose another: make PYTHON=python3.11 ..." % v[:2])'
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/installed-%: $(VENV)/bin/python pyproject.toml constraints.txt
	$(INSTALL) --editable ".[$*]"
	@touch $@

# Remove the environments and all generated files, but keep downloaded files.
clean:
	rm -rf $(VENV) .nox dist corpus training packages/*/ project.lock
