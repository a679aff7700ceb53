# Two commands on a fresh machine (Python 3.11+ and make): `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# The speed of an install is in compiling bytecode once, not at each start.
export UV_COMPILE_BYTECODE = 1
export DAGSTER_DISABLE_TELEMETRY = 1

.PHONY: demo test test-all browser dev bench lint format docs clean
.DEFAULT_GOAL := demo

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || (echo "Python 3.11 or newer is needed: make PYTHON=python3.12 demo"; exit 1)
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv --quiet --allow-existing --python $(PYTHON) $(VENV) && \
	  VIRTUAL_ENV=$(VENV) uv pip install --quiet -c constraints.txt -e '.[dev]'; \
	else \
	  $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'; \
	fi
	@touch $@

demo: $(READY)
	@$(BIN)/customer-intel demo

test: $(READY)
	@$(BIN)/python -m pytest -n 2 -q

browser: $(READY)
	@$(BIN)/python -m pytest -q -m browser

test-all: $(READY)
	@$(BIN)/python -m pytest -n 2 -q -m "slow or not slow"

dev: $(READY)
	@$(BIN)/customer-intel dev

bench: $(READY)
	@$(BIN)/python -m customer_intel_tests.bench

lint: $(READY)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

format: $(READY)
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

docs: $(READY)
	@$(BIN)/customer-intel check

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
