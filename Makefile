# Everything runs in $(VENV), which the first target that needs it creates.
# pip takes its packages from wherever you have configured it to.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

CLIENTS := onnxruntime-web@1.30.0 onnxruntime-node@1.30.0

# With more than one thread, torch waits for the others by spinning; that is slow wherever anything else is running.
QUIETLY := OMP_NUM_THREADS=1

.DEFAULT_GOAL := help
.PHONY: help demo test cover lint docs notebooks site bench clean

help:
	@echo "make demo   train privileged-v2 on handwritten digits"
	@echo "make test   check style and types, build the site, and run all tests in parallel and in random order"
	@echo "make cover  the same, and print which lines no test runs; it takes half as long again"
	@echo "make lint   check style and types only"
	@echo "make docs   write the generated parts of the documentation"
	@echo "make notebooks  run the notebooks, and store what their cells show"
	@echo "make site   build the documentation and the API reference as a site, into build/site"
	@echo "make bench  measure training (an hour on two idle cores) and write the results into the documentation"
	@echo "make clean  remove the virtual environment and what was built; runs stay"
	@echo
	@echo "Another Python than $(PYTHON): make demo PYTHON=python3.12"

demo: $(VENV)/.train
	$(BIN)/ganzoo train privileged-v2
	@echo "The command is $(BIN)/ganzoo; to call it ganzoo: source $(BIN)/activate"

# The tests of a file run in one process, because they share what they train. Files and tests run in random order. Each
# run prints its seed; repeat it with: make test TESTS=--randomly-seed=SEED
test: lint site node_modules/.clients
	$(QUIETLY) $(BIN)/pytest --numprocesses=logical --maxprocesses=4 --dist=loadfile --no-loadscope-reorder $(TESTS)

# The tracer costs half as much again as the tests, so it is left out unless it is asked for.
cover: override TESTS += --cov
cover: test

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

docs: $(VENV)/.dev
	$(QUIETLY) $(BIN)/python docs/generate.py

notebooks: $(VENV)/.dev
	$(QUIETLY) $(BIN)/python docs/run_notebooks.py

site: $(VENV)/.dev
	$(QUIETLY) $(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --doctree-dir build/doctrees docs build/site

bench: $(VENV)/.dev
	$(BIN)/python -m tests.benchmarks all --into docs/performance
	$(BIN)/python docs/performance/measured.py
	$(QUIETLY) $(BIN)/python docs/generate.py

clean:
	rm -rf $(VENV) node_modules build dist *.egg-info .coverage .mypy_cache .pytest_cache .ruff_cache

# The clients in a browser and in Node are tested where there is an npm; without one, those tests skip and say so.
node_modules/.clients:
	@mkdir -p node_modules
	@if command -v npm >/dev/null; then \
		npm install --silent --no-save --no-package-lock --ignore-scripts $(CLIENTS) || \
		echo "npm cannot install $(CLIENTS): the tests of these clients will be skipped"; \
	fi
	@touch $@

# One stamp for each set of extras; pyproject.toml says what they hold.
$(VENV)/.train $(VENV)/.dev: $(VENV)/.%: pyproject.toml | $(VENV)/bin/python
	@echo "Installing ganzoo and what it needs into $(VENV); torch is large, so the first time takes minutes."
	$(PIP) --editable '.[$*]'
	@touch $@

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "ganzoo needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
