"""Greedy selection: what every ensemble it gives keeps to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from nni_nasplus.ensembles.greedy import greedy_ensemble

ROUNDS, MEMBERS = 12, 3


def some(seed: int, count: int) -> tuple[list[np.ndarray], np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, 40)
    truth = np.eye(3)[labels]
    return [softmax(2 * truth + rng.normal(0, 2, truth.shape), axis=-1) for _ in range(count)], labels


def score_by(labels: np.ndarray):
    return lambda p: float(np.log(p[np.arange(len(labels)), labels]).mean())


@given(st.integers(0, 200), st.integers(1, 6))
def test_an_ensemble_is_no_worse_than_any_candidate(seed, count):
    candidates, labels = some(seed, count)
    score = score_by(labels)
    found = greedy_ensemble(candidates, score, rounds=ROUNDS, members=MEMBERS)
    joined = sum(weight * candidates[i] for i, weight in found.items())
    assert score(joined) >= max(map(score, candidates)) - 1e-12
    assert sum(found.values()) == pytest.approx(1)
    assert len(found) <= MEMBERS
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_two_networks_that_err_apart_are_joined():
    labels = np.array([0, 0, 1, 1])
    right, wrong = [0.9, 0.1], [0.4, 0.6]
    first = np.array([right, wrong, right[::-1], right[::-1]])
    second = np.array([wrong, right, right[::-1], right[::-1]])
    useless = np.full((4, 2), 0.5)
    found = greedy_ensemble([useless, first, second], score_by(labels), rounds=2, members=2)
    assert found == {1: 0.5, 2: 0.5}


def test_one_candidate_is_an_ensemble_of_one():
    candidates, labels = some(0, 1)
    assert greedy_ensemble(candidates, score_by(labels), rounds=5, members=3) == {0: 1.0}


def test_there_is_no_ensemble_of_nothing():
    with pytest.raises(ValueError, match="an ensemble of nothing"):
        greedy_ensemble([], lambda p: 0.0, rounds=1, members=1)
