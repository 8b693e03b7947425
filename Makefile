# Two commands set everything up: `make demo` and `make test`. Everything else is for people who change smtune.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test test-docker test-sdk lint types imports check format test-lowest benchmarks clean

demo: $(VENV)/.demo
	@$(BIN)/python examples/breast_cancer/prepare.py
	@SMTUNE_HOME=.demo $(BIN)/smtune run examples/breast_cancer/tuning.yaml --name demo-$$(date +%y%m%d-%H%M%S)
	@echo 'To look around: export SMTUNE_HOME="$(CURDIR)/.demo" PATH="$(CURDIR)/$(BIN):$$PATH"; smtune list'

test: $(VENV)/.dev
	$(BIN)/pytest -n auto --dist loadfile

# Trainings in containers, beside an engine of Docker that is started for this, or the one that DOCKER_HOST names.
test-docker: $(VENV)/.dev
	@$(BIN)/python -m tests.docker $(BIN)/pytest -m docker tests/docker || [ $$? -eq 77 ]

# Unmodified clients of AWS against the emulator, each in an environment of its own.
test-sdk: $(VENV)/.dev
	@$(MAKE) --no-print-directory -j3 .venv-sdk3/.installed .venv-sdk2/.installed .venv-awscli/.installed
	SMTUNE_TEST_SDK=1 $(BIN)/pytest tests/sdk

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

imports: $(VENV)/.dev
	$(BIN)/lint-imports

check: test lint types imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The oldest versions that smtune promises to work with.
test-lowest: .venv-lowest/.dev
	.venv-lowest/bin/pytest

benchmarks: $(VENV)/.benchmarks
	$(BIN)/python benchmarks/overhead.py
	$(BIN)/python benchmarks/launch.py
	$(BIN)/python -m benchmarks.search
	$(BIN)/python -m benchmarks.fidelity
	$(BIN)/python -m benchmarks.amt
	$(BIN)/python -m benchmarks.training_jobs
	$(BIN)/python -m benchmarks.emulator

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "smtune needs Python 3.11 or newer; try: make PYTHON=python3.12 demo")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml | $(BIN)/python
	@echo 'Installing smtune, XGBoost and scikit-learn into $(VENV); this takes about a minute.'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	@echo 'Installing smtune and what its tests need into $(VENV); this takes a minute or two.'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/.demo

$(VENV)/.benchmarks: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[benchmarks]'
	@touch $@

.venv-lowest/.dev: pyproject.toml tests/lowest-versions.txt
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check -e '.[dev]' -c tests/lowest-versions.txt
	@touch $@

.venv-%/.installed: tests/sdk/environments/%.txt
	@echo 'Installing $(shell cat $<) into .venv-$*; the SageMaker SDK takes a minute or two.'
	@$(PYTHON) -m venv .venv-$*
	@.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip && \
		.venv-$*/bin/python -m pip install --quiet --no-compile -r $< || \
		{ echo 'make test-sdk: $(shell cat $<) cannot be installed; it needs a package index.' >&2; exit 1; }
	@touch $@

clean:
	rm -rf .venv .venv-lowest .venv-sdk2 .venv-sdk3 .venv-awscli .demo
