"""Workers find the search of digits."""

from __future__ import annotations

import pytest
from places import HELPERS


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(HELPERS))
    monkeypatch.syspath_prepend(str(HELPERS))
