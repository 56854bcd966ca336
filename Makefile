# `make serve` and `make test` need Python 3.11 or newer and make; they fetch the rest from PyPI.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
WORKERS ?= 2
# TORCH=cpu takes PyTorch's wheels without CUDA, from where PyTorch publishes them or from a folder.
TORCH_WHEELS ?=
TORCH_SOURCE = $(if $(TORCH_WHEELS),--no-index --find-links $(TORCH_WHEELS),--index-url https://download.pytorch.org/whl/cpu)
ifneq ($(filter-out cpu,$(TORCH)),)
$(error TORCH is cpu or nothing, not $(TORCH))
endif
CODE := service clients training tests benchmarks docs

.DEFAULT_GOAL := help
.PHONY: help serve test test-slow test-cluster test-all check check-page check-docs-fresh guide format train benchmark clean

help:
	@echo "make serve       start the service on 127.0.0.1:8000 (PORT=8123 for another port)"
	@echo "                 (TORCH=cpu installs PyTorch without CUDA; TORCH_WHEELS=FOLDER has its wheels)"
	@echo "make test        run the tests but the long ones (ARGS='-k jobs' passes arguments to pytest)"
	@echo "make test-slow   run the long ones"
	@echo "make test-cluster  run those of several machines, with Ray (200 MB more)"
	@echo "make test-all    run both"
	@echo "make check       lint, types, the direction of imports and dead code"
	@echo "make check-docs-fresh  follow README and how-tos in a fresh clone and environment"
	@echo "make guide       build the pages that the service shows at /docs/guide"
	@echo "make format      format the code"
	@echo "make train       train a shipped model anew: RECIPE=nuclei DATA=folder (training/README.md)"
	@echo "make benchmark   measure the service against its bound (ARGS='--rounds 3')"
	@echo "make clean       remove the environment and the caches"

serve: $(VENV)/.service
	@exec $(BIN)/brightfield serve $(if $(PORT),--port $(PORT))

# glibc gives every thread a heap of its own and seldom returns it: the suite would hold half as
# much again. Processes whose pools of threads compete for the processors would wait for each other.
test test-slow test-cluster: export MALLOC_ARENA_MAX = 2
test test-slow test-cluster: export OMP_NUM_THREADS = 1

# In two parts, so that no process holds what all files import and keep: those that start the whole
# service or a store, and all others.
SERVED := $(addprefix tests/,access api clients cluster commands docs e2e memory serving store web)
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

test: $(VENV)/.dev
ifeq ($(ARGS),)
	@$(PYTEST) $(SERVED)
	@$(PYTEST) $(addprefix --ignore=,$(SERVED))
else
	@$(PYTEST) $(ARGS)
endif

# Tests that compare durations or memory have the machine to themselves.
test-slow: $(VENV)/.dev
	@$(PYTEST) -m 'slow and not alone' $(ARGS)
	@$(BIN)/python -m pytest -m 'slow and alone' $(ARGS)

test-cluster: $(VENV)/.ray
	@$(BIN)/python -m pytest -m cluster tests/cluster $(ARGS)

test-all: test test-slow

check: $(VENV)/.dev
	$(BIN)/python docs/client --check
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vulture
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory check-page; \
	  else echo "Node isn't on this machine, so the types of the page were not checked."; fi

# The page itself needs no Node; its types and its accessibility are checked by packages of npm, and
# what Pyright says of code that uses the SDK, by a test.
check-page: .npm/node_modules/.with-pyright
	node .npm/node_modules/typescript/bin/tsc --project .

.npm/node_modules/.with-pyright:
	npm install --prefix .npm --no-save --silent --no-fund --no-audit typescript@5 axe-core@4 pyright@1
	@touch $@

check-docs-fresh:
	@$(PYTHON) tests/docs/fresh.py $(ARGS)

guide: $(VENV)/.dev
	@$(BIN)/python docs/guide

format: $(VENV)/.dev
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

train: $(VENV)/.dev
	@$(BIN)/python -m training $(RECIPE) --data $(DATA) $(ARGS)

benchmark: $(VENV)/.dev
	@$(BIN)/python benchmarks/service.py $(ARGS)

clean:
	rm -rf $(VENV) .npm dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

# What these wheels need comes with the service's own packages, which find PyTorch there already.
TORCH_FIRST = $(if $(TORCH),$(PIP) install --quiet --no-deps $(TORCH_SOURCE) torch torchvision)

# An empty file marks each finished installation: newer than pyproject.toml, nothing is to be done.
# The one for development holds all of the other.
$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(TORCH_FIRST)
	$(PIP) install --quiet --editable '.[dev]'
	@touch $(VENV)/.service $@

$(VENV)/.ray: pyproject.toml | $(VENV)/.dev
	$(PIP) install --quiet --editable '.[dev,ray]'
	@touch $@

$(VENV)/.service: pyproject.toml | $(BIN)/python
	@echo "Installing Brightfield into $(VENV); the first time takes a few minutes."
	$(TORCH_FIRST)
	$(PIP) install --quiet --editable '.[service]'
	@touch $@

$(BIN)/python:
	@command -v "$(PYTHON)" >/dev/null || \
	  { echo "$(PYTHON) is not on this machine: install Python 3.11 or newer, or name one with PYTHON=..." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Brightfield needs Python 3.11 or newer and $(PYTHON) is older; name another one with PYTHON=..." >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) cannot make environments; install its venv package (Debian, Ubuntu: apt-get install python3-venv)." >&2; exit 1; }
	@"$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
