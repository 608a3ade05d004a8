"""Estimators by scikit-learn's conventions: ``fit`` searches, the rest asks what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nni_nasplus._lazy import lazy

if TYPE_CHECKING:
    from nni_nasplus.estimators.events import EventClassifier, EventRegressor
    from nni_nasplus.estimators.images import ImageClassifier

__all__ = ["EventClassifier", "EventRegressor", "ImageClassifier"]

__getattr__ = lazy(__name__, {"EventClassifier": "events", "EventRegressor": "events", "ImageClassifier": "images"})
