# platestream: `make run` shows the pipeline at work, `make test` proves it. Both set up what they need.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# pip's and uv's own words would hide ours
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export UV_NO_PROGRESS := 1
.DEFAULT_GOAL := help
.PHONY: help run test check rules lock soak clean bench-join bench-latency bench-growth bench-updates bench-sink bench-search bench-storage-growth performance performance-storage destruction-proof

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "platestream needs Python 3.11 or newer; name one with PYTHON=..., for example make run PYTHON=python3.12"; exit 2; }
	@echo "setting up $(VENV) (once)"
	@$(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV) || \
	  { echo "Python's venv module does not work here; install it (Debian: python3-venv) and try again"; exit 2; }
	@awk '/^uv==/{p=1} p{print} p&&!/\\$$/{exit}' requirements.lock > $(VENV)/uv.lock
	@$(BIN)/python -m pip install -q --no-deps --require-hashes -r $(VENV)/uv.lock
	@$(BIN)/uv pip sync -q --python $(BIN)/python --require-hashes --compile-bytecode requirements.lock
	@$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@$(BIN)/python -m processors.matching.warming
	@touch $@

run: $(READY) ## start the whole pipeline with a demo fleet; ARGS="--for 30" ends it after 30 s
	@$(BIN)/platestream run $(ARGS)

test: $(READY) ## run all tests, three files at a time; ARGS="-k name" runs some
	@$(BIN)/python -m pytest $(or $(ARGS),-n 3 --dist loadfile --no-loadscope-reorder)

check: $(READY) ## lint, types, sizes, import direction, docs, rules: what CI runs before the tests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m tests.rules --quiet
	@$(BIN)/python -m pytest -q tests/unit/project

destruction-proof: $(READY) ## plates through the whole pipeline, the clock set ahead, then every byte of every file searched
	@$(BIN)/python -m tests.destruction.proof

rules: $(READY) ## print each clause of the order with its code and its test
	@$(BIN)/python -m tests.rules

soak: $(READY) ## the property tests with many random examples, and the long kill runs
	@PLATESTREAM_SOAK=1 $(BIN)/python -m pytest --hypothesis-profile=soak $(ARGS)

bench-join: $(READY) ## reads a second beside Kafka Streams and others; ENTRIES=, READS=, RUNS=, PEERS=all|quick|none
	@$(BIN)/python -m bench.join

bench-latency: $(READY) ## read to alert beside Kafka Streams; ENTRIES=, RATES=1000,10000, DURATION= seconds each, RUNS=, PEERS=all|none
	@$(BIN)/python -m bench.latency

performance: $(READY) ## all three, into docs/performance.md; needs a quiet machine for 40 minutes
	@PAGE=docs/performance.md $(BIN)/python -m bench.join
	@PAGE=docs/performance.md $(BIN)/python -m bench.latency
	@PAGE=docs/performance.md PLOT=docs/performance-growth.svg $(BIN)/python -m bench.growth

bench-growth: $(READY) ## how cost grows with list and workers; STEPS=10000,100000, READS=, RUNS=, PLOT=docs/performance-growth.svg
	@$(BIN)/python -m bench.growth

bench-updates: $(READY) ## how soon a change of the list is in force at full speed; ENTRIES=, READS=
	@$(BIN)/python -m bench.updates

bench-sink: $(READY) ## reads a second from Kafka into ClickHouse, beside ClickHouse alone; READS=, SLOW_READS=, RUNS=
	@$(BIN)/python -m bench.sink

bench-search: $(READY) ## searches through the gateway and of ClickHouse alone; ROWS=, SEARCHES= of each kind
	@$(BIN)/python -m bench.search

bench-storage-growth: $(READY) ## cost of insert, search and disk from 1M to 50M reads; STEPS=1000000,5000000, PLOT=
	@$(BIN)/python -m bench.storage_growth

performance-storage: $(READY) ## both, into docs/performance-storage.md; needs a quiet machine for 15 minutes
	@PAGE=docs/performance-storage.md $(BIN)/python -m bench.sink
	@PAGE=docs/performance-storage.md PLOT=docs/performance-storage.svg $(BIN)/python -m bench.storage_growth

lock: $(READY) ## renew requirements.lock and the lock of the embedded stack's jars
	@$(BIN)/uv pip compile pyproject.toml --extra dev --extra s3 --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" -q -U -o requirements.lock
	@$(BIN)/python -m streams.embedded.lock

clean: ## remove the environment and all data of `make run`
	rm -rf $(VENV) .platestream
