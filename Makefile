# Everything works in a fresh clone with only Python 3.11 or newer: each target sets up what it needs.

PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$name"; break; }; done)
BIN := .venv/bin
# Twice the cores of a small machine: many tests wait, for a time-out, a retry or the database.
JOBS ?= 4
SLOW_JOBS ?= 2
TESTS ?= tests

# The tests start servers and commands a thousand times: without bytecode files each would compile our source again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup docs demo demo-ai test test-slow test-console pictures lint format audit bench gen serve wheel lock clean

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

setup: ## Make .venv from the pinned requirements (the other targets do it by themselves)
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.11 or newer is needed and was not found. Name it: make PYTHON=/path/to/python3" >&2; exit 1; fi
	@$(PYTHON) tools/setup.py

demo: setup ## A CSV becomes a model, a play enriches it and reacts to a changed record; under a minute
	@$(BIN)/python tools/demo.py

demo-ai: setup ## A small real language model on this machine calls a tool and fills a form; builds llama.cpp the first time
	@$(BIN)/python -m tools.demo_ai

test: setup ## The tests, without those that take minutes (TESTS=tests/unit/cli for some of them)
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not slow and not browser" $(TESTS)

# Exit code 5: TESTS may have no tests of one kind. Hypothesis marks property tests, which try all their examples here.
test-slow: setup ## The tests that take minutes: crashes, large batches, the guide, property tests with all their examples
	$(BIN)/python -m pytest -n $(SLOW_JOBS) --dist worksteal -m "(slow or hypothesis) and not alone" \
		--hypothesis-profile="all examples" $(TESTS) || [ $$? = 5 ]
	$(BIN)/python -m pytest -m "slow and alone" $(TESTS) || [ $$? = 5 ]

# Without Chromium nothing is tested, and the last line says what to install.
test-console: setup ## The web console in a real browser: Chromium as the distribution has it, none is downloaded
	$(BIN)/python -m pytest -m browser -rs tests/console/browser

pictures: setup ## Make the pictures of the console for the documentation again (docs/pictures)
	$(BIN)/python -m pytest -m browser tests/console/browser/pictures.py

lint: setup ## ruff, pyright, import-linter, our own lints, and whether generated files are up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml src
	$(BIN)/python -m tools.lint
	$(BIN)/python tools/gen.py --check
	$(BIN)/pyright

format: setup ## Format the source
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

audit: setup ## Known vulnerabilities of everything that is pinned; asks a service in the internet
	$(BIN)/python tools/audit.py

docs: setup ## Build the documentation site into site/; a broken link fails
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

bench: setup ## The benchmarks, printed as JSON
	@$(BIN)/python -m bench

gen: setup ## Write the generated files: the command index, the reference and settings pages
	$(BIN)/python tools/gen.py

serve: setup ## Start a server here, with its data in the default folder
	@$(BIN)/cargo-ai server start

wheel: setup ## Build the wheel into dist/, try it in empty environments and print its path
	$(BIN)/python tools/check_wheel.py

LOCK := $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header --no-emit-index-url --no-emit-trusted-host \
	--no-emit-find-links --no-emit-options

lock: setup ## Pin the requirements again, as pyproject.toml allows (UPGRADE=--upgrade for newer versions)
	$(LOCK) $(UPGRADE) --extra server --constraint requirements/held.txt --output-file requirements/server.txt pyproject.toml
	$(LOCK) $(UPGRADE) --extra billing --constraint requirements/server.txt --output-file requirements/billing.txt pyproject.toml
	$(LOCK) $(UPGRADE) --extra ai --constraint requirements/server.txt --output-file requirements/ai.txt pyproject.toml
	$(LOCK) $(UPGRADE) --extra small-model --constraint requirements/server.txt --constraint requirements/ai.txt --output-file requirements/small-model.txt pyproject.toml
	$(LOCK) $(UPGRADE) --extra aws --extra google --extra azure --constraint requirements/server.txt --output-file requirements/clouds.txt pyproject.toml
	$(LOCK) $(UPGRADE) --extra otel --constraint requirements/server.txt --output-file requirements/otel.txt pyproject.toml
	$(LOCK) $(UPGRADE) --extra sdk --constraint requirements/server.txt --output-file requirements/sdk.txt pyproject.toml
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["dev"], sep="\n")' | \
		$(LOCK) $(UPGRADE) --extra server --extra sdk --extra billing --extra ai --extra pandas --extra polars \
		--extra aws --extra google --extra azure --extra otel --constraint requirements/server.txt --output-file requirements/dev.txt pyproject.toml -
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' | \
		$(LOCK) $(UPGRADE) --constraint requirements/dev.txt --output-file requirements/build.txt -

clean: ## Remove .venv and what tools have left
	rm -rf .venv .venv-small-model build dist site .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
