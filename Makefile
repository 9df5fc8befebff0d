# Every command there is; CI runs the same ones. `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DONE := $(VENV)/.done
TOOLS := $(VENV)/tools
WORKBENCH := src/arc-core/workbench
DIST := src/arc-core/arc_core/web/dist
COLLECTOR := $(VENV)/collector
PACKAGES := src/arc-semconv src/arc-prices src/arc-runtime src/arc-langchain-callbacks src/arc-core src/arc-testing \
            instrumentations/arc-instrumentation-openai instrumentations/arc-instrumentation-langgraph \
            instrumentations/arc-instrumentation-langchain instrumentations/arc-instrumentation-anthropic
IMPORTS := $(foreach package,$(PACKAGES),$(package)/$(subst -,_,$(notdir $(package))))
EDITABLE := -e src/arc-semconv -e src/arc-prices -e 'src/arc-runtime[bundles,prometheus,redaction]' -e 'src/arc-core[demo,server]' -e src/arc-testing \
            -e src/arc-langchain-callbacks \
            -e 'instrumentations/arc-instrumentation-openai[tested]' \
            -e 'instrumentations/arc-instrumentation-anthropic[tested]' \
            -e 'instrumentations/arc-instrumentation-langgraph[tested]' \
            -e 'instrumentations/arc-instrumentation-langchain[tested]'
MANIFESTS := pyproject.toml constraints.txt $(addsuffix /pyproject.toml,$(PACKAGES))

# uv takes the interpreter of the virtual environment, and never fetches another.
export UV_PYTHON_DOWNLOADS := never
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt
# Hundreds of tests start a program: without this each compiles what it imports, where PYTHONDONTWRITEBYTECODE is set.
# Some packages carry files of other Pythons, which do not compile.
COMPILE := $(BIN)/python -m compileall -qq -j 0

.DEFAULT_GOAL := help
.PHONY: help run test live check bench soak collector tools manifests workbench chromium postgres kafka nginx screenshots constraints clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

run: $(DONE)/app $(DIST)/index.html ## the demo: agents, Arc Core and the workbench on this machine; Ctrl-C ends it
	@$(BIN)/arc demo $(ARGS)

test: $(DONE)/dev $(DONE)/oldest $(DIST)/index.html chromium postgres nginx kafka collector tools ## every test, against real servers and a real browser
	$(BIN)/pytest -n 2 --dist loadfile $(ARGS)
	npm --prefix $(WORKBENCH) test

live: $(DONE)/dev ## the examples against OpenAI's own API; needs OPENAI_API_KEY, costs less than a cent
	$(BIN)/pytest tests/live $(ARGS)

check: $(DONE)/dev $(DIST)/index.html ## format, lint, types, imports, dependencies
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	@set -e; for import in $(IMPORTS); do echo "mypy --strict $$import"; $(BIN)/mypy $$import; done
	$(BIN)/mypy docs/examples/*.py
	cd docs/examples/made_up_framework && $(CURDIR)/$(BIN)/mypy --config-file $(CURDIR)/pyproject.toml .
	npx --yes pyright@1.1.414 --project docs/examples
	$(BIN)/lint-imports
	@set -e; for package in $(PACKAGES); do echo "deptry $$package"; \
	  (cd $$package && $(CURDIR)/$(BIN)/deptry --config pyproject.toml $$(basename $$package | tr - _)); done
	npm --prefix $(WORKBENCH) run check

bench: $(DONE)/dev collector ## what Arc costs, beside a span written by hand and its peers, as ratios; ARGS=--no-peers is quicker
	$(BIN)/python tests/bench/run.py $(ARGS)
	$(BIN)/python tests/bench/core.py
	$(BIN)/python tests/bench/collector.py
	case '$(ARGS)' in *--no-peers*) ;; *) $(BIN)/python tests/bench/core_phoenix.py ;; esac

soak: $(DONE)/dev collector kafka ## long runs: memory, kills, overload, a day of traffic; ARGS='--minutes 30' for longer ones of the spool
	$(BIN)/python tests/soak/run.py $(ARGS)
	$(BIN)/python tests/soak/core.py
	ARC_TEST_SPANS=200000 ARC_TEST_AWAY_SECONDS=120 $(BIN)/pytest -n0 --timeout 7200 tests/pipeline/test_delivery.py
	ARC_TEST_SPANS=200000 $(BIN)/pytest -n0 --timeout 3600 -s tests/pipeline/test_kafka.py -k every_acknowledged

tools: $(TOOLS)/helm ## build what checks docker/, with Go: helm, and docker/check; kept in ~/.cache/arc-build

manifests: $(TOOLS)/helm ## write docker/kubernetes from the Helm chart
	PATH=$(CURDIR)/$(TOOLS):$$PATH docker/helm/render.sh

workbench: $(DIST)/index.html ## build the workbench into arc_core

collector: $(COLLECTOR)/otelcol-arc ## build the Collector of collector-config, with Go; kept in ~/.cache/arc-build

screenshots: $(DONE)/dev $(DIST)/index.html chromium ## make the pictures in docs/images from a real run
	$(BIN)/python docs/screenshots.py

# protobuf is held: AutoGen needs 5, and Arc must be installable beside it. constraints-oldest.txt is written by hand.
constraints: $(DONE)/uv ## resolve every version anew
	echo 'protobuf<6' > $(DONE)/held
	$(BIN)/uv pip compile --quiet --no-header --no-annotate --upgrade --group pyproject.toml:dev --group pyproject.toml:beside --all-extras \
	  --constraint $(DONE)/held $(addsuffix /pyproject.toml,$(PACKAGES)) | grep -v '^-e ' > $(DONE)/resolved
	{ cat $(DONE)/resolved; $(BIN)/uv --version | awk '{print "uv==" $$2}'; } | sort > constraints.txt

clean: ## forget what was installed and built
	rm -rf $(VENV) $(DIST) $(WORKBENCH)/node_modules

chromium:
	@command -v chromium >/dev/null || { \
	  echo "installing chromium"; sudo=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	  $$sudo apt-get update -qq && $$sudo apt-get install -y -qq chromium >/dev/null; }

postgres:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || { \
	  echo "installing postgresql"; sudo=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	  $$sudo apt-get update -qq && $$sudo apt-get install -y -qq postgresql >/dev/null; }

kafka: $(DONE)/kafka

# Into a folder of its own first: a broker never runs on half of its jars.
$(DONE)/kafka: tests/kafka/pom.xml
	@major=$$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p'); \
	  command -v mvn >/dev/null && [ "$${major:-0}" -ge 17 ] || { \
	  echo "the tests of the way through Kafka need Java 17 or newer and Maven: install both first" \
	    "(Debian: apt-get install default-jre-headless maven)"; exit 1; }
	@echo "fetching Kafka"
	@rm -rf $(VENV)/kafka $(VENV)/kafka.new; mkdir -p $(DONE)
	@mvn --batch-mode --quiet --no-transfer-progress -Dstyle.color=never --file $< dependency:copy-dependencies \
	  -DoutputDirectory=$(CURDIR)/$(VENV)/kafka.new
	@mv $(VENV)/kafka.new $(VENV)/kafka
	@touch $@

# nginx-light is not to start by itself, as Debian's packages of servers do: RUNLEVEL=1 says that it is no time for it.
nginx:
	@test -x /usr/sbin/nginx || { \
	  echo "installing nginx"; sudo=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	  $$sudo apt-get update -qq && $$sudo env RUNLEVEL=1 apt-get install -y -qq --no-install-recommends nginx-light >/dev/null; }

$(TOOLS)/helm: docker/check/build.sh docker/check/go.mod docker/check/go.sum $(wildcard docker/check/*.go)
	@echo "building what checks docker/ (minutes, the first time)"
	@mkdir -p $(VENV) && built=$$(docker/check/build.sh) && ln -sfn "$$built" $(TOOLS) && touch "$$built"/*

$(DONE)/uv: constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@mkdir -p $(DONE)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	@touch $@

$(DONE)/app: $(DONE)/uv $(MANIFESTS)
	@echo "installing Arc and the demo into $(VENV)"
	@$(UV) $(EDITABLE)
	@touch $@

$(DONE)/dev: $(DONE)/app
	@echo "installing the tools"
	@$(UV) --group dev $(EDITABLE)
	@$(COMPILE) $(VENV)/lib src instrumentations || true
	@touch $@

# The oldest LangGraph, LangChain and Anthropic client that the plugins are for, with what came out along with them.
$(DONE)/oldest: $(DONE)/uv $(MANIFESTS) constraints-oldest.txt
	@echo "installing the oldest versions into $(VENV)/oldest"
	@test -x $(VENV)/oldest/bin/python || $(BIN)/python -m venv --without-pip $(VENV)/oldest
	@$(BIN)/uv pip install --quiet --python $(VENV)/oldest/bin/python --constraint constraints-oldest.txt \
	  -e src/arc-semconv -e src/arc-prices -e src/arc-runtime -e src/arc-langchain-callbacks -e src/arc-core \
	  -e instrumentations/arc-instrumentation-openai -e instrumentations/arc-instrumentation-langgraph \
	  -e instrumentations/arc-instrumentation-langchain -e instrumentations/arc-instrumentation-anthropic \
	  anthropic openai hypothesis pytest pytest-timeout \
	  langgraph langchain langchain-openai langgraph-checkpoint-sqlite langgraph-checkpoint-postgres 'psycopg[binary]'
	@# By itself: it brings the demo along, which is for newer ones.
	@$(BIN)/uv pip install --quiet --python $(VENV)/oldest/bin/python --no-deps -e src/arc-testing
	@$(COMPILE) $(VENV)/oldest/lib || true
	@touch $@

$(COLLECTOR)/otelcol-arc: collector-config/manifest.yaml collector-config/build.sh $(wildcard collector-config/arclimits/* collector-config/arclinks/*)
	@echo "building the Collector (minutes, the first time)"
	@mkdir -p $(VENV) && built=$$(collector-config/build.sh) && ln -sfn "$$built" $(COLLECTOR) && touch $$built/otelcol-arc

$(DIST)/index.html: $(shell find $(WORKBENCH) -type f -not -path '*/node_modules/*')
	@command -v npm >/dev/null || { echo "the workbench is built with Node.js 20 or newer and npm: install both first"; exit 1; }
	@echo "building the workbench"
	@npm --prefix $(WORKBENCH) ci --silent --no-fund --no-audit
	@log=$$(npm --prefix $(WORKBENCH) run --silent build 2>&1) || { echo "$$log"; exit 1; }
	@touch $@
