# Everything here sets itself up: a machine with python3 and make is enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
KEEP ?=
# The tests start many hundreds of processes: without compiled files, each would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install demo test browser fonts proxies promtool azurite deployment screenshots chaos check format bench lock clean
.DEFAULT_GOAL := install

install: $(VENV)/.installed

$(VENV)/.installed: requirements-dev.lock pyproject.toml src/spark_assets/__init__.py
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements-dev.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: install
	@$(BIN)/spark-assets demo $(if $(KEEP),--keep)

test: install browser proxies promtool deployment
	$(BIN)/python -m pytest --numprocesses=2 --dist=loadscope --no-loadscope-reorder

# The console's tests drive a real browser; without one they are skipped, and say so at the end of the run.
browser:
	@if command -v chromium >/dev/null; then :; \
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  echo "installing chromium for the tests of the console" >&2; \
	  { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends chromium; } \
	    >/dev/null 2>&1 || echo "chromium cannot be installed here: the tests of the console are skipped" >&2; \
	else echo "there is no chromium: the tests of the console are skipped; as root, apt-get install chromium" >&2; fi

# The samples of deploy/ run under the proxies that they are for. Unpacked, not installed: nothing of it starts by itself.
PROXIES := $(VENV)/proxies
proxies: install
	@if { command -v nginx || test -x /usr/sbin/nginx -o -x $(PROXIES)/usr/sbin/nginx; } >/dev/null && \
	  { command -v caddy || test -x $(PROXIES)/usr/bin/caddy; } >/dev/null; then :; \
	elif command -v apt-get >/dev/null && mkdir -p $(PROXIES) && cd $(PROXIES) && \
	  { apt-get -qq download nginx caddy || { apt-get -qq update && apt-get -qq download nginx caddy; }; } >/dev/null 2>&1; then \
	  for package in *.deb; do dpkg-deb --extract "$$package" .; done; rm *.deb; \
	else echo "nginx and caddy cannot be had here: the tests behind them are skipped" >&2; fi

# Judges the alerts and the queries of deploy/. Of its package nothing else is unpacked, for that is a hundred megabytes.
promtool: install
	@if command -v promtool >/dev/null || test -x $(PROXIES)/usr/bin/promtool; then :; \
	elif command -v apt-get >/dev/null && mkdir -p $(PROXIES)/promtool && cd $(PROXIES)/promtool && \
	  { apt-get -qq download prometheus || { apt-get -qq update && apt-get -qq download prometheus; }; } >/dev/null 2>&1; then \
	  mkdir -p ../usr/bin; dpkg-deb --fsys-tarfile prometheus_*.deb | tar --extract --directory .. ./usr/bin/promtool; rm prometheus_*.deb; \
	else echo "promtool cannot be had here: the tests of alerts and queries are skipped" >&2; fi

deployment: $(VENV)/.deployment

$(VENV)/.deployment: requirements-deployment.lock $(VENV)/.installed
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --requirement requirements-deployment.lock && touch $@ || \
	  echo "what judges the files of deploy/ cannot be had here: their tests are skipped" >&2

# The emulator of Azure Blob Storage is a program of Node, taken as the lock beside it says. Its hundreds of packages can take minutes
# to arrive, which `make test` does not wait for: its tests are skipped, and say so, until this has been run once.
azurite: install
	@if cmp -s tests/azurite/package-lock.json $(VENV)/azurite/package-lock.json && test -x $(VENV)/azurite/node_modules/.bin/azurite-blob; then :; \
	elif command -v npm >/dev/null; then \
	  echo "installing the emulator of Azure Blob Storage for the tests" >&2; \
	  mkdir -p $(VENV)/azurite && cp tests/azurite/package.json tests/azurite/package-lock.json $(VENV)/azurite/; \
	  npm ci --prefix $(VENV)/azurite --silent --ignore-scripts --no-audit --no-fund \
	    || echo "the emulator of Azure Blob Storage cannot be installed here: its tests stay skipped" >&2; \
	else echo "there is no npm: the tests of Azure Blob Storage stay skipped" >&2; fi

# Without letters for Chinese a picture shows boxes in their places.
fonts:
	@if ! command -v fc-list >/dev/null || fc-list :lang=zh | grep -q .; then :; \
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  echo "installing letters for Chinese for the pictures" >&2; \
	  { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends fonts-wqy-microhei; } \
	    >/dev/null 2>&1 || echo "letters for Chinese cannot be installed here: pictures show boxes in their places" >&2; \
	else echo "there are no letters for Chinese: pictures show boxes in their places; as root, apt-get install fonts-wqy-microhei" >&2; fi

screenshots: install browser fonts
	$(BIN)/python scripts/screenshots.py

# What takes longer than a run of the tests may: hundreds of kills, thousands of broken files. Figures are printed at the end.
chaos: install
	$(BIN)/python -m pytest -m chaos -rP --numprocesses=2 --dist=loadscope

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install
	$(BIN)/python -m bench.compare

# The locks hold versions and hashes, and no address of a registry.
lock:
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	  pyproject.toml --output-file requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	  pyproject.toml --extra traces --constraint requirements.lock --output-file requirements-image.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	  pyproject.toml --group dev --output-file requirements-dev.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	  --group deployment --constraint requirements-dev.lock --output-file requirements-deployment.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
