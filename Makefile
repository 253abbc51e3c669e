# Few verbs; each sets up what it needs by itself. `make help` lists them.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
JOBS   ?= 2

MODEL ?= deepseek-v3
ON    ?= cloudmatrix-384
SLO   ?= ttft=2s,tpot=50ms

.PHONY: help plan test tiny lint types format docs bench bench-smoke refresh figures golden lock check clean

help:            ## this list
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 16

# Two stages, so that a first answer does not wait for the test tools. Stamps make both do nothing when up to date.
$(VENV)/.run: requirements/run.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: Python 3.11 or newer is needed, $(PYTHON) is " + sys.version.split()[0] + "; make PYTHON=python3.12 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

plan: $(VENV)/.run  ## a first answer: make plan MODEL=... ON=... SLO=...
	$(BIN)/wherewithal plan $(MODEL) --on $(ON) --slo $(SLO)

test: $(VENV)/.dev  ## every test
	$(BIN)/python -m pytest -n $(JOBS)

tiny: $(VENV)/.dev  ## the quick tests
	$(BIN)/python -m pytest -x -q -m "not slow and not shared" --ignore=tests/fuzz

lint: $(VENV)/.dev  ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev  ## mypy, strict
	$(BIN)/mypy

format: $(VENV)/.dev  ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.dev  ## build the pages into docs/_build/html, warnings are errors
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html

bench: $(VENV)/.dev  ## every promise of speed as a ratio, one table
	$(BIN)/python -m bench

bench-smoke: $(VENV)/.dev  ## does the bench still run; ratios are printed, not judged
	$(BIN)/python -m bench --smoke

refresh: $(VENV)/.dev  ## paste real outputs into README and docs anew
	$(BIN)/python tools/refresh_docs.py

figures: $(VENV)/.dev  ## do the outputs pasted in README and docs still hold
	$(BIN)/python tools/refresh_docs.py --check

golden: $(VENV)/.dev  ## record whole answers anew (then read the diff)
	$(BIN)/python -m pytest -q --update-golden

lock: $(VENV)/.dev  ## resolve requirements/*.txt anew
	$(BIN)/python tools/lock.py

check: lint types test docs bench-smoke figures  ## all that CI does

clean:           ## remove what was made, the environment too
	rm -rf $(VENV) docs/_build dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
