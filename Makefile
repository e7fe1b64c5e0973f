# Commands for common tasks; `make help` lists them.
# They run in .venv. The first use creates it, and a change of the requirements updates it.

.DEFAULT_GOAL := help
SIZE ?= small
ARGS ?=
CASES ?= 100
SEED ?=
DURATION ?= 600

# The first Python on PATH that is new enough and can create virtual environments.
USABLE = import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c '$(USABLE)' 2>/dev/null && { echo $$python; break; }; done)
VENV := .venv/bin
READY := .venv/.requirements

.PHONY: help run run-production test fuzz check format demo migrate migration audit api-key api-key-revoke api-keys \
	bench-hot bench-hot-product bench-peers bench-lists bench-capacity bench-memory load load-highest check-deploy image-test clean clean-data

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Like `python main.py`, but faster: the parent process does not import the application.
run: $(READY) ## Run the API for development: one worker, hot reload, its own PostgreSQL and Valkey
	@$(VENV)/python -m infrastructure.server.launcher

run-production: $(READY) ## Run the API with many workers
	@$(VENV)/python run_production.py

test: $(READY) ## Run the tests with coverage (ARGS="-k name" selects tests and omits coverage)
	@$(VENV)/python -m pytest $(or $(ARGS),--cov --cov-report=term)

# ARGS=--authenticated uses AUTH_MODE=both and an admin key; other arguments go to Schemathesis.
fuzz: $(READY) ## Fuzz the service for responses that contradict /openapi.json (CASES= DURATION= SEED=)
	@$(VENV)/python -m tests.fuzz --cases $(CASES) --seconds $(DURATION) $(if $(SEED),--seed $(SEED)) $(ARGS)

check: $(READY) ## Check format, lint rules, types and import rules
	@$(VENV)/ruff format --check .
	@$(VENV)/ruff check .
	@$(VENV)/mypy .
	@$(VENV)/lint-imports --no-cache

format: $(READY) ## Format the code and apply lint fixes
	@$(VENV)/ruff check --fix --exit-zero --quiet .
	@$(VENV)/ruff format .

demo: $(READY) ## Fill the shop with demo data (SIZE=small|medium|large)
	@$(VENV)/python -m scripts.demo --size $(SIZE) $(ARGS)

migrate: $(READY) ## Bring the database up to date
	@$(VENV)/python -m migrations.runner

migration: $(READY) ## Write the next migration from the changed models (m="summary")
	@test -n "$(m)" || { echo 'Say what it does: make migration m="add a column"'; exit 1; }
	@$(VENV)/python -m migrations.runner make "$(m)"
	@$(VENV)/ruff format --quiet migrations/versions

audit: $(READY) ## Check that stock, totals, statuses and bill numbers agree
	@$(VENV)/python -m scripts.audit

api-key: $(READY) ## Create an API key (role=admin, or role=client client=5)
	@$(VENV)/python -m scripts.api_key make $(role) $(client)

api-key-revoke: $(READY) ## Revoke an API key (name=...)
	@$(VENV)/python -m scripts.api_key revoke $(name)

api-keys: $(READY) ## List the API keys
	@$(VENV)/python -m scripts.api_key list

bench-hot: $(READY) ## Measure the hot path against common implementations
	@$(VENV)/python -m benchmarks.hot_path

bench-hot-product: $(READY) ## Measure orders of one hot product against SELECT FOR UPDATE
	@$(VENV)/python -m benchmarks.hot_product

bench-peers: $(READY) ## Measure the service against its peers
	@$(VENV)/python -m benchmarks.peers

bench-lists: $(READY) ## Measure lists of a million rows, and costs from 1 k to 1 M rows
	@$(VENV)/python -m benchmarks.lists

bench-capacity: $(READY) ## Measure throughput by number of workers, and CPU per request
	@$(VENV)/python -m benchmarks.capacity

bench-memory: $(READY) ## Measure the workers' memory under load (MINUTES=10)
	@$(VENV)/python -m benchmarks.memory

load: $(READY) ## Simulate 400 users for a minute (web page: locust -f load_test.py)
	@$(VENV)/python -m benchmarks.load

load-highest: $(READY) ## Find the highest load that still meets all targets
	@$(VENV)/python -m benchmarks.load highest

check-deploy: $(READY) ## Check deploy/, the compose files and the Dockerfiles
	@bash deploy/check.sh

image-test: $(READY) ## Build the production image and run its health check
	@bash deploy/image_test.sh

clean: ## Remove the environment, caches and logs
	@rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache .pytest_cache .hypothesis .coverage htmlcov logs
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

clean-data: ## Remove the data of the embedded servers (stop them first)
	@cd "$${DATA_DIR:-.data}" 2>/dev/null && rm -rf postgres postgres-* valkey password lock || true

$(READY): requirements.txt requirements-dev.txt | $(VENV)/python
	@echo "Installing the requirements into .venv (only when they have changed) ..."
	@$(VENV)/python -m pip install --quiet --no-compile --disable-pip-version-check -r requirements-dev.txt
	@$(VENV)/python -m compileall -q -j 0 .venv/lib >/dev/null 2>&1 || true # pip compiles on one core only
	@touch $@

$(VENV)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with venv is needed. \
	On Debian and Ubuntu: apt install python3-venv. Elsewhere: https://www.python.org/downloads/"; exit 1; }
	@$(PYTHON) -m venv --clear .venv
