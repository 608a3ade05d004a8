"""A package from outside that brings a search of its own."""

from __future__ import annotations

import pytest
from plugged_in import plug_in


@pytest.fixture(autouse=True)
def outside(tmp_path_factory, monkeypatch):
    """Installed, as far as entry points tell."""
    folder = tmp_path_factory.mktemp("installed")
    plug_in(folder, "toy", {"one_shot": {"toy": "toy_one_shot:Toy"}})
    monkeypatch.syspath_prepend(folder)
