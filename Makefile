PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt

QUICK := tests/search tests/run tests/drawing tests/data/test_cache.py tests/strategies/test_aging_evolution.py \
	tests/strategies/test_training_free.py tests/test_plugging_in.py

.PHONY: demo quick test test-system test-slow fuzz oldest lint docs clean

demo: $(VENV)/demo.stamp
	$(BIN)/nasplus demo

quick: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/pytest -m "not slow and not system and not nni and not process" -n 2 --dist worksteal $(QUICK)

test: $(VENV)/dev.stamp lint
	$(BIN)/pytest -m "not slow and not system" -n 2 --dist loadfile --no-loadscope-reorder

test-system: $(VENV)/system.stamp oldest
	$(BIN)/pytest -m system -n 2 --dist loadfile --no-loadscope-reorder --reruns 1 -rsR

oldest: $(VENV)/oldest.stamp
	PYTHONPATH=$(VENV)/oldest $(BIN)/pytest tests/hosts/optuna/sampling/test_sampler.py

test-slow: $(VENV)/system.stamp oldest
	$(BIN)/pytest

FUZZ_INPUTS ?= 100000
FUZZ_SEED ?= $(shell date +%s)

fuzz: $(VENV)/dev.stamp
	FUZZ_INPUTS=$(FUZZ_INPUTS) $(BIN)/pytest tests/fuzz -n 2 --dist load --timeout 3600 --timeout-method thread \
		--hypothesis-seed $(FUZZ_SEED)

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	rm -rf build/typed && $(BIN)/python setup.py --quiet build --build-lib build/typed
	cd build/typed && ../../$(BIN)/mypy --cache-dir ../../$(VENV)/mypy --config-file ../../pyproject.toml -p nni_nasplus

docs: $(VENV)/docs.stamp
	$(BIN)/sphinx-build -q -b html -W --keep-going -n docs build/docs

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo.stamp: setup.py constraints.txt | $(VENV)/bin/python
	$(INSTALL) -e ".[demo]"
	touch $@

$(VENV)/oldest.stamp: | $(VENV)/dev.stamp
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --target $(VENV)/oldest optuna==4.8.0
	touch $@

$(VENV)/dev.stamp: setup.py constraints.txt | $(VENV)/bin/python
	$(INSTALL) -e ".[dev,demo,optuna,onnx,plots]"
	touch $@

$(VENV)/system.stamp: $(VENV)/dev.stamp
	$(INSTALL) -e ".[browser,dashboard,postgresql]"
	touch $@

$(VENV)/docs.stamp: $(VENV)/dev.stamp
	$(INSTALL) -e ".[docs]"
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info docs/generated docs/strategies/pages docs/tutorials
