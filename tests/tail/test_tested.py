"""The interval of a test score: that of other examples of the same kind."""

from __future__ import annotations

import numpy as np
import pytest

from nni_nasplus.tail import tested
from nni_nasplus.tail.tested import bootstrap_interval
from nni_nasplus.training.predictions import Predictions


@pytest.fixture(autouse=True)
def all_draws(monkeypatch):
    monkeypatch.setattr(tested, "DRAWS", 200)


def right(count, total):
    """Predictions of two classes, of each of which so many are right."""
    labels = np.repeat([0, 1], total)
    said = np.where(np.tile(np.arange(total) < count, 2), labels, 1 - labels)
    return Predictions(np.eye(2, dtype=np.float32)[said], labels)


def accuracy(predictions):
    return float((predictions.outputs.argmax(-1) == predictions.labels).mean())


def test_the_interval_of_an_accuracy_is_that_of_the_normal_distribution():
    low, high = bootstrap_interval(right(200, 250), accuracy, np.random.default_rng(0))
    error = (0.8 * 0.2 / 500) ** 0.5
    assert (low, high) == pytest.approx((0.8 - 1.96 * error, 0.8 + 1.96 * error), abs=0.5 * error)


def test_every_resample_has_as_many_of_each_class():
    seen = []

    def noted(predictions):
        seen.append(tuple(np.bincount(predictions.labels)))
        return 0.0

    predictions = Predictions(np.zeros((7, 2), np.float32), np.array([0, 1, 1, 0, 1, 1, 1]))
    bootstrap_interval(
        predictions, lambda p: seen.append(tuple(np.bincount(p.labels))) or 0.0, np.random.default_rng(0)
    )
    assert seen == [(2, 5)] * 200


def test_a_score_without_spread_has_no_width():
    assert bootstrap_interval(right(9, 9), accuracy, np.random.default_rng(0)) == (1.0, 1.0)


def test_the_interval_of_the_error_of_a_number_has_a_width():
    labels = np.linspace(0, 1, 100, dtype=np.float32)
    said = Predictions(labels[:, None] + np.random.default_rng(0).normal(0, 1, (100, 1)).astype(np.float32), labels)
    low, high = bootstrap_interval(
        said, lambda p: float(np.square(p.outputs[:, 0] - p.labels).mean() ** 0.5), np.random.default_rng(0)
    )
    assert low < 1 < high
    assert 0.1 < high - low < 0.5
