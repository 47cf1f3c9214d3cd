# Synthetic pretraining data from recipes. `make help` lists the targets.
# Set-up happens by itself: a .venv from the locked requirements, and the kernels compiled once.

PYTHON ?= python3
VENV   ?= .venv
RECIPE ?= bioS_multi5
OUT    ?=
SET    ?=
ARGS   ?=

PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check -q
PIPELINE := $(PY) -m pipeline
OVERRIDES := $(foreach override,$(SET),--set '$(override)')

.PHONY: help dataset plan preview verify list test test-all lint bench lock clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

dataset: $(VENV)/run  ## build data/RECIPE: make dataset RECIPE=bioS_multi5 [OUT=folder] [SET="seed=7 a.b=c"] [ARGS="--workers 8"]
	@$(PIPELINE) build '$(RECIPE)' $(if $(OUT),--out '$(OUT)') $(OVERRIDES) $(ARGS)

plan: $(VENV)/run  ## say exactly what RECIPE would build
	@$(PIPELINE) plan '$(RECIPE)' $(OVERRIDES) $(ARGS)

preview: $(VENV)/run  ## show documents of RECIPE
	@$(PIPELINE) preview '$(RECIPE)' $(OVERRIDES) $(ARGS)

verify: $(VENV)/run  ## hold a built dataset against its manifest: make verify RECIPE=… [OUT=folder]
	@$(PIPELINE) verify '$(or $(OUT),data/$(basename $(notdir $(RECIPE))))'

list: $(VENV)/run  ## name the recipes
	@$(PIPELINE) list

test: $(VENV)/dev  ## run the tests
	@$(PY) -m pytest -n auto --dist worksteal -m "not slow" $(ARGS)

test-all: $(VENV)/dev  ## run them all, also those that do the same for each of the recipes
	@$(PY) -m pytest -n auto --dist worksteal $(ARGS)

lint: $(VENV)/dev  ## ruff and mypy --strict
	$(PY) -m ruff check . && $(PY) -m ruff format --check . && $(PY) -m mypy

bench: $(VENV)/bench  ## measure, one JSON line a case (minutes; see docs/measurements.md)
	@$(PY) -m tests.bench $(ARGS)

lock:  ## pin the requirements anew (needs uv)
	for extras in run:build dev:build,dev bench:build,dev,bench; do \
	  uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11 \
	    pyproject.toml $$(echo "$${extras#*:}" | sed 's/[^,]*/--extra &/g; s/,/ /g') -o "requirements/$${extras%%:*}.txt" || exit 1; \
	done

clean:  ## remove the environment and caches, not the data
	rm -rf $(VENV) .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find pipeline tests -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "$(PYTHON) is not Python 3.11 to 3.13. Give another one: make PYTHON=python3.12 …" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV)

# Each stamp is the set of requirements it is named after, and what it builds on.
$(VENV)/run: requirements/run.txt pyproject.toml | $(VENV)/bin/python
	@echo "Setting up $(VENV): about a minute, once…"
	@$(PIP) install --require-hashes -r $<
	@$(PIP) install --no-deps --no-build-isolation -e .
	@$(PIPELINE) warm
	@touch $@

$(VENV)/dev: requirements/dev.txt $(VENV)/run
	@$(PIP) install --require-hashes -r $<
	@touch $@

$(VENV)/bench: requirements/bench.txt $(VENV)/dev
	@$(PIP) install --require-hashes -r $<
	@touch $@
