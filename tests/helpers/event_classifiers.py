"""Searches of :func:`shopping` as estimators, each as short as it gets."""

from __future__ import annotations

from shopping import shopping

from nni_nasplus import EventClassifier

EVENTS, LABELS = shopping()
LOYAL = LABELS.set_index("user")["loyal"]


def classifier(**parameters) -> EventClassifier:
    """Two random architectures, an epoch each; without a word."""
    quick = {"strategy": "random", "trials": 2, "epochs": 1, "network": {"hidden": 8}, "verbose": False}
    return EventClassifier(**{"id": "user", "time": "day", **quick, **parameters})
