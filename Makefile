# make run   train, evaluate, package and use a BERT NER pipeline
# make test  lint, types and tests
# make test-all  the tests with the other generation of transformers and on other Pythons; see noxfile.py
# make release   dist/: the package, and an SBOM of all that it needs
# make audit     whether a flaw is known of a pinned version, where the open net can be reached
# Each sets up everything that it needs in .venv. PYTHON names the interpreter to make it with (3.10 to 3.13).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What is never imported need not be compiled to bytecode: a minute less. What is has to be kept by who imports it: the
# tests start hundreds of processes, each of which would take six seconds more.
unexport PYTHONDONTWRITEBYTECODE
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
INSTALL := $(PIP) --constraint constraints.txt

.PHONY: run test test-all release audit clean

run: $(VENV)/installed-project
	$(BIN)/python -m spacy project run all

test: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n auto --dist loadfile

test-all: $(VENV)/installed-dev
	$(BIN)/nox

release audit: $(VENV)/installed-dev
	$(BIN)/nox -s $@

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 10) <= v < (3, 14) else "error: $(PYTHON) is Python %d.%d; 3.10 to 3.13 is needed: make PYTHON=python3.11 ..." % v[:2])'
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/installed-%: $(VENV)/bin/python pyproject.toml constraints.txt
	$(INSTALL) --editable ".[$*]"
	@touch $@

# Removes the environment and all that was made, but not what was fetched.
clean:
	rm -rf $(VENV) .nox dist corpus training packages/*/ project.lock
