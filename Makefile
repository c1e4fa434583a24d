# Two commands matter: `make demo` and `make test`. Each sets up what it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := runs/demo
CLUSTERS := runs/clusters
TOURNAMENT := runs/tournament
RECORDED ?= ../shared/conformance
PAPER := runs/fgd
OPENB ?= ../shared/traces/openb
PERF ?= ../shared/scheduler_perf
FAIL_ON ?=
GO ?= go
KUBE := benchmarks/kube_scheduler

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench proof deep warmup sample clusters tournament paper clean kube-scheduler bench-versus

help: ## Show this list.
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: $(VENV)/.core ## Compare policies on the demo scenarios; writes runs/demo/report/index.html.
	$(BIN)/schedbench sweep workloads/demo.yaml --out $(DEMO)

test: $(VENV)/.dev warmup ## Run the tests.
	$(BIN)/pytest -n 2 --dist loadscope

lint: $(VENV)/.dev ## Check style, types and the import rule.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev warmup ## Measure schedbench itself; rewrites reports/performance. FAIL_ON=METRIC:20% compares.
	mkdir -p runs/bench
	@code=0; \
	$(BIN)/python -m benchmarks --scheduler-perf $(PERF) --page reports/performance \
	  $(foreach limit,$(FAIL_ON),--fail-on '$(limit)') || code=$$?; \
	$(BIN)/pytest benchmarks --benchmark-enable --benchmark-only -p no:xdist \
	  --benchmark-json runs/bench/mechanisms.json || code=$$?; \
	$(BIN)/python reports/readme.py --benchmarks runs/bench/mechanisms.json || code=$$?; \
	exit $$code

kube-scheduler: ## Build the real kube-scheduler, v1.34 and v1.37, that `verify` and `bench-versus` ask; needs Go.
	@command -v $(GO) > /dev/null || { echo "error: no Go: kube-scheduler 1.34 needs Go $$(sed -n 's/^go //p' $(KUBE)/go.mod), 1.37 needs Go $$(sed -n 's/^go //p' $(KUBE)/go-1.37.mod) (https://go.dev/dl); nothing else of schedbench does" >&2; exit 2; }
	cd $(KUBE) && $(GO) build -trimpath -o bin/kube-scheduler-1.34 .
	cd $(KUBE) && $(GO) build -modfile=go-1.37.mod -tags kubernetes_1_37 -trimpath -o bin/kube-scheduler-1.37 .

bench-versus: $(VENV)/.dev warmup kube-scheduler ## Measure the real kube-scheduler and schedbench in turn; rewrites the README's table of it.
	$(BIN)/python -m benchmarks.versus --scheduler-perf $(PERF) --table reports/versus.md
	$(BIN)/python reports/readme.py

proof: $(VENV)/.core ## Play recorded decisions by every engine; rewrites reports/conformance.md.
	mkdir -p runs
	$(BIN)/schedbench conformance $(RECORDED) --all-engines --json > runs/conformance.json
	$(BIN)/python reports/readme.py --conformance runs/conformance.json

deep: $(VENV)/.dev warmup ## Run the exhaustive checks; takes hours.
	HYPOTHESIS_PROFILE=deep $(BIN)/pytest -n 2 --dist loadscope -m "deep or not deep"
	NUMBA_BOUNDSCHECK=1 SCHEDBENCH_NO_CACHE=1 $(BIN)/pytest tests/simulation tests/plugins
	NUMBA_BOUNDSCHECK=1 SCHEDBENCH_NO_CACHE=1 $(BIN)/pytest tests/engines -m "not slow"

warmup: $(VENV)/.core ## Compile every kernel once.
	$(BIN)/schedbench warmup

sample: demo ## Rewrite the committed sample report and the README's table of it.
	$(BIN)/python reports/readme.py --demo $(DEMO)

paper: $(VENV)/.core warmup ## Repeat the FGD paper's experiment; rewrites reports/fgd and the README's table of it.
	$(BIN)/schedbench run workloads/fgd.yaml --set data=$(OPENB) --out $(PAPER)
	$(BIN)/python reports/readme.py --fgd $(PAPER)

clusters: $(VENV)/.core warmup ## Play whole clusters; rewrites reports/end-to-end and the README's table.
	$(BIN)/schedbench sweep workloads/end-to-end.yaml --out $(CLUSTERS)
	$(BIN)/python reports/readme.py --clusters $(CLUSTERS)

tournament: $(VENV)/.core ## Compare all policies on all replay scenarios, small; writes runs/tournament/report/index.html.
	$(BIN)/schedbench sweep workloads/tournament.yaml --out $(TOURNAMENT)

clean: ## Remove the environment and all results.
	rm -rf $(VENV) runs

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "schedbench needs Python 3.11 or newer; try: make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

$(VENV)/.core: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/.core
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@
