# Commands for common tasks; `make help` lists them.
# They run in .venv. The first use of a command installs what it needs, and a change of the requirements updates it.

.DEFAULT_GOAL := help
SIZE ?= small
ARGS ?=
CASES ?= 100
SEED ?=
DURATION ?= 600

# Each process would compile all sources again: 0.3 s of CPU, and the tests start hundreds.
unexport PYTHONDONTWRITEBYTECODE

# The first Python on PATH that is new enough and can create virtual environments.
USABLE = import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c '$(USABLE)' 2>/dev/null && { echo $$python; break; }; done)
VENV := .venv/bin
# The installed sets of requirements: the service with embedded servers, demo data, all tools of development, and those
# that check and lock what is delivered.
RUN := .venv/.run
DEMO := .venv/.demo
DEV := .venv/.dev
TOOLS := .data/check-deploy/venv/.tools
TOOL := $(dir $(TOOLS))bin
DOCS := .data/docs/venv/.docs

.PHONY: help run run-production test coverage test-long fuzz check format demo roles migrate migration audit export \
	import doctor events er entity api-key api-key-rotate api-key-revoke api-keys bench-hot bench-hot-product bench-peers \
	bench-lists bench-capacity bench-defaults bench-memory bench-compression bench-events bench-bulk bench-attacks load \
	load-highest scale-demo clients clients-python clients-typescript clients-postman console screenshots docs \
	lock sbom check-deploy image-test clean clean-data

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Like `python main.py`, but faster: the parent process does not import the application.
run: $(RUN) ## Run the API for development: one worker, hot reload, its own PostgreSQL and Valkey
	@$(VENV)/python -m infrastructure.server.launcher

run-production: $(RUN) ## Run the API with many workers
	@$(VENV)/python run_production.py

# Two processes, each with servers of its own, because tests of outages mostly wait.
ALL_TESTS := -m "not long" -n 2 --dist loadfile

test: $(DEV) ## Run the tests (ARGS="-k name" selects tests, and runs them in one process)
	@$(VENV)/python -m pytest $(or $(ARGS),$(ALL_TESTS))

coverage: $(DEV) ## Run the tests and show the lines that none executes
	@$(VENV)/python -m pytest $(ALL_TESTS) --cov --cov-report=term --cov-fail-under=95

test-long: $(DEV) ## Run the tests that kill members of groups: replicas, Sentinels, clusters, workers (10 minutes)
	@$(VENV)/python -m pytest -m long -n 2 --dist loadfile

# ARGS=--authenticated uses AUTH_MODE=both and an admin token; other arguments go to Schemathesis.
fuzz: $(DEV) ## Fuzz the service for responses that contradict /openapi.json (CASES= DURATION= SEED=)
	@$(VENV)/python -m tests.fuzz --cases $(CASES) --seconds $(DURATION) $(if $(SEED),--seed $(SEED)) $(ARGS)

check: $(DEV) ## Check format, lint rules, types, import rules and locks
	@$(VENV)/isort --check-only .
	@$(VENV)/black --check .
	@$(VENV)/flake8 .
	@$(VENV)/ruff check .
	@$(VENV)/mypy .
	@$(VENV)/lint-imports --no-cache
	@$(VENV)/python scripts/lock.py --check

format: $(DEV) ## Format the code and apply lint fixes
	@$(VENV)/ruff check --fix --exit-zero --quiet .
	@$(VENV)/isort --quiet .
	@$(VENV)/black --quiet .

demo: $(DEMO) ## Fill the shop with demo data (SIZE=small|medium|large)
	@./shop demo --size $(SIZE) $(ARGS)

# The password of the administrator comes from PGPASSWORD or ~/.pgpass; docs/OPERATIONS.md#roles.
roles: $(RUN) ## Prepare PostgreSQL's two roles as an administrator (admin=postgres)
	@$(VENV)/python -m migrations.roles $(admin) $(ARGS)

migrate: $(RUN) ## Bring the database up to date
	@./shop migrate

migration: $(DEV) ## Write the next migration from the changed models (m="summary")
	@test -n "$(m)" || { echo 'Say what it does: make migration m="add a column"'; exit 1; }
	@$(VENV)/python -m migrations.runner make "$(m)"
	@$(VENV)/black --quiet migrations/versions

er: $(RUN) ## Write docs/ER.md, the diagram of the tables, from the models
	@$(VENV)/python -m scripts.documents.er_diagram

entity: $(DEV) ## Generate an entity (name=supplier fields="name:Name!,city:Text?,product:Product")
	@$(VENV)/python -m scripts.entity "$(name)" "$(fields)"

audit: $(RUN) ## Check that stock, totals, statuses, bills, events and the audit log agree
	@./shop audit $(ARGS)

doctor: $(RUN) ## Check settings, PostgreSQL and Redis, and suggest remedies
	@./shop doctor $(ARGS)

events: $(RUN) ## Print the newest events (ARGS=--follow goes on)
	@./shop events $(ARGS)

export: $(RUN) ## Export a resource into a file (resource=products file=products.csv, or .ndjson)
	@./shop export $(resource) $(file) $(ARGS)

import: $(RUN) ## Import products from a file (file=products.csv ARGS="--dry-run --set-stock")
	@./shop import $(file) $(ARGS)

api-key: $(RUN) ## Create an API key (role=admin, or role=client client=5; scopes= networks= expires= description=)
	@./shop api-key make $(role) $(client) $(addprefix --scope ,$(scopes)) \
		$(addprefix --network ,$(networks)) $(if $(expires),--expires "$(expires)") \
		$(if $(description),--description "$(description)")

api-key-rotate: $(RUN) ## Replace an API key (name=... overlap=86400): the old one stays valid for overlap seconds
	@./shop api-key rotate $(name) $(if $(overlap),--overlap $(overlap))

api-key-revoke: $(RUN) ## Revoke an API key (name=...)
	@./shop api-key revoke $(name)

api-keys: $(RUN) ## List the API keys
	@./shop api-key list

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

bench-compression: $(DEV) ## Measure compressed lists against plain ones
	@$(VENV)/python -m benchmarks.compression

bench-events: $(DEV) ## Measure the cost of the event log for writes
	@$(VENV)/python -m benchmarks.events

bench-bulk: $(DEV) ## Measure batches, exports and imports of a million products (PRODUCTS=)
	@$(VENV)/python -m benchmarks.bulk

bench-memory: $(DEV) ## Measure the workers' memory under load (MINUTES=10)
	@$(VENV)/python -m benchmarks.memory

load: $(DEV) ## Simulate 400 users for a minute (web page: locust -f load_test.py)
	@$(VENV)/python -m benchmarks.load

load-highest: $(DEV) ## Find the highest load that still meets all targets
	@$(VENV)/python -m benchmarks.load highest

scale-demo: $(DEV) ## Kill every kind of server under load, and draw what customers notice
	@$(VENV)/python -m benchmarks.scale_demo

bench-attacks: $(DEV) ## Measure memory and latency under hostile connections and tokens
	@$(VENV)/python -m benchmarks.attacks

clients: clients-python clients-postman clients-typescript ## Generate all client libraries

clients-python: $(DEV) $(TOOLS) ## Generate clients/python from the API description
	@PATH=$(CURDIR)/$(TOOL):$(CURDIR)/$(VENV):$$PATH clients/python/generate.sh $(CURDIR)/$(VENV)/python

clients-postman: $(DEV) ## Generate clients/postman.json, a collection of requests for Postman and Bruno
	@$(VENV)/python -m scripts.documents.postman_collection >clients/postman.json

clients-typescript: $(RUN) ## Generate the types of clients/typescript from the API description (needs Node.js)
	@cd clients/typescript && npm ci --no-audit --no-fund --silent
	@$(VENV)/python -m scripts.documents.client_document > clients/typescript/openapi.json
	@cd clients/typescript && npx openapi-typescript openapi.json --output src/schema.ts && npx tsc
	@cd clients/typescript && sha256sum < openapi.json | cut -d' ' -f1 > openapi.sha256 && rm openapi.json

console: $(RUN) ## Build the shop console, console/, into static/console (needs Node.js)
	@for folder in clients/typescript console; do npm ci --prefix $$folder --no-audit --no-fund --silent || exit 1; done
	@npm run build --prefix console --silent
	@$(VENV)/python -m scripts.documents.console_manifest

screenshots: $(DEV) ## Take the pictures of docs/images from a demo shop (needs Chromium)
	@$(VENV)/python -m scripts.screenshots

# Strict: a link to a missing page or heading is an error.
docs: $(DOCS) ## Build the guide, all documents with a search, which the service shows at /guide
	@NO_MKDOCS_2_WARNING=1 $(dir $(DOCS))bin/mkdocs build --quiet --strict

lock: $(TOOLS) ## Lock the requirements with hashes (ARGS=--upgrade updates indirect ones)
	@PATH=$(CURDIR)/$(TOOL):$$PATH $(PYTHON) scripts/lock.py $(ARGS)

sbom: $(TOOLS) ## Write the bill of materials of the service, sbom.cdx.json (CycloneDX)
	@PATH=$(CURDIR)/$(TOOL):$$PATH deploy/sbom.sh $(PYTHON)

check-deploy: $(DEV) $(TOOLS) ## Check deploy/, the compose files and the Dockerfiles
	@bash deploy/check.sh

image-test: $(DEV) ## Build the production image and run its health check
	@bash deploy/image_test.sh

clean: ## Remove the environment, caches and logs
	@rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache .pytest_cache .hypothesis .coverage htmlcov logs
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

clean-data: ## Remove the data of the embedded servers (stop them first)
	@cd "$${DATA_DIR:-.data}" 2>/dev/null && rm -rf postgres postgres-* valkey password* lock || true

$(RUN): locks/run.lock requirements.txt requirements-run.txt
$(DEMO): locks/demo.lock requirements.txt requirements-run.txt requirements-demo.txt
$(DEV): locks/dev.lock requirements.txt requirements-run.txt requirements-demo.txt requirements-dev.txt
$(TOOLS): locks/tools.lock
$(DOCS): locks/docs.lock requirements-docs.txt
$(RUN) $(DEMO) $(DEV) $(TOOLS) $(DOCS):
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with venv is needed. \
	On Debian and Ubuntu: apt install python3-venv. Elsewhere: https://www.python.org/downloads/"; exit 1; }
	@scripts/install.sh $(@F:.%=%) $(PYTHON)
