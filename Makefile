# Thin doors to manage.py and pytest. `make run` and `make test` need Python 3.11 or newer and nothing else.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help run test check bench audit lock reset environment

TIEOUT_HOME ?= $(CURDIR)/.tieout
export TIEOUT_HOME
# The first of these that is new enough; `make PYTHON=…` overrules.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)
BIN := $(TIEOUT_HOME)/venv/bin
PYTEST_WORKERS ?= 2
ARGS ?=

help:
	@echo 'make run     start everything, load the demo company; Ctrl-C stops it'
	@echo 'make test    every test, on services of its own'
	@echo 'make check   style, types, floors, migrations, templates, deployment settings'
	@echo 'make bench   measure the engine, and its peers beside it'
	@echo 'make audit   known weaknesses of the locked packages (needs the network)'
	@echo 'make lock    lock the dependencies anew'
	@echo 'make reset   forget all data of this run-time folder'

environment:
	@"$(PYTHON)" -c '' 2>/dev/null || { echo 'tieout: no Python 3.11 or newer was found. Install one, or: make PYTHON=/path/to/python3.11' >&2; exit 1; }
	@"$(PYTHON)" config/launcher/prepare.py "$(TIEOUT_HOME)"

run: environment
	@exec "$(BIN)/python" manage.py up

# Browser tests go apart: their driver keeps an event loop running, in which no other test could start its own.
test: environment
	@result=0; \
	"$(BIN)/python" -m pytest -n $(PYTEST_WORKERS) --dist loadgroup -m 'not browser' $(ARGS) || result=1; \
	"$(BIN)/python" -m pytest -n $(PYTEST_WORKERS) --dist loadgroup -m browser $(ARGS) || result=1; \
	exit $$result

check: environment
	@exec "$(BIN)/python" -m config.check

bench: environment
	@"$(PYTHON)" config/launcher/prepare.py "$(TIEOUT_HOME)/bench" tests/bench/requirements.lock
	@exec "$(BIN)/python" -m tests.bench $(ARGS)

audit: environment
	@exec "$(BIN)/pip-audit" --requirement requirements.lock --disable-pip --require-hashes

LOCK := "$(BIN)/uv" pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-annotate --no-header --quiet
lock: environment
	@$(LOCK) pyproject.toml --group dev --output-file requirements.lock $(ARGS)
	@$(LOCK) --group pyproject.toml:bench --constraint requirements.lock --output-file tests/bench/requirements.lock $(ARGS)
	@$(LOCK) apps/sandbox/tryton/requirements.in --output-file apps/sandbox/tryton/requirements.lock $(ARGS)

reset:
	@if [ -x "$(BIN)/python" ]; then exec "$(BIN)/python" manage.py reset $(if $(FORCE),--force); \
		else echo 'Nothing to forget: Tieout never ran here.'; fi
