# Everything here needs Python 3.11+ and make; the targets install the rest into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.locked

.DEFAULT_GOAL := help
.PHONY: help venv run report ci test fuzz coverage lint format bench lock clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

venv: $(STAMP) ## build the locked environment in .venv

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "phasegate needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

GATES ?= m4

run: $(STAMP) ## run the gates on the embedded platform and print the verdict board
	$(BIN)/pytest -m "$(GATES)"

LEGS ?= runs/ci/$(shell date -u +%Y%m%dT%H%M%SZ)

ci: $(STAMP) ## the legs of the CI pipeline, here: each phase on the evidence of the one before, then all of them judged
	$(BIN)/phasegate legs all --legs="$(LEGS)"

RESULTS ?= allure-results
REPORT ?= allure-report
NODE_PARTS := tools/report/node_modules/.locked

report: $(STAMP) $(NODE_PARTS) ## run the gates, and build and look at Allure's report of them (needs Node 20+ and Chromium)
	-$(BIN)/pytest -m "$(GATES)" --alluredir=$(RESULTS) --clean-alluredir
	node tools/report/build.mjs $(RESULTS) $(REPORT)
	node tools/report/check.mjs $(REPORT) $(RESULTS) $(REPORT)/screenshots

$(NODE_PARTS): tools/report/package-lock.json
	@command -v npm > /dev/null || { echo "make report needs Node 20 or newer, with npm: apt-get install nodejs npm"; exit 4; }
	npm ci --prefix tools/report
	@touch $@

test: $(STAMP) ## the whole test suite
	$(BIN)/pytest tests -n 2

fuzz: $(STAMP) ## ten thousand generated events at the ingress handler; for nightly runs
	PHASEGATE_FUZZ_EXAMPLES=10000 $(BIN)/pytest tests/infra/ingress -k crashes_the_handler

coverage: $(STAMP) ## the suite under branch coverage, against the floor
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest tests -n 2
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

WORKFLOWS := $(wildcard .github/workflows/*.yml)

lint: $(STAMP) ## format, lint, types, import contracts, catalogue, workflows
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/phasegate catalog lint
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows $(WORKFLOWS)
	$(BIN)/actionlint -shellcheck= -pyflakes= $(WORKFLOWS)
	$(BIN)/zizmor --offline --quiet --pedantic $(WORKFLOWS)

format: $(STAMP) ## rewrite the sources in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP) ## the benchmarks that the README's figures come from
	$(BIN)/pytest benchmarks -p no:cacheprovider

lock: ## resolve the dependencies anew (needs uv)
	uv pip compile pyproject.toml --group dev --extra platform --extra engine --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --output-file requirements.lock

clean: ## remove the environment and caches; evidence in runs/ stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks build dist
