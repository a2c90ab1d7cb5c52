# make run       train, evaluate, package and use a BERT NER pipeline
# make check     lint, types and the tests that start no process: two minutes
# make test      lint, types and all tests that a change must pass: eight minutes
# make test-all  other Pythons, the other generation of transformers, whole corpora, benchmarks; see noxfile.py
# make nightly   what takes longer: deep fuzzing, and nearly all tests on each Python; before a release
# make release   dist/: the package, and an SBOM of all that it needs
# make audit     whether a flaw is known of a pinned version, where the open net can be reached
# Each sets up everything that it needs in .venv. PYTHON names the interpreter to make it with (3.10 to 3.14).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What is never imported need not be compiled to bytecode: a minute less. What is has to be kept by who imports it: the
# tests start hundreds of processes, each of which would take six seconds more.
unexport PYTHONDONTWRITEBYTECODE
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
INSTALL := $(PIP) --constraint constraints.txt

# COVERAGE=1 measures which branches the tests reach, and fails below the floor in pyproject.toml.
# Tests wait for processes that they start, so that one worker more than there are cores pays.
export PYTEST_XDIST_AUTO_NUM_WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
PYTEST := $(if $(COVERAGE),$(BIN)/coverage erase && $(BIN)/coverage run -m pytest,$(BIN)/pytest) -q -n auto --dist loadfile --no-loadscope-reorder
REPORT := $(if $(COVERAGE),$(BIN)/coverage combine --quiet && $(BIN)/coverage report)

.PHONY: run lint check in-process test test-all nightly release audit clean

run: $(VENV)/installed-project
	$(BIN)/python -m spacy project run all

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy

# Side by side, since lint keeps one core busy.
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
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 10) <= v < (3, 15) else "error: $(PYTHON) is Python %d.%d; 3.10 to 3.14 is needed: make PYTHON=python3.11 ..." % v[:2])'
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/installed-%: $(VENV)/bin/python pyproject.toml constraints.txt
	$(INSTALL) --editable ".[$*]"
	@touch $@

# Removes the environment and all that was made, but not what was fetched.
clean:
	rm -rf $(VENV) .nox dist corpus training packages/*/ project.lock
