"""A search of TE-NAS from beginning to end."""

from __future__ import annotations

import pytest
from te_nas_searches import made, trained


@pytest.fixture(scope="session")
def whole():
    return trained(made(repeats=2))
