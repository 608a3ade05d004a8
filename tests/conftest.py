"""Shared data: one prepared cache for the tests that train."""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: tests share the machine's cores with what they start

import signal
from collections import Counter
from pathlib import Path

import known_entry_points  # noqa: F401 - before Lightning, which takes the function by its name
import pytest
import torch
from callees import starts_processes
from shopping import COLUMNS, shopping

torch.set_num_threads(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that start processes; files with many of them come first, so that none runs alone at the end."""
    weights: Counter[Path] = Counter()
    for item in items:
        fixtures = [definition.func for found in item._fixtureinfo.name2fixturedefs.values() for definition in found]
        if starts_processes([item.function, *fixtures]):
            item.add_marker(pytest.mark.process)
        weights[item.path] += 10 * ("nni" in item.keywords) + ("process" in item.keywords)
    items.sort(key=lambda item: -weights[item.path])


@pytest.fixture(autouse=True)
def interruptible() -> None:
    """Let processes that a test starts be interrupted, also where the tests run in the background of a shell."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def cache(tmp_path_factory) -> Path:
    """A prepared cache of :func:`shopping`."""
    from nni_nasplus.data.events import prepare

    return prepare(*shopping(), **COLUMNS, out=tmp_path_factory.mktemp("shopping") / "data", progress=False)


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> Path:
    """A folder with :func:`shopping` as files of tables."""
    folder = tmp_path_factory.mktemp("tables")
    events, labels = shopping()
    events.to_csv(folder / "events.csv", index=False)
    labels.to_parquet(folder / "labels.parquet")
    return folder
