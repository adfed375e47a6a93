# Commands of anchor-deploy. `make` without a target lists them.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
# The versions of Python with which the workflows run the unit tests.
PYTHONS := 3.11 3.12 3.13 3.14 3.15
PRINT_VERSION := import sys; print("%d.%d" % sys.version_info[:2])
BIN := .venv/bin
INSTALLED := .venv/installed
PYTEST := $(BIN)/python -m pytest
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
SELECT_PYTHON := install one of the versions $(PYTHONS) and select it, for example 'make up PYTHON=python3.13'
UNREACHABLE := could not be downloaded: check that the package index is reachable (network, proxy, PIP_INDEX_URL)
# `make package` builds the layers for this Lambda runtime and CPU architecture. Use the values of the stage's settings.
RUNTIME ?= python3.13
ARCHITECTURE ?= arm64
RUNTIME_PYTHON ?= $(RUNTIME)
RUNTIME_VENV := .anchor/$(RUNTIME)
# Let Python write bytecode files, even if the environment of the caller forbids it. Tests, commands and functions start
# hundreds of Python processes, and each process starts faster with bytecode files.
export PYTHONDONTWRITEBYTECODE :=
# Options of pytest-socket: unit tests can connect only to loopback addresses and Unix sockets.
LOOPBACK := --allow-hosts=127.0.0.1,::1 --allow-unix-socket
# Each of these tests starts its own embedded cloud. They are not part of `make e2e`, because a process can run only one
# embedded cloud at a time, and the other end-to-end tests share one.
EXAMPLE_SITE := tests/e2e/test_example_site.py
COMMANDS := tests/e2e/test_commands.py tests/e2e/test_upgrade.py $(EXAMPLE_SITE)
# This test builds a second site. It has its own target, so that it can run in parallel with the other end-to-end tests.
MIDDLEWARE := tests/e2e/test_middleware.py
ENGINE_SITE := tests/engine/site
UNIT := tests/anchor tests/audit tests/aws_models tests/benchmarks tests/components tests/conformance tests/docs tests/edge tests/layout tests/packages tests/policies tests/reference tests/runtime tests/stage_file_checks $(LOOPBACK)

.PHONY: other-version help up demo screenshot check format lint types unit functions coverage audit thorough integration e2e commands middleware conformance engine engine-stages engine-site test wheels package validate first-account lock snapshots clean reference reliability bench

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 15

# The virtual environment with the locked packages. It is recreated when the lock files change, or when the caller sets
# PYTHON to a different version.
$(INSTALLED): requirements/install.txt requirements/dev.txt
	@version="$$($(PYTHON) -c '$(PRINT_VERSION)')" || { \
	  echo "make: $(PYTHON) cannot be run: $(SELECT_PYTHON)" >&2; exit 1; }; \
	case " $(PYTHONS) " in *" $$version "*) ;; *) \
	  echo "make: $(PYTHON) is Python $$version: $(SELECT_PYTHON)" >&2; exit 1;; esac
	@test ! -L .venv || { echo "make: .venv is a symbolic link, and installing would empty its target: remove the link" >&2; exit 1; }
	@echo "installing the locked Python packages into .venv (once, 10 to 60 seconds)"
	@$(PYTHON) -m venv --clear .venv || { \
	  echo "make: $(PYTHON) cannot create a virtual environment: install its venv module (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@$(PIP_INSTALL) -r requirements/install.txt || { echo "make: the package uv $(UNREACHABLE)" >&2; exit 1; }
	@# uv fails if a mirror or a proxy is configured only for pip. In this case, pip installs the packages more slowly.
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt || { \
	  echo "make: uv could not install the packages, trying pip"; $(PIP_INSTALL) -r requirements/dev.txt || { \
	  echo "make: the Python packages of requirements/dev.txt $(UNREACHABLE)" >&2; exit 1; }; }
	@$(BIN)/python -c '$(PRINT_VERSION)' > $@

ifneq ($(origin PYTHON),file)
ifneq ($(shell cat $(INSTALLED) 2>/dev/null),$(shell $(PYTHON) -c '$(PRINT_VERSION)' 2>/dev/null || echo missing))
$(INSTALLED): other-version
endif
endif

up: $(INSTALLED) ## deploy to the embedded cloud and keep it running (SITE=<folder>: your site, STAGE=production: the resources of that stage, ENGINE=pulumi: deploy with `pulumi up`)
	@$(BIN)/python -m local up $(if $(SITE),--folder "$(SITE)") $(if $(STAGE),--stage "$(STAGE)") $(if $(ENGINE),--engine "$(ENGINE)")

demo: $(INSTALLED) ## deploy to the embedded cloud, check each step, and stop
	@$(BIN)/python -m local demo

screenshot: $(INSTALLED) ## run make demo and update the picture in the README
	@$(BIN)/python -m local demo --screenshot docs/demo.svg

check: $(INSTALLED) ## check format, lint and types, and run the unit tests
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

# The functions are deployed with the version RUNTIME. The target needs this version (RUNTIME_PYTHON), and installs the
# packages into a virtual environment of its own.
functions: $(INSTALLED) ## run the unit tests of runtime/ with the Python version of the functions in AWS
	@mkdir -p .anchor
	@test "$$(cat $(RUNTIME_VENV)/lock 2>/dev/null)" = "$$(cksum < requirements/dev.txt)" || { \
	  echo "installing the locked Python packages into $(RUNTIME_VENV) (once)"; \
	  $(RUNTIME_PYTHON) -m venv --clear $(RUNTIME_VENV) && \
	  $(BIN)/uv pip install --quiet --python $(RUNTIME_VENV)/bin/python --require-hashes -r requirements/dev.txt && \
	  cksum < requirements/dev.txt > $(RUNTIME_VENV)/lock; }
	@$(RUNTIME_VENV)/bin/python -m pytest tests/runtime $(LOOPBACK) -n 2 -q -m "not thorough"

coverage: $(INSTALLED) ## run the unit tests and the long tests with branch coverage
	@# The tests share their processes, because each process imports the SDKs and runs the program for every stage.
	@$(PYTEST) $(UNIT) -n 2 -q --cov --cov-report=term:skip-covered

thorough: $(INSTALLED) ## run the long tests: concurrent threads and generated sequences of events
	@# pytest gets only the files that contain long tests. To collect all files would take 1.5 times as long.
	@$(PYTEST) $$(grep -rl --include='test_*.py' --exclude-dir=local --exclude-dir=e2e mark.thorough tests) $(LOOPBACK) -n 2 -q -m thorough

integration: $(INSTALLED) ## test the parts of the embedded cloud: emulator, engine, build runner, edge, workers
	@$(PYTEST) tests/local -n 2 -q

e2e: $(INSTALLED) ## run the end-to-end tests: real OpenNext builds on the embedded cloud
	@$(PYTEST) tests/e2e -p no:xdist -v -m "not conformance" $(COMMANDS:%=--ignore %) $(MIDDLEWARE:%=--ignore %) | sed -u 's|^tests/e2e/||'

commands: $(INSTALLED) ## test make up, make demo, the example of one site, and the upgrade from an earlier version
	@# The example has a process of its own, because the clouds of one process would need the same port.
	@$(PYTEST) $(filter-out $(EXAMPLE_SITE),$(COMMANDS)) -p no:xdist -v | sed -u 's|^tests/e2e/||'
	@$(PYTEST) $(EXAMPLE_SITE) -p no:xdist -v | sed -u 's|^tests/e2e/||'

middleware: $(INSTALLED) ## test a site with all forms of middleware
	@$(PYTEST) $(MIDDLEWARE) -p no:xdist -v -m "not conformance" | sed -u 's|^tests/e2e/||'

conformance: $(INSTALLED) ## compare many sites with `next start`, measure the age of pages under load, and run the tests with more sites and a real browser
	@$(PYTEST) tests/e2e -p no:xdist -v -m conformance | sed -u 's|^tests/e2e/||'
	@$(BIN)/python -m tests.conformance.freshness
	@$(BIN)/python -m tests.conformance --record

engine: $(INSTALLED) ## run the tests with Pulumi's own engine (it is built in .anchor if it is not installed)
	@$(BIN)/python -m local.pulumi_engine
	@$(MAKE) --no-print-directory -j 2 engine-stages engine-site

engine-stages: $(INSTALLED)
	@$(PYTEST) tests/engine --ignore $(ENGINE_SITE) -n 3 --dist loadfile -v | grep --line-buffered -v '^tests/engine/'

# The tests of ENGINE_SITE run in a process of their own, because a process can run only one emulator.
engine-site: $(INSTALLED)
	@$(PYTEST) $(ENGINE_SITE) -p no:xdist -v | sed -u 's|^tests/engine/||'

# The targets run in parallel, because the end-to-end tests often wait. On two cores this saves a third of the time.
test: $(INSTALLED) ## run all checks and tests, except make conformance and make engine
	@$(MAKE) --no-print-directory -j 2 e2e format lint types coverage middleware integration commands

reliability: $(INSTALLED) ## inject every fault and update the tables of docs/reliability.md
	@RELIABILITY=renew $(PYTEST) tests/runtime/faults tests/e2e/test_faults.py -p no:xdist -q

reference: $(INSTALLED) ## update the generated documents
	@$(BIN)/python -m reference

bench: $(INSTALLED) ## run the benchmarks and write docs/benchmarks.md
	@$(BIN)/python -m benchmarks

# The tools are not installed into .venv, because nothing else needs them.
audit: $(INSTALLED) ## look for known vulnerabilities, secrets and mistakes in policies, and write the bill of materials to dist/
	@mkdir -p .anchor
	@test "$$(cat .anchor/audit/lock 2>/dev/null)" = "$$(cksum < requirements/audit.txt)" || { \
	  echo "installing the locked tools into .anchor/audit (once)"; \
	  $(BIN)/python -m venv --clear .anchor/audit && \
	  $(BIN)/uv pip install --quiet --python .anchor/audit/bin/python --require-hashes -r requirements/audit.txt && \
	  cksum < requirements/audit.txt > .anchor/audit/lock; }
	@$(BIN)/python -m audit --tools .anchor/audit/bin

wheels: $(INSTALLED) ## create the wheels of the folder packages in dist/
	@rm -rf dist
	@for file in packages/*/pyproject.toml; do $(BIN)/uv build --quiet --wheel --no-build-isolation --python $(BIN)/python --out-dir dist $$(dirname $$file); done

package: $(INSTALLED) ## build the dependency layers of the functions for pulumi up
	@$(BIN)/python -m local.layers --runtime $(RUNTIME) --architecture $(ARCHITECTURE)

validate: $(INSTALLED) ## check the settings file of a stage offline (STAGE=dev, ALLOW_PLACEHOLDERS=1: accept values such as example.com)
	@$(BIN)/python -m stage_files "$(STAGE)" $(if $(ALLOW_PLACEHOLDERS),--allow-placeholders)

first-account: $(INSTALLED) ## check a stage in AWS after its first pulumi up; nothing is changed (STAGE=dev)
	@$(BIN)/python -m first_account --stage "$(STAGE)"

lock: $(INSTALLED) ## update requirements/*.txt from requirements/*.in
	@for name in install runtime dev audit; do (cd requirements && ../$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header $$name.in -o $$name.txt); done

snapshots: $(INSTALLED) ## update tests/components/snapshots (review the diff)
	@$(BIN)/python -m tests.components.snapshots

clean: ## remove build outputs and caches, but not the virtual environment
	@rm -rf .anchor .build dist .pytest_cache .ruff_cache .hypothesis .coverage*
