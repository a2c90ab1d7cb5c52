# make run   train, evaluate, package and use a BERT NER pipeline
# make test  lint, types and tests
# Each sets up everything that it needs in .venv. PYTHON names the interpreter to make it with (3.10 to 3.13).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
INSTALL := $(PIP) --constraint constraints.txt
MEETS_TRANSFORMERS := tests/parity tests/test_checkpoint.py tests/test_model.py tests/test_component.py \
	tests/test_labels.py tests/test_copies.py tests/test_invariance.py tests/test_layers.py tests/test_memory.py \
	tests/test_case_marks.py tests/test_dropout.py tests/test_runtimes.py tests/test_unpadded.py tests/test_export.py \
	tests/test_broken_pipelines.py

.PHONY: run test clean

run: $(VENV)/installed-project
	$(BIN)/python -m spacy project run all

test: $(VENV)/installed-dev $(VENV)/transformers4
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest
	PYTHONPATH=$(abspath $(VENV)/transformers4) $(BIN)/pytest -m "not slow" $(MEETS_TRANSFORMERS)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 10) <= v < (3, 14) else "error: $(PYTHON) is Python %d.%d; 3.10 to 3.13 is needed: make PYTHON=python3.11 ..." % v[:2])'
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/installed-%: $(VENV)/bin/python pyproject.toml constraints.txt
	$(INSTALL) --editable ".[$*]"
	@touch $@

# Transformers 4 as a layer, found before what is installed. It needs no second torch.
$(VENV)/transformers4: $(VENV)/bin/python constraints-transformers4.txt
	rm -rf $@
	$(PIP) --no-deps --target $@ --requirement constraints-transformers4.txt || { rm -rf $@; exit 1; }
	@touch $@

# Removes the environment and all that was made, but not what was fetched.
clean:
	rm -rf $(VENV) corpus training packages/*/ project.lock
