"""When a winner is clear, and how much one training says."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from nni_nasplus.search.trial import Outcome
from nni_nasplus.tail.contender import Contender
from nni_nasplus.tail.repeats import Repeated, indistinct, noise_of


def trained(*scores: float) -> Repeated:
    return Repeated(tuple(Contender("a", None, {}, Path(), Outcome(score=score)) for score in scores))


def test_the_noise_is_that_of_one_training_pooled_over_architectures():
    assert noise_of([trained(0.8, 0.9), trained(0.1, 0.3)]) == pytest.approx(math.sqrt((0.005 + 0.02) / 2))


def test_nothing_is_known_of_the_noise_of_single_trainings():
    assert math.isnan(noise_of([trained(0.8), trained(0.9)]))
    assert len(indistinct([trained(0.9), trained(0.1)])) == 2


def test_what_differs_by_more_than_its_noise_is_told_apart():
    good, near, far = trained(0.90, 0.91, 0.92), trained(0.90, 0.91), trained(0.70, 0.71)
    assert indistinct([good, near, far]) == [good, near]


def test_what_is_shipped_is_no_lucky_training():
    assert trained(0.80, 0.99, 0.85).best.score == 0.85
