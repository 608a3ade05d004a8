"""A prepared cache of random events."""

from __future__ import annotations

import pytest
from event_tables import cached, make_events, make_labels


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return cached(make_events(), make_labels(), tmp_path_factory.mktemp("prepared") / "cache")
