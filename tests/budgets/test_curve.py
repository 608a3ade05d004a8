"""Stopping by predicted curves: what is predicted, and what goes on because of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from landscapes import GRID

from nni_nasplus import History, Outcome, Proposal, UserError
from nni_nasplus.budgets.curve_predictor import CurvePredictor
from nni_nasplus.search.epochs.budget import Budget, make_budget_rule

RNG = np.random.default_rng(0)
SOME = [GRID.sample(RNG) for _ in range(60)]


def history_of(whole, begun):
    """Trials of three epochs with these values after one and in the end, and others that wait after one."""
    history = History(GRID)
    for architecture, values in zip(SOME, [*whole, *([value] for value in begun)], strict=False):
        for epochs, value in zip((1, 3), values, strict=False):
            history.tell(history.ask(Proposal(architecture, epochs=epochs)).number, Outcome(score=value))
    return history


def going_on(history, **options):
    """The numbers of those that go on from the first rung, in order."""
    budget, numbers = Budget(make_budget_rule("curve", options), 3, 100), []
    while step := budget.step(history):
        history.ask(Proposal(step.trial.architecture, epochs=step.epochs))
        numbers.append(step.trial.number)
    return numbers


def noisy(count, slope=1.0, noise=0.1):
    """Trainings whose end is a multiple of their beginning, and some noise."""
    rng = np.random.default_rng(1)
    begins = rng.normal(size=count)
    return [(begin, slope * begin + noise * rng.normal()) for begin in begins.tolist()]


def learned(curves, noise=0.0):
    """A predictor of ends that are twice the last value and a little of the first decision, and new such curves."""
    rng = np.random.default_rng(2)
    architectures = [GRID.sample(rng) for _ in range(100)]
    values = rng.normal(size=(100, curves)).cumsum(axis=1)
    ends = 2 * values[:, -1] + np.array([0.3 * one["d0"] for one in architectures]) + noise * rng.normal(size=100)
    features = GRID.features(architectures)
    return CurvePredictor(features[:80], values[:80], ends[:80]), features[80:], values[80:], ends[80:]


def test_before_enough_trainings_are_whole_nothing_waits():
    assert going_on(history_of([], [0.1, 0.9, 0.5])) == [0, 1, 2]
    assert sorted(going_on(history_of(noisy(4), [-99.0, -98.0]))) == [4, 5]
    assert going_on(history_of(noisy(5), [-99.0, -98.0])) == []


def test_what_is_likely_enough_goes_on_the_likeliest_first():
    whole = noisy(30)
    best = max(end for _, end in whole)
    assert going_on(history_of(whole, [best - 0.1, best - 2.0, best + 0.1, best])) == [32, 33, 30]


def test_a_curve_that_lies_above_all_others_is_never_stopped():
    falling = noisy(30, slope=-1.0)
    best = max(begin for begin, _ in falling)
    assert going_on(history_of(falling, [best - 0.1, best + 1.0])) == [31]


def test_with_a_probability_of_nothing_all_go_on_and_of_one_the_best_of_its_rung():
    whole = noisy(30)
    assert len(going_on(history_of(whole, [-5.0, 0.0, 6.0]), probability=0.0)) == 3
    assert going_on(history_of(whole, [-5.0, 0.0, 6.0]), probability=1.0) == [32]


def test_the_odds_grow_with_the_last_value():
    whole = noisy(30, noise=0.5)
    history = history_of(whole, np.linspace(-4, 4, 20).tolist())
    budget = Budget(make_budget_rule("curve", {}), 3, 100)
    waiting = history.arrivals[1][30:]
    alike = [replace(trial, architecture=SOME[0]) for trial in waiting]
    odds = budget.rule.odds(history, budget, 1, alike)
    assert (np.diff(odds) >= 0).all()
    assert odds[0] < 0.05 < 0.5 < odds[-1]


@pytest.mark.parametrize("curves", [1, 2, 4])
def test_the_higher_the_last_value_the_higher_the_end(curves):
    predictor, features, values, _ = learned(curves, noise=1.0)
    higher = values + np.eye(curves)[-1]
    assert (predictor.predict(features, higher) > predictor.predict(features, values)).all()


@pytest.mark.parametrize("curves", [1, 2, 4])
def test_what_curves_come_to_is_found_from_their_beginnings_and_architectures(curves):
    predictor, features, values, ends = learned(curves)
    assert np.abs(predictor.predict(features, values) - ends).max() < 0.3


def test_its_error_is_that_of_curves_that_it_has_not_seen():
    predictor, features, values, ends = learned(2, noise=1.0)
    unseen = predictor.predict(features, values) - ends
    assert 0.7 < predictor.error / np.sqrt(np.mean(unseen**2)) < 1.4


def test_ends_that_are_all_alike_are_no_fault():
    predictor = CurvePredictor(np.ones((5, 2)), np.ones((5, 1)), np.ones(5))
    assert predictor.predict(np.ones((1, 2)), np.zeros((1, 1))) == pytest.approx(1.0)


@pytest.mark.parametrize("options", [{"probability": -0.1}, {"probability": 1.1}, {"startup": 1}])
def test_options_out_of_range_are_named(options):
    (name,) = options
    with pytest.raises(UserError, match=f"{name} is .*; use "):
        make_budget_rule("curve", options)
