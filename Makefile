# make conformance   check the reference runtime (needs root: sudo make conformance)
# make test          the engine's own tests; those that need root are told apart
# make lint          ruff and mypy
# make setup         only the environment; the others do it themselves
#
# TARGET=NAME and ARGS='...' go to `wallbite run`; PYTEST=... goes to pytest instead of tests; PYTHON=... builds the environment.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The system's own Python first: every account can reach it, and a distribution builds it to be fast.
PYTHON ?= $(shell for one in /usr/bin/python3 python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$one" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v "$$one" && break; done)
TARGET ?= reference
ARGS ?=
PYTEST ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# Under sudo the environment is made by the owner of the checkout, so that nothing of root's stays behind in it.
OWNER := $(shell stat -c %u .)
GROUP := $(shell stat -c %g .)
HOME_OF_OWNER := $(shell getent passwd $(OWNER) | cut -d: -f6)
AS_OWNER :=
ifeq ($(shell id -u):$(filter-out 0,$(OWNER)),0:$(OWNER))
AS_OWNER := setpriv --reuid=$(OWNER) --regid=$(GROUP) --clear-groups env HOME=$(or $(HOME_OF_OWNER),/nonexistent)
endif

# What runs as root leaves nothing in the checkout.
QUIETLY := PYTHONDONTWRITEBYTECODE=1 HYPOTHESIS_STORAGE_DIRECTORY=$(VENV)/hypothesis

# make itself ends with 2 whatever failed, so the real code is said.
say_code = code=$$?; [ $$code -eq 0 ] || { echo "wallbite: exit code $$code (make's own is always 2)" >&2; exit $$code; }

.PHONY: help setup as-root conformance test lint clean
.NOTPARALLEL:

help:
	@sed -n '/^#/!q; s/^# \?//p' Makefile

setup: $(STAMP)

$(STAMP): pyproject.toml
	@python="$(PYTHON)"; [ -n "$$python" ] && "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "wallbite: no Python of 3.11 or later with its module ensurepip found (Debian: python3-venv); install one, or: make PYTHON=/path/to/python3" >&2; exit 3; }; \
	[ -x $(BIN)/python ] || $(AS_OWNER) "$$python" -m venv $(VENV) \
		|| { echo "wallbite: the environment could not be made; Debian has it in the package python3-venv" >&2; exit 3; }
	@$(AS_OWNER) $(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,targets]' \
		|| { echo "wallbite: pip could not install the dependencies (see above); it needs a package index that it can reach: check the network, or set PIP_INDEX_URL" >&2; exit 3; }
	@$(AS_OWNER) $(BIN)/python -m compileall -q -j 0 wallbite conformance $(VENV)/lib >/dev/null || true
	@$(AS_OWNER) touch $@

as-root:
	@[ "$$(id -u)" -eq 0 ] || { echo "wallbite: exit code 2: this needs root; run: sudo make conformance" >&2; exit 2; }

conformance: as-root $(STAMP)
	@$(QUIETLY) $(BIN)/python -m wallbite run $(TARGET) $(ARGS) || { $(say_code); }

test: $(STAMP)
	@$(QUIETLY) $(BIN)/python -m pytest $(or $(PYTEST),tests) || { $(say_code); }

lint: $(STAMP)
	@{ $(AS_OWNER) $(BIN)/ruff check . && $(AS_OWNER) $(BIN)/ruff format --check . && $(AS_OWNER) $(BIN)/mypy; } || { $(say_code); }

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .nox build dist wallbite-report wallbite-reports
