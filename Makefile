# Two commands: `make run` starts the app, `make test` checks everything.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Where every core runs tests of its own, the threads of a library would only wait for each other.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 OPENCV_FOR_THREADS_NUM=1
# Images of containers often forbid it, and then each of some hundred processes compiles TensorFlow.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run test test-services coverage docs lint types chromium platforms clean

run: $(VENV)/.installed
	$(BIN)/streamlit run Home.py

# Meant for two cores. A browser test mostly waits: one worker of them goes along with three of the
# others, which step back for it, and mypy with the first of them. Only live video in a browser
# (marked `alone`) wants the machine for itself.
test: $(VENV)/.installed-dev lint chromium
	failed=0; pages=$$(mktemp); \
	nice $(BIN)/mypy & types=$$!; \
	$(ONE_THREAD) $(BIN)/python -m pytest -m "not alone" tests/browser >$$pages 2>&1 & browser=$$!; \
	trap 'kill $$types $$browser 2>/dev/null; rm -f $$pages' EXIT; trap 'exit 130' INT TERM; \
	$(ONE_THREAD) nice -n 5 $(BIN)/python -m pytest -n 3 --dist loadfile \
		--ignore=tests/browser --ignore=tests/services || failed=1; \
	wait $$types || failed=1; \
	wait $$browser || failed=1; cat $$pages; \
	$(BIN)/python -m pytest -m alone --rerun-show-tracebacks tests/browser || failed=1; \
	exit $$failed

# What only large installations use: Ray, an object store, PostgreSQL, nginx, sign-on.
test-services: $(VENV)/.installed-services chromium
	@sh tests/ensure_services.sh
	failed=0; \
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not alone" tests/services || failed=1; \
	$(BIN)/python -m pytest -m alone --rerun-show-tracebacks tests/services || failed=1; \
	exit $$failed

# Without the browser tests, whose servers are processes of their own. The floor is in pyproject.toml.
coverage: $(VENV)/.installed-dev
	$(ONE_THREAD) $(BIN)/python -m pytest -n 2 --dist loadfile \
		--ignore=tests/browser --ignore=tests/services \
		--cov=emotion_core --cov-report=term:skip-covered

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell

types: $(VENV)/.installed-dev
	$(BIN)/mypy

# A browser test needs the distribution's Chromium; tests/ensure_chromium.sh says what to do where
# it is missing and cannot be installed.
chromium:
	@sh tests/ensure_chromium.sh

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.installed: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet -r requirements.txt
	@touch $@

# Most of what is installed is never imported: compiling it all takes half of the time.
$(VENV)/.installed-dev: requirements.txt requirements-dev.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --no-compile -r requirements-dev.txt
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-services: requirements-services.txt | $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet --no-compile -r requirements-services.txt
	@touch $@

# Into site/; a broken link or a docstring that cannot be read is an error.
docs: $(VENV)/.installed-dev
	$(BIN)/mkdocs build --strict --clean

platforms: $(VENV)/bin/python
	@sh tests/check_platforms.sh "$(BIN)/python -m pip"

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
