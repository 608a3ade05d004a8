"""Selection on resamples: what every ensemble keeps to, and that it fits the examples less than greed alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from nni_nasplus.ensembles.bagged import LIBRARY, bagged_ensemble
from nni_nasplus.ensembles.greedy import greedy_ensemble
from nni_nasplus.ensembles.resample import resample


def said(rng: np.random.Generator, labels: np.ndarray, sharpness: float) -> np.ndarray:
    return softmax(sharpness * np.eye(2)[labels] + rng.normal(0, 1, (len(labels), 2)), axis=-1)


def accuracy(means: np.ndarray, labels: np.ndarray) -> float:
    return float((means.argmax(-1) == labels).mean())


@settings(max_examples=15)
@given(st.integers(0, 500), st.integers(1, 30), st.integers(1, 4))
def test_an_ensemble_has_weights_of_sum_one_heaviest_first(seed, count, members):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, 40)
    candidates = [said(rng, labels, 1.0) for _ in range(count)]
    found = bagged_ensemble(candidates, labels, accuracy, np.random.default_rng(seed), members=members)
    assert found == bagged_ensemble(candidates, labels, accuracy, np.random.default_rng(seed), members=members)
    assert sum(found.values()) == pytest.approx(1)
    assert 1 <= len(found) <= min(members, count)
    assert list(found.values()) == sorted(found.values(), reverse=True)
    best = sorted(range(count), key=lambda i: -accuracy(candidates[i], labels))[:LIBRARY]
    assert set(found) <= set(best)


def test_of_few_examples_it_promises_less_than_greed_and_keeps_more():
    """Thirty candidates that are equally good, selected by forty examples and looked at on a thousand others."""
    promised, kept = np.zeros(2), np.zeros(2)
    for seed in range(12):
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, 2, 1040)
        few, others = slice(0, 40), slice(40, None)
        candidates = [said(rng, labels, 0.7) for _ in range(30)]
        seen = [one[few] for one in candidates]
        ways = (
            greedy_ensemble(seen, lambda p, known=labels[few]: accuracy(p, known), rounds=20, members=10),
            bagged_ensemble(seen, labels[few], accuracy, rng, members=10),
        )
        for i, found in enumerate(ways):
            means = sum(weight * candidates[k] for k, weight in found.items())
            promised[i] += accuracy(means[few], labels[few]) / 12
            kept[i] += accuracy(means[others], labels[others]) / 12
    assert promised[1] < promised[0]
    assert kept[1] > kept[0]


def test_there_is_no_ensemble_of_nothing():
    with pytest.raises(ValueError, match="an ensemble of nothing"):
        bagged_ensemble([], np.zeros(3, int), accuracy, np.random.default_rng(0), members=3)


def test_a_resample_has_as_many_of_each_class_or_their_share():
    labels = np.repeat([0, 1, 2], [900, 99, 1])
    rng = np.random.default_rng(0)
    assert np.bincount(labels[resample(labels, rng)]).tolist() == [900, 99, 1]
    assert np.bincount(labels[resample(labels, rng, 100)]).tolist() == [90, 10, 1]


@pytest.mark.parametrize("labels", [np.linspace(0, 1, 50), np.eye(2)[np.arange(50) % 2]])
def test_numbers_and_several_labels_are_drawn_as_one_class(labels):
    rows = resample(labels, np.random.default_rng(0))
    assert len(rows) == 50
    assert len(set(rows.tolist())) < 50
