PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test test-slow lint clean

demo: $(VENV)/demo.stamp
	$(BIN)/nasplus demo

test: $(VENV)/dev.stamp lint
	$(BIN)/pytest -m "not slow"

test-slow: $(VENV)/dev.stamp
	$(BIN)/pytest

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	rm -rf build/typed && $(BIN)/python setup.py --quiet build --build-lib build/typed
	cd build/typed && ../../$(BIN)/mypy --config-file ../../pyproject.toml -p nni_nasplus

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo.stamp: setup.py constraints.txt | $(VENV)/bin/python
	$(INSTALL) -e ".[demo]"
	touch $@

$(VENV)/dev.stamp: setup.py constraints.txt | $(VENV)/bin/python
	$(INSTALL) -e ".[dev,demo,optuna,onnx]"
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info
