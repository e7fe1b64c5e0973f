# Commands for common tasks; `make help` lists them.
# They run in .venv. The first use of a command installs what it needs, and a change of the requirements updates it.

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
# The installed sets of requirements: the service with embedded servers, demo data, and all tools.
RUN := .venv/.run
DEMO := .venv/.demo
DEV := .venv/.dev

.PHONY: help run run-production test fuzz check format demo migrate migration audit api-key api-key-revoke api-keys \
	bench-hot bench-hot-product bench-peers bench-lists bench-capacity bench-defaults bench-memory load load-highest check-deploy image-test clean clean-data

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Like `python main.py`, but faster: the parent process does not import the application.
run: $(RUN) ## Run the API for development: one worker, hot reload, its own PostgreSQL and Valkey
	@$(VENV)/python -m infrastructure.server.launcher

run-production: $(RUN) ## Run the API with many workers
	@$(VENV)/python run_production.py

# Two processes, each with servers of its own, because tests of outages mostly wait.
test: $(DEV) ## Run the tests with coverage (ARGS="-k name" selects tests, in one process and without coverage)
	@$(VENV)/python -m pytest $(or $(ARGS),--cov --cov-report=term -n 2 --dist loadfile)

# ARGS=--authenticated uses AUTH_MODE=both and an admin key; other arguments go to Schemathesis.
fuzz: $(DEV) ## Fuzz the service for responses that contradict /openapi.json (CASES= DURATION= SEED=)
	@$(VENV)/python -m tests.fuzz --cases $(CASES) --seconds $(DURATION) $(if $(SEED),--seed $(SEED)) $(ARGS)

check: $(DEV) ## Check format, lint rules, types and import rules
	@$(VENV)/isort --check-only .
	@$(VENV)/black --check .
	@$(VENV)/flake8 .
	@$(VENV)/ruff check .
	@$(VENV)/mypy .
	@$(VENV)/lint-imports --no-cache

format: $(DEV) ## Format the code and apply lint fixes
	@$(VENV)/ruff check --fix --exit-zero --quiet .
	@$(VENV)/isort --quiet .
	@$(VENV)/black --quiet .

demo: $(DEMO) ## Fill the shop with demo data (SIZE=small|medium|large)
	@$(VENV)/python -m scripts.demo --size $(SIZE) $(ARGS)

migrate: $(RUN) ## Bring the database up to date
	@$(VENV)/python -m migrations.runner

migration: $(DEV) ## Write the next migration from the changed models (m="summary")
	@test -n "$(m)" || { echo 'Say what it does: make migration m="add a column"'; exit 1; }
	@$(VENV)/python -m migrations.runner make "$(m)"
	@$(VENV)/black --quiet migrations/versions

audit: $(RUN) ## Check that stock, totals, statuses, bills and the audit log agree
	@$(VENV)/python -m scripts.audit

api-key: $(RUN) ## Create an API key (role=admin, or role=client client=5)
	@$(VENV)/python -m scripts.api_key make $(role) $(client)

api-key-revoke: $(RUN) ## Revoke an API key (name=...)
	@$(VENV)/python -m scripts.api_key revoke $(name)

api-keys: $(RUN) ## List the API keys
	@$(VENV)/python -m scripts.api_key list

bench-hot: $(DEV) ## Measure the hot path against common implementations
	@$(VENV)/python -m benchmarks.hot_path

bench-hot-product: $(DEV) ## Measure orders of one hot product against SELECT FOR UPDATE
	@$(VENV)/python -m benchmarks.hot_product

bench-peers: $(DEV) ## Measure the service against its peers
	@$(VENV)/python -m benchmarks.peers

bench-lists: $(DEV) ## Measure lists of a million rows, and costs from 1 k to 1 M rows
	@$(VENV)/python -m benchmarks.lists

bench-capacity: $(DEV) ## Measure throughput by number of workers, and CPU per request
	@$(VENV)/python -m benchmarks.capacity

bench-defaults: $(DEV) ## Measure the shipped defaults: replacement of workers, sizes of the pools
	@$(VENV)/python -m benchmarks.defaults

bench-memory: $(DEV) ## Measure the workers' memory under load (MINUTES=10)
	@$(VENV)/python -m benchmarks.memory

load: $(DEV) ## Simulate 400 users for a minute (web page: locust -f load_test.py)
	@$(VENV)/python -m benchmarks.load

load-highest: $(DEV) ## Find the highest load that still meets all targets
	@$(VENV)/python -m benchmarks.load highest

check-deploy: $(DEV) ## Check deploy/, the compose files and the Dockerfiles
	@bash deploy/check.sh

image-test: $(DEV) ## Build the production image and run its health check
	@bash deploy/image_test.sh

clean: ## Remove the environment, caches and logs
	@rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache .pytest_cache .hypothesis .coverage htmlcov logs
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

clean-data: ## Remove the data of the embedded servers (stop them first)
	@cd "$${DATA_DIR:-.data}" 2>/dev/null && rm -rf postgres postgres-* valkey password lock || true

$(RUN): requirements.txt requirements-run.txt
$(DEMO): requirements.txt requirements-run.txt requirements-demo.txt
$(DEV): requirements.txt requirements-run.txt requirements-demo.txt requirements-dev.txt
$(RUN) $(DEMO) $(DEV):
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with venv is needed. \
	On Debian and Ubuntu: apt install python3-venv. Elsewhere: https://www.python.org/downloads/"; exit 1; }
	@scripts/install.sh $(@:.venv/.%=%) $(PYTHON)
