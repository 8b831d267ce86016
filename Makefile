# Every target works on a fresh clone with nothing but Python 3.11 or later, Go 1.26 or later, git and make.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# The helpers under tests/ are imported by their own names.
HELPER := PYTHONPATH=tests $(BIN)/python -m

# What pytest runs, the quickest first. `make test SUITES=tests/unit ARGS="-k timing"` runs less.
SUITES ?= $(wildcard tests/unit tests/simulation tests/image tests/contract tests/chart tests/cluster)
ARGS ?=

# How many files are tested at a time, each by a process with servers of its own. Those of the chart share one cluster,
# and come one after another.
WORKERS ?= 2

# The first of these that is new enough and can make a virtual environment. `make setup PYTHON=…` names another.
SUITABLE := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	"$$p" -c '$(SUITABLE)' 2>/dev/null && { echo "$$p"; break; }; done)

.PHONY: help
help:  ## Show this help
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

.PHONY: setup
setup: $(INSTALLED)  ## Make .venv with everything that is needed, `tenure` in it
	@:

# Progress goes to stderr, so that eval "$(make cluster)" sees nothing of it.
$(INSTALLED): pyproject.toml requirements/dev.txt
	@if ! $(BIN)/python -c '$(SUITABLE)' 2>/dev/null; then \
		if ! "$(PYTHON)" -c '$(SUITABLE)' 2>/dev/null; then \
			echo "Python 3.11 or later with its venv module was not found$(if $(PYTHON), as $(PYTHON))." \
				"Install it, or say where it is: make setup PYTHON=/path/to/python3" >&2; \
			exit 1; \
		fi; \
		echo "Making $(VENV) with $(PYTHON)" >&2; \
		$(PYTHON) -m venv --clear $(VENV); \
	fi
	@echo "Installing what requirements/dev.txt pins" >&2
	@$(BIN)/python -m pip install --disable-pip-version-check --require-hashes --requirement requirements/dev.txt >&2
	@echo "Installing tenure, editable" >&2
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	@touch $(INSTALLED)

.PHONY: check
check: setup  ## Lint, formatting, types, direction of imports
	@failed=; \
	for tool in "ruff check ." "ruff format --check ." mypy "lint-imports --no-logo"; do \
		echo "$$tool"; $(BIN)/$$tool || failed="$$failed, $$tool"; \
	done; \
	if [ -n "$$failed" ]; then echo "Failed: $${failed#, }" >&2; exit 1; fi

.PHONY: format
format: setup  ## Format the code and mend what the linter can mend
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

.PHONY: binaries
binaries: setup  ## Build the programs that the tests need, once (some fifteen minutes)
	@$(HELPER) environment build

.PHONY: test
test: check binaries  ## Everything that must pass: checks and all tests
	$(if $(filter-out tests/chart,$(SUITES)),$(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile $(filter-out tests/chart,$(SUITES)) $(ARGS))
	$(if $(filter tests/chart,$(SUITES)),$(BIN)/pytest tests/chart $(ARGS))

.PHONY: cluster
cluster: setup  ## Start a control plane and a NATS server, and leave them running: one for each user, from any clone
	@$(HELPER) environment up

.PHONY: cluster-down
cluster-down: setup  ## End what `make cluster` started
	@$(HELPER) environment down

.PHONY: demo
demo: setup  ## Watch an election and a hand-over; DEMO_HOLD=1 stays up, CONTEXT=… plays it in a cluster of yours
	@$(HELPER) demo

FOR ?= 10m
SEED ?=
REPORT ?=

.PHONY: simulate
simulate: setup  ## Simulate worlds with faults for FOR=10m, from seeds that follow from what is committed or begin at SEED=…
	@$(HELPER) simulator --for $(FOR) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: mutations
mutations: setup  ## Make each of a list of mistakes in the protocol: the simulator must find it; ARGS=WORD tries some
	@$(HELPER) simulator.mutations $(ARGS)

.PHONY: chaos
chaos: setup  ## Break all that the operator relies on, FOR=10m; SEED=… repeats the faults, REPORT=FILE keeps the report
	@$(HELPER) chaos --for $(FOR) $(if $(SEED),--seed $(SEED)) $(if $(REPORT),--report $(REPORT))

.PHONY: explore
explore: setup  ## Go through more than a million states of small worlds, in four minutes; ARGS=--list shows the worlds
	@$(HELPER) explorer $(ARGS)

.PHONY: outages
outages: setup  ## Measure what it costs that something is away, at 200 elections; ARGS=--help says more
	@$(HELPER) outages $(ARGS)

.PHONY: bench
bench: setup  ## Measure hand-overs, cost and growth beside client-go, in 20 quiet minutes; ARGS=--help says more
	@$(HELPER) bench $(ARGS)

.PHONY: e2e
e2e: setup  ## All of it in a cluster of yours, with faults: CONTEXT=… IMAGE=…; ARGS=--help says more
	@$(HELPER) e2e $(ARGS)

.PHONY: self-fencing
self-fencing: setup  ## Measure how soon a leader that is frozen or cut off knows it, and how soon its label has moved
	@$(HELPER) selffencing $(ARGS)

.PHONY: pins
pins: setup  ## Pin again after a change in pyproject.toml; UPGRADE=1 takes the newest versions
	@# For all supported Pythons and platforms at once. No header and no index: the files name no registry.
	@pin() { $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade) --quiet "$$@"; }; \
	pin pyproject.toml --output-file requirements/run.txt; \
	pin pyproject.toml --group dev --constraint requirements/run.txt --output-file requirements/dev.txt; \
	pin --group build --constraint requirements/dev.txt --output-file requirements/build.txt
	@echo "Pinned: requirements/run.txt, dev.txt and build.txt. Install them with: make setup"

.PHONY: chart
chart: setup  ## Bring up to date what the chart repeats of other files: its README's values, the CRD
	@$(HELPER) chart_support

.PHONY: reference
reference: setup  ## Bring docs/reference.md up to date, which is made from the CRD
	@$(HELPER) reference

.PHONY: clean
clean:  ## Remove what was made in this folder (the binaries stay in the user's cache)
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find operator tests -name __pycache__ -type d -prune -exec rm -rf {} +
