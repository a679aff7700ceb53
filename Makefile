# Two commands on a fresh machine (Python 3.11+ and make): `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEV := $(VENV)/.ready-dev
SPARK := $(VENV)/.ready-spark
# Of `make slow` and `make faults`: 1 is all, 3 every third test.
SAMPLE ?= 1
comma := ,
# The speed of an install is in compiling bytecode once, not at each start.
export UV_COMPILE_BYTECODE = 1
export DAGSTER_DISABLE_TELEMETRY = 1

.PHONY: demo test test-all nights slow browser faults dev bench lint format docs clean
.DEFAULT_GOAL := demo

# What the night needs, and, on top of it, what tests and lint need: `make demo` does not wait for the latter.
define install
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  (echo "Python 3.11 or newer is needed, for example: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1)
	@echo "setting up $(VENV) ($(1)), once"
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv --quiet --allow-existing --python $(PYTHON) $(VENV) && \
	  VIRTUAL_ENV=$(VENV) uv pip install --quiet -c constraints.txt -e '$(1)'; \
	else \
	  $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet -c constraints.txt -e '$(1)'; \
	fi
	@touch $@
endef

$(READY): pyproject.toml constraints.txt
	$(call install,.)

$(DEV): $(READY)
	$(call install,.[dev])

# Spark is 450 MB: only what compares with it waits for it.
$(SPARK): $(DEV)
	$(call install,.[dev$(comma)spark])

demo: $(READY)
	@$(BIN)/customer-intel demo

# A file stays with one worker, so that what its tests share is made once.
test: $(DEV)
	@$(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder -q \
	  --ignore customer_intel_tests/browser

# Whole nights one after the other, closed gates, and what other tools read of the releases.
nights: $(DEV)
	@$(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder -q -m "nights and not faults and not slow" \
	  customer_intel_tests

# Minutes, not seconds: long properties, whole nights over every vendor and data set, every SQL table on Spark (Java).
# `make slow SAMPLE=3` runs every third of them; which ones follows from the commit.
slow: $(SPARK)
	@$(BIN)/python -m pytest -n 2 --dist loadscope -q -m "slow and not browser and not faults" \
	  --sample $(SAMPLE) customer_intel_tests

browser: $(DEV)
	@$(BIN)/python -m pytest -q -m browser

# Not in parallel: each test has its own processes, and some count what they get done beside others.
faults: $(DEV)
	@$(BIN)/python -m pytest -q -m faults --sample $(SAMPLE) customer_intel_tests

test-all: browser faults slow nights test

dev: $(READY)
	@$(BIN)/customer-intel dev

bench: $(DEV)
	@$(BIN)/python -m customer_intel_tests.bench

lint: $(DEV)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

format: $(DEV)
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

docs: $(READY)
	@$(BIN)/customer-intel docs

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
