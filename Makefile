# anchor-deploy: everything a person runs. `make` alone lists the targets.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed
PYTEST := $(BIN)/python -m pytest
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
UNREACHABLE := could not be fetched: is the package index reachable from here (network, proxy, PIP_INDEX_URL)?
# Of the functions, as the stage's settings name them (`make package`).
RUNTIME ?= python3.13
ARCHITECTURE ?= arm64
# What Python compiles once is kept, whatever the shell says: tests, commands and functions are hundreds of processes.
export PYTHONDONTWRITEBYTECODE :=
# Unit tests reach nothing beyond loopback.
LOOPBACK := --allow-hosts=127.0.0.1,::1 --allow-unix-socket
# Those that coverage is measured over, and the others: to watch these, too, takes longer and shows nothing more.
COVERING := tests/components tests/runtime
OTHERS := tests/anchor tests/benchmarks tests/docs tests/edge tests/layout tests/policies tests/reference
# Each starts clouds of its own; a process can have one at a time.
COMMANDS := tests/e2e/test_commands.py tests/e2e/test_upgrade.py
UNIT := $(COVERING) $(OTHERS) $(LOOPBACK)

.PHONY: help up demo screenshot check format lint types unit coverage thorough integration e2e commands conformance test package lock snapshots clean reference reliability bench

help: ## list the targets
	@grep -hE '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9]+):.*## /\1\t/' | expand -t 13

# The virtual environment, exactly as locked. Remade when the lock changes.
$(INSTALLED): requirements/install.txt requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "make: $(PYTHON) is older than Python 3.11: install a newer one and name it, as in 'make up PYTHON=python3.12'" >&2; exit 1; }
	@echo "installing the locked Python packages into .venv (once; 10 seconds to a minute)"
	@$(PYTHON) -m venv --clear .venv || { \
	  echo "make: $(PYTHON) cannot make a virtual environment: install its venv module (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@$(PIP_INSTALL) -r requirements/install.txt || { echo "make: the package uv $(UNREACHABLE)" >&2; exit 1; }
	@# Where only pip is told of a mirror or a proxy, uv finds nothing: then pip does it all, more slowly.
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt || { \
	  echo "make: uv could not install them, trying pip"; $(PIP_INSTALL) -r requirements/dev.txt || { \
	  echo "make: the Python packages of requirements/dev.txt $(UNREACHABLE)" >&2; exit 1; }; }
	@touch $@

up: $(INSTALLED) ## deploy everything to the embedded cloud and keep it running (SITE=<folder>: with your site)
	@$(BIN)/python -m local up $(if $(SITE),--folder "$(SITE)")

demo: $(INSTALLED) ## the same once, not interactive, proven step by step
	@$(BIN)/python -m local demo

screenshot: $(INSTALLED) ## make demo, and the picture of it in the README
	@$(BIN)/python -m local demo --screenshot docs/demo.svg

check: $(INSTALLED) ## format, lint, types and unit tests
	@$(MAKE) --no-print-directory -j 2 unit format lint types

format: $(INSTALLED)
	@$(BIN)/ruff format --check --quiet . || { echo "run: .venv/bin/ruff format ." >&2; exit 1; }

lint: $(INSTALLED)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/lint-imports --no-logo | tail -n 3

types: $(INSTALLED)
	@$(BIN)/basedpyright --warnings

unit: $(INSTALLED)
	@$(PYTEST) $(UNIT) -n 2 -q -m "not thorough"

coverage: $(INSTALLED) ## the unit tests, and which branches they take (half as long again)
	@$(PYTEST) $(COVERING) $(LOOPBACK) -n 2 -q -m "not thorough" --cov --cov-report=term:skip-covered
	@$(PYTEST) $(OTHERS) $(LOOPBACK) -n 2 -q -m "not thorough"

thorough: $(INSTALLED) ## many threads at once, and many made-up lives
	@# Only the files that have such tests: to collect all the others takes as long as half of these.
	@$(PYTEST) $$(grep -rl --include='test_*.py' --exclude-dir=local --exclude-dir=e2e mark.thorough tests) $(LOOPBACK) -n 2 -q -m thorough

integration: $(INSTALLED) ## the embedded cloud's parts: emulator, engine, build runner, edge, workers
	@$(PYTEST) tests/local -n 2 -q

e2e: $(INSTALLED) ## the end-to-end tests: real OpenNext builds on the embedded cloud
	@$(PYTEST) tests/e2e -p no:xdist -v -m "not conformance" $(COMMANDS:%=--ignore %) | sed -u 's|^tests/e2e/||'

commands: $(INSTALLED) ## make up and make demo as their users have them, and an upgrade of an earlier version
	@$(PYTEST) $(COMMANDS) -p no:xdist -v | sed -u 's|^tests/e2e/||'

conformance: $(INSTALLED) ## a second example site (Next.js 15, a base path, a split server), and a real browser
	@$(PYTEST) tests/e2e -p no:xdist -v -m conformance | sed -u 's|^tests/e2e/||'

# Side by side, since the end-to-end tests wait as often as they work: on two cores it takes two thirds of the time.
test: $(INSTALLED) ## everything that is checked, but for `make conformance`
	@$(MAKE) --no-print-directory -j 2 e2e format lint types coverage thorough integration commands

reliability: $(INSTALLED) ## let every fault happen, and renew the tables of docs/reliability.md
	@RELIABILITY=renew $(PYTEST) tests/runtime/faults tests/e2e/test_faults.py -p no:xdist -q

reference: $(INSTALLED) ## renew the documents that are made from the code
	@$(BIN)/python -m reference

bench: $(INSTALLED) ## measure what the design promises, and write docs/benchmarks.md
	@$(BIN)/python -m benchmarks

package: $(INSTALLED) ## build the functions' dependency layers for `pulumi up`
	@$(BIN)/python -m local.layers --runtime $(RUNTIME) --architecture $(ARCHITECTURE)

lock: $(INSTALLED) ## remake requirements/*.txt from requirements/*.in
	@for name in install runtime dev; do (cd requirements && ../$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header $$name.in -o $$name.txt); done

snapshots: $(INSTALLED) ## renew tests/components/snapshots, which are read in the diff
	@$(BIN)/python -m tests.components.snapshots

clean: ## remove what was built and cached, but not the virtual environment
	@rm -rf .anchor .build .pytest_cache .ruff_cache .hypothesis .coverage*
