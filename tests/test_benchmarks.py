"""The benchmarks, which are scripts that take from each other."""

from __future__ import annotations

import importlib

import pytest
from places import ROOT

SCRIPTS = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py"))


@pytest.mark.system
@pytest.mark.filterwarnings("ignore")
def test_every_benchmark_finds_what_it_takes_from_others():
    for name in SCRIPTS:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as missing:  # such as a peer, which only its benchmark needs
            assert missing.name not in SCRIPTS, f"{name}: {missing}"
