# Two commands for a newcomer: `make demo` and `make test`. Each does all its set-up itself.
PYTHON ?= python3.11
BIN := .venv/bin
ARGS ?=

.PHONY: demo test bench lint packages clean

demo: .venv/ready
	@$(BIN)/doorward demo $(ARGS)

test: packages .venv/ready lint
	$(BIN)/pytest -q $(ARGS)

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: packages .venv/ready
	$(BIN)/python -m tests.bench.bench $(ARGS)

# From the lock alone, with every hash checked; then doorward itself, without looking for more.
.venv/ready: requirements.lock pyproject.toml
	@command -v $(PYTHON) > /dev/null || { echo "doorward needs $(PYTHON): apt-get install python3.11 python3.11-venv, or name another: make PYTHON=…"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# The real servers that the tests run on.
packages:
	@PATH="$$PATH:/usr/sbin"; \
	missing=""; \
	command -v mosquitto > /dev/null || missing="$$missing mosquitto"; \
	command -v victoria-metrics > /dev/null || missing="$$missing victoria-metrics"; \
	command -v chromium > /dev/null || missing="$$missing chromium"; \
	if [ -n "$$missing" ]; then \
		if [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing; \
		else echo "The tests need$$missing. Run: sudo apt-get install$$missing"; exit 1; fi; \
	fi

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
