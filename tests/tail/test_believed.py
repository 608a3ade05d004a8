"""Which architecture is believed to be the best, where the best were trained on folds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nni_nasplus.search.trial import Outcome
from nni_nasplus.tail.bagging import Bagged
from nni_nasplus.tail.believed import believed, not_told_apart
from nni_nasplus.tail.contender import Contender
from nni_nasplus.tail.repeats import Repeated, indistinct


def networks(name: str, *scores: float) -> tuple[Contender, ...]:
    return tuple(Contender(name, None, {}, Path(), Outcome(score=score)) for score in scores)


def names(ranked):
    return [one.name for one in ranked]


LUCKY, SOUND, COSTLY = (Repeated(networks(name, score)) for name, score in (("a", 0.9), ("b", 0.8), ("c", 0.7)))


def test_folds_decide_where_the_best_were_trained_on_them():
    members = [Bagged(networks("a", 0.5, 0.6)), Bagged(networks("b", 0.6, 0.7))]
    assert names(believed([LUCKY, SOUND, COSTLY], members, 1.0)) == ["b", "a", "c"]
    assert names(believed([LUCKY, SOUND, COSTLY], members, -1.0)) == ["a", "b", "c"]


def test_baselines_among_what_was_bagged_are_no_winners():
    members = [
        Bagged(networks(name, *scores)) for name, *scores in (("a", 0.5, 0.6), ("b", 0.4, 0.5), ("GRU", 0.9, 0.9))
    ]
    ranked = believed([LUCKY, SOUND], members, 1.0)
    assert names(ranked) == ["a", "b"]
    assert ranked[0].out_of_fold == pytest.approx(0.55)


def test_what_was_not_bagged_is_behind_what_was():
    members = [Bagged(networks("b", 0.5, 0.6)), Bagged(networks("c", 0.4, 0.5))]
    assert names(believed([LUCKY, SOUND, COSTLY], members, 1.0)) == ["b", "c", "a"]


def test_without_two_to_compare_the_order_stays():
    assert believed([LUCKY, SOUND, COSTLY], [], 1.0) == [LUCKY, SOUND, COSTLY]
    alone = believed([LUCKY, SOUND], [Bagged(networks("b", 0.5, 0.6))], 1.0)
    assert names(alone) == ["a", "b"]
    assert not_told_apart(alone) == indistinct(alone)
    assert not_told_apart([LUCKY, SOUND]) == indistinct([LUCKY, SOUND])


def test_folds_that_agree_tell_apart_what_folds_that_do_not_leave_open():
    best = Repeated(LUCKY.trainings, networks("a", 0.80, 0.90, 0.70, 0.85, 0.75))
    behind = Repeated(SOUND.trainings, networks("b", 0.75, 0.851, 0.649, 0.80, 0.70))
    open_ = Repeated(COSTLY.trainings, networks("c", 0.85, 0.80, 0.75, 0.70, 0.74))
    assert not_told_apart([best, open_, behind]) == [best, open_]


def test_equal_architectures_are_seldom_told_apart():
    """Scores of folds share most of their training examples; of independent ones the corrected test errs too seldom."""
    rng, told = np.random.default_rng(0), 0
    for _ in range(300):
        one, other = (Repeated(LUCKY.trainings, networks("a", *rng.normal(0.8, 0.02, 5))) for _ in range(2))
        told += len(not_told_apart([one, other])) == 1
    assert told / 300 < 0.05
