"""Searches of :func:`shopping` as estimators, each as short as it gets."""

from __future__ import annotations

from quick_tails import QUICK
from shopping import shopping

from nni_nasplus import EventClassifier

EVENTS, LABELS = shopping()
LOYAL = LABELS.set_index("user")["loyal"]


def classifier(**parameters) -> EventClassifier:
    """Two random architectures, an epoch each, and a quick tail; without a word."""
    quick = {"strategy": "random", "trials": 2, "epochs": 1, "network": {"hidden": 8}, "verbose": False}
    search = {**QUICK, **parameters.pop("search", {})}
    return EventClassifier(**{"id": "user", "time": "day", **quick, **parameters}, search=search)
