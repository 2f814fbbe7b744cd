# Two commands matter: `make serve` runs Fenfa, `make test` checks everything. Both set up what they need.
PYTHON ?= python3
HOST ?=
PORT ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
SCRIPTS := tools/make-reference tools/make-translations tools/make-screenshots tools/check-templates
OTHERS := tools/run-other-engines $(BIN)/pytest -n 3 --dist worksteal
unexport PYTHONDONTWRITEBYTECODE # without compiled modules every start takes a third longer
.DEFAULT_GOAL := help
.PHONY: soak test-matrix texts screenshots translations fuzz help serve test setup setup-dev packages check format lint types imports reference bench lock dist clean FORCE

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

serve: $(VENV)/.serve ## set up and run the server (HOST=0.0.0.0 for your network, PORT=8000)
	@exec $(BIN)/fenfa serve $(if $(HOST),--host $(HOST)) $(if $(PORT),--port $(PORT))

test: packages check ## set up and run every check
	@$(BIN)/pytest -n 3 --dist worksteal
	@FENFA_TEST_ENGINE=postgresql FENFA_TEST_STORAGE=s3 $(BIN)/pytest -n 3 --dist worksteal tests/web -m "contract and not journey"

test-matrix: packages ## run all tests of tests/web on SQLite and PostgreSQL, with builds on the disk and in a bucket
	@$(BIN)/pytest -n 3 --dist worksteal tests/web -m "not journey"
	@$(OTHERS) tests/web -m "not journey"

soak: packages ## kill and damage engines under load for MINUTES=60; prints the seed that FENFA_SOAK_SEED repeats
	@FENFA_SOAK_MINUTES=$(or $(MINUTES),60) $(BIN)/pytest -s tests/journeys/test_chaos.py

check: format lint types imports texts ## format, lint, types, import contracts, translations

format: $(VENV)/.dev
	@$(BIN)/ruff format --check . $(SCRIPTS)

lint: $(VENV)/.dev
	@$(BIN)/ruff check . $(SCRIPTS)

types: $(VENV)/.dev
	@$(BIN)/mypy
	@for script in $(SCRIPTS); do $(BIN)/mypy $$script || exit 1; done

imports: $(VENV)/.dev
	@$(BIN)/lint-imports --no-cache

texts: $(VENV)/.dev
	@$(BIN)/python tools/check-templates
	@$(BIN)/python tools/make-translations --check

reference: $(VENV)/.dev ## make docs/reference anew from the code
	@$(BIN)/python tools/make-reference

translations: $(VENV)/.dev ## bring the catalogue of texts up to date and say what is not translated
	@$(BIN)/python tools/make-translations

screenshots: packages ## a picture of every page, light and dark, wide and phone, in each language (ONLY=words of addresses)
	@$(BIN)/python tools/make-screenshots $(ONLY)

bench: packages $(VENV)/androguard/.done ## measure speed and memory beside their limits
	@$(BIN)/python -m bench

$(VENV)/androguard/.done: requirements/androguard.lock | $(VENV)/.dev
	@$(PYTHON) -m venv $(VENV)/androguard
	@$(VENV)/androguard/bin/pip --disable-pip-version-check --quiet install --require-hashes -r $<
	@touch $@

packages: $(VENV)/.dev
	@tools/install-test-packages

setup: $(VENV)/.serve ## only set up what serving needs

setup-dev: $(VENV)/.dev ## only set up what the checks need

# An environment that cannot run, or whose last installation was cut off, is made anew.
$(VENV)/.made: $(if $(shell test -x $(BIN)/python -a ! -e $(VENV)/.installing && echo whole),,FORCE)
	@echo 'setting up $(VENV), once; this takes up to a minute'
	@tools/install-venv $(PYTHON) $(VENV)
	@touch $@

$(VENV)/.serve: requirements/serve.lock pyproject.toml $(VENV)/.made
	@touch $(VENV)/.installing
	@$(PIP) install --require-hashes -r requirements/serve.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@rm $(VENV)/.installing
	@touch $@

$(VENV)/.dev: requirements/dev.lock pyproject.toml $(VENV)/.made
	@touch $(VENV)/.installing
	@$(PIP) install --require-hashes -r requirements/dev.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@rm $(VENV)/.installing
	@touch $@ $(VENV)/.serve

fuzz: $(VENV)/.dev ## damage packages of every format for SECONDS=60 each and watch the readers
	@$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),60)

lock: ## make the lock files anew (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header -q --upgrade pyproject.toml --extra postgresql --group build -o requirements/serve.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header -q --upgrade -c requirements/serve.lock pyproject.toml --extra postgresql --group build --group dev -o requirements/dev.lock

dist: $(VENV)/.dev ## build wheel and sdist
	@$(BIN)/python -m build --no-isolation

clean: ## remove what was built (never your data)
	rm -rf $(VENV) dist build bench/results
