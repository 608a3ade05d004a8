"""The published recipes."""

from __future__ import annotations

import gzip
import json

import pytest
from events_data import data_path


@pytest.fixture(scope="session")
def published() -> list[dict]:
    with gzip.open(data_path("nas/nbnlp_wikitext2.jsonl.gz"), "rt") as lines:
        return [json.loads(line) for line in lines]
