"""How long a tail may take, and who gets what of it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from nni_nasplus.search.trial import Outcome
from nni_nasplus.tail import tail
from nni_nasplus.tail.bagging import folds_take
from nni_nasplus.tail.budget import Budget
from nni_nasplus.tail.contender import Contender
from nni_nasplus.tail.repeats import Repeated
from nni_nasplus.tail.workers import Workers


def contender(name: str, cost: float) -> Contender:
    return Contender(name, None, {}, Path(name), Outcome(score=0.5, cost=cost))


def test_a_part_leaves_what_is_reserved():
    budget = Budget(100.0)
    assert budget.part(0.25, reserved=60.0).left == pytest.approx(10.0, abs=0.1)
    assert budget.part(0.25, reserved=200.0).left == 0
    assert math.isinf(Budget(math.inf).part(0.5, reserved=60.0).left)


def test_what_is_left_is_said_in_minutes_unless_there_is_no_limit():
    assert Budget(199.5).words == ", 3:20 left"
    assert [Budget(seconds).words for seconds in (0.0, math.inf)] == ["", ""]


def test_folds_side_by_side_take_as_long_as_their_rounds(tmp_path):
    assert [folds_take(contender("a", 10.0), 5, Workers(None, count)) for count in (1, 2, 5)] == [50.0, 30.0, 10.0]


def named(name: str, *scores: float, cost: float) -> Repeated:
    return Repeated(tuple(Contender(name, None, {}, Path(name), Outcome(score=one, cost=cost)) for one in scores))


def test_first_is_bagged_the_cheapest_that_is_not_clearly_behind_the_best_and_then_what_is_cheap():
    plain = {name: [contender(name, cost)] for name, cost in (("GRU", 25.0), ("boosting", 1.0))}
    best, level = named("best", 0.90, 0.91, cost=30.0), named("level", 0.90, 0.905, cost=20.0)
    behind = named("behind", 0.70, 0.71, cost=10.0)
    order = [one.name for one in tail._candidates([best, level, behind], plain)]
    assert order == ["level", "boosting", "behind", "GRU", "best"]
    assert tail._candidates([best, behind], plain)[0].name == "best"
