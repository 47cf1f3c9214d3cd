# Synthetic pretraining data from recipes. `make help` lists the targets.
# Set-up happens by itself: a .venv from the locked requirements. Kernels are compiled when they are first needed.

PYTHON ?= python3
VENV   ?= .venv
RECIPE ?=
OUT    ?=
SET    ?=
ARGS   ?=
TO     ?= parquet
REPO   ?=
NAME   ?=
SCALE  ?=
# What tests of trainers run on; where the index has a build without CUDA, its --index-url makes it small.
TORCH  ?= torch==2.13.0

# Bytecode is kept whatever the environment says: without it each command begins with compiling a thousand files.
unexport PYTHONDONTWRITEBYTECODE

PY := $(VENV)/bin/python
PIP = $(PY) -m pip --disable-pip-version-check -q
PIPELINE := $(PY) -m pipeline
READERS := .venv-readers
TRAINER := .venv-torch
CHATS := .venv-trl
STORES := .venv-stores
RIVALS := .venv-rivals
DOLMA := .venv-dolma

# What is named on the command line of make is handed over as it is, whatever blanks and quotes it holds.
# SET is cut at blanks; a part without `=` goes on with the one before it: SET="seed=7 a.b=[0, 1]" sets two values.
NOTHING :=
BLANK := $(NOTHING) $(NOTHING)
quoted = '$(subst ','\'',$(1))'
PARTS = $(subst ','\'',$(SET))
AFTER = $(foreach part,$(wordlist 2,$(words $(PARTS)),$(PARTS)),$(if $(findstring =,$(part)),' --set ')$(part))
OVERRIDES = $(if $(PARTS),--set '$(subst $(BLANK)' --set ',' --set ',$(firstword $(PARTS)) $(AFTER))')
# data/<recipe>, as `build` names it; make's functions take a blank for the end of a name.
STEM = $(subst :blank:,$(BLANK),$(basename $(notdir $(subst $(BLANK),:blank:,$(RECIPE)))))
FOLDER = $(call quoted,$(or $(OUT),data/$(STEM)))
FIRST := bioS_multi5

# A target that is given no recipe does not go on with another one.
ifneq ($(filter plan preview,$(MAKECMDGOALS)),)
ifeq ($(strip $(RECIPE)),)
$(error Name a recipe: make $(firstword $(filter plan preview,$(MAKECMDGOALS))) RECIPE=$(FIRST) (`make list` has them))
endif
endif
ifneq ($(filter verify report export push,$(MAKECMDGOALS)),)
ifeq ($(strip $(RECIPE)$(OUT)),)
$(error Name a recipe, or the folder of a dataset: make $(firstword $(filter verify report export push,$(MAKECMDGOALS))) RECIPE=$(FIRST), or OUT=data/$(FIRST))
endif
endif

ifneq ($(filter experiment,$(MAKECMDGOALS)),)
ifeq ($(strip $(NAME)),)
$(error Name an experiment: make experiment NAME=extraction (experiments/ has them))
endif
endif

.PHONY: help dataset plan preview verify report export push experiment list test test-all test-bounds test-readers test-stores lint docs bench bench-rivals lock clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

dataset: $(VENV)/run  ## build data/RECIPE: make dataset RECIPE=bioS_multi5 [OUT=folder] [SET="seed=7 a.b=c"] [ARGS="--workers 8"]
	@$(if $(strip $(RECIPE)),,echo 'No RECIPE is given: this builds $(FIRST).')
	@$(PIPELINE) build $(call quoted,$(or $(RECIPE),$(FIRST))) $(if $(OUT),--out $(call quoted,$(OUT))) $(OVERRIDES) $(ARGS)

plan: $(VENV)/run  ## say exactly what RECIPE would build: make plan RECIPE=bioS_multi5
	@$(PIPELINE) plan $(call quoted,$(RECIPE)) $(OVERRIDES) $(ARGS)

preview: $(VENV)/run  ## show documents: make preview RECIPE=bioS_multi5 [ARGS="-n 5"]
	@$(PIPELINE) preview $(call quoted,$(RECIPE)) $(OVERRIDES) $(ARGS)

verify: $(VENV)/run  ## hold a built dataset against its manifest: make verify RECIPE=… [OUT=folder]
	@$(PIPELINE) verify $(FOLDER)

report: $(VENV)/run  ## write report.html about a built dataset: make report RECIPE=… [OUT=folder] [ARGS="--out page.html"]
	@$(PIPELINE) report $(FOLDER) $(ARGS)

export: $(VENV)/run  ## export what is built: make export RECIPE=… TO=megatron [OUT=its folder] [ARGS="--columns input_ids"]
	@$(PIPELINE) export $(FOLDER) --to $(call quoted,$(TO)) $(ARGS)

push: $(VENV)/run  ## send it to the Hugging Face Hub: make push RECIPE=… REPO=user/name [OUT=folder] [ARGS="--public"]
	@$(PIPELINE) push $(FOLDER) $(call quoted,$(REPO)) $(ARGS)

experiment: $(TRAINER)/ready  ## train and examine what is not done yet: make experiment NAME=extraction [SCALE=laptop] [OUT=folder] [ARGS="--seed 1"]
	@$(TRAINER)/bin/python -m pipeline experiment run $(call quoted,$(NAME)) \
	  $(if $(SCALE),--scale $(call quoted,$(SCALE))) $(if $(OUT),--out $(call quoted,$(OUT))) $(OVERRIDES) $(ARGS)

list: $(VENV)/run  ## name the recipes, sweeps and experiments
	@$(PIPELINE) list

test: $(VENV)/dev  ## run the tests
	@$(PY) -m pytest -n auto --dist worksteal -m "not slow and not pages" $(ARGS)

test-all: $(VENV)/dev  ## run them all, also those that do the same for each of the recipes
	@$(PY) -m pytest -n auto --dist worksteal $(ARGS)

test-bounds: $(VENV)/dev  ## run the tests with every index in a kernel checked: nothing reads or writes beside an array
	@NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR=$(abspath $(VENV))/bounds $(MAKE) --no-print-directory test

test-readers: $(READERS)/ready $(TRAINER)/ready $(CHATS)/ready $(VENV)/dev  ## open exports with the trainers' own readers; train with torch
	@BUILDER='$(abspath $(PY))' $(READERS)/bin/python -m pytest -c tests/readers/pytest.ini tests/readers $(ARGS)
	@BUILDER='$(abspath $(PY))' $(CHATS)/bin/python -m pytest -c tests/trainers/pytest.ini tests/trainers $(ARGS)
	@$(TRAINER)/bin/python -m pytest tests/torch $(ARGS)

test-stores: $(STORES)/ready  ## run the tests of buckets for Google's and Azure's stores too, with gcsfs and adlfs
	@$(STORES)/bin/python -m pytest -n auto --dist worksteal tests/test_bucket.py tests/test_kills.py \
	  tests/test_corpus_places.py tests/test_tokens_places.py $(ARGS)

lint: $(VENV)/dev  ## ruff and mypy --strict
	$(PY) -m ruff check . && $(PY) -m ruff format --check . && $(PY) -m mypy

docs: $(VENV)/docs  ## make site/ of docs/ and README.md, strictly, after running what they show; it needs no network
	@$(PY) -m pytest -n auto -m pages tests/test_console.py
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict --quiet $(ARGS)
	@echo 'site/index.html'

bench: $(VENV)/bench  ## measure, one JSON line a case (minutes; see docs/measurements.md)
	@$(PY) -m tests.bench $(ARGS)

bench-rivals: $(RIVALS)/ready $(DOLMA)/ready $(VENV)/bench  ## from text to tokens on one core, beside datasets, datatrove, Megatron's and dolma's tools
	@$(PY) -m tests.bench --only corpus $(ARGS)

LOCK = uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11

lock:  ## pin the requirements anew (needs uv); what is tested is what runs
	$(LOCK) pyproject.toml --extra build --extra dev -o requirements/dev.txt
	$(LOCK) pyproject.toml --extra build -c requirements/dev.txt -o requirements/run.txt
	$(LOCK) pyproject.toml --extra build --extra dev --extra docs -c requirements/dev.txt -o requirements/docs.txt
	$(LOCK) pyproject.toml --extra build --extra dev --extra bench -c requirements/dev.txt -o requirements/bench.txt
	$(LOCK) pyproject.toml --extra build --extra dev --extra torch requirements/torch.in -c requirements/dev.txt \
	  --no-emit-package torch -o requirements/torch.txt
	$(LOCK) pyproject.toml --extra build --extra dev --extra gs --extra az -c requirements/dev.txt -o requirements/stores.txt
	$(LOCK) requirements/readers.in --no-emit-package torch --no-emit-package torchvision \
	  -o requirements/readers.txt
	$(LOCK) requirements/trl.in --no-emit-package torch -o requirements/trl.txt
	$(LOCK) requirements/rivals.in -c requirements/dev.txt --no-emit-package torch -o requirements/rivals.txt
	$(LOCK) requirements/dolma.in -o requirements/dolma.txt

clean:  ## remove the environment and caches, not the data
	rm -rf $(VENV) $(READERS) $(TRAINER) $(CHATS) $(STORES) $(RIVALS) $(DOLMA) site .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find pipeline tests -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/bin/python $(READERS)/bin/python $(TRAINER)/bin/python $(CHATS)/bin/python $(STORES)/bin/python $(RIVALS)/bin/python $(DOLMA)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "$(PYTHON) is not Python 3.11 to 3.13. Give another one: make PYTHON=python3.12 …" >&2; exit 2; }
	@$(PYTHON) -m venv $(@:/bin/python=)

# Each stamp is the set of requirements it is named after, and what it builds on. A lock is complete, so nothing is
# resolved; what is imported is compiled then. `since` says how long it took.
since = echo "Set up in $$(( $$(date +%s) - $$(cat $(VENV)/began) )) s."

$(VENV)/run: requirements/run.txt pyproject.toml | $(VENV)/bin/python
	@echo "Setting up $(VENV), once: half a minute, and what the download takes…"
	@date +%s > $(VENV)/began
	@$(PIP) install --require-hashes --no-deps --no-compile -r $<
	@$(PIP) install --no-deps --no-build-isolation -e .
	@$(since)
	@touch $@

$(VENV)/dev: requirements/dev.txt $(VENV)/run
	@echo "Setting up the tests, once: a minute…"
	@date +%s > $(VENV)/began
	@$(PIP) install --require-hashes --no-deps --no-compile -r $<
	@$(PIPELINE) warm
	@$(since)
	@touch $@

$(VENV)/docs $(VENV)/bench: $(VENV)/%: requirements/%.txt $(VENV)/dev
	@$(PIP) install --require-hashes --no-deps --no-compile -r $<
	@touch $@

# torch comes last and by itself: see [tool.uv] in pyproject.toml.
$(READERS)/ready: requirements/readers.txt | $(READERS)/bin/python
$(CHATS)/ready: requirements/trl.txt | $(CHATS)/bin/python
$(RIVALS)/ready: requirements/rivals.txt | $(RIVALS)/bin/python
$(READERS)/ready $(CHATS)/ready $(RIVALS)/ready: PY = $(@D)/bin/python
$(READERS)/ready $(CHATS)/ready $(RIVALS)/ready:
	@echo "Setting up $(@D): some minutes, once…"
	@$(PIP) install --require-hashes --no-deps --no-compile -r $<
	@$(PIP) install $(TORCH)
	@touch $@

$(DOLMA)/ready: PY = $(DOLMA)/bin/python
$(DOLMA)/ready: requirements/dolma.txt | $(DOLMA)/bin/python
	@echo "Setting up $(DOLMA): a minute, once…"
	@$(PIP) install --require-hashes --no-deps --no-compile -r $<
	@touch $@

$(STORES)/ready: PY = $(STORES)/bin/python
$(STORES)/ready: requirements/stores.txt pyproject.toml | $(STORES)/bin/python
	@echo "Setting up $(STORES): a minute, once…"
	@$(PIP) install --require-hashes --no-deps --no-compile -r $<
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(TRAINER)/ready: PY = $(TRAINER)/bin/python
$(TRAINER)/ready: requirements/torch.txt pyproject.toml | $(TRAINER)/bin/python
	@echo "Setting up $(TRAINER): some minutes, once…"
	@$(PIP) install --require-hashes --no-deps --no-compile -r $<
	@$(PIP) install $(TORCH)
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@
