"""What each budget rule does, by examples that can be counted by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from budgeted_searches import WHOLE, crossing, parts_trained, rising, search_of
from landscapes import GRID, score

from nni_nasplus import History, Outcome, Proposal, UserError
from nni_nasplus.search.epochs.budget import Budget, make_budget_rule


def history_of(values, rung=1, direction="maximize"):
    """Trials that were told these scores at a rung, one after the other."""
    history, rng = History(GRID, direction), np.random.default_rng(0)
    for value in values:
        trial = history.ask(history.random(rng)._replace(epochs=rung))
        history.tell(trial.number, Outcome(score=value))
    return history


def going_on(rule, values, direction="maximize", trials=100, **options):
    """The numbers of the trials that go on from the first rung, in order."""
    history, numbers = history_of(values, direction=direction), []
    budget = Budget(make_budget_rule(rule, options), 3, trials)
    while step := budget.step(history):
        history.ask(Proposal(step.trial.architecture, epochs=step.epochs))
        numbers.append(step.trial.number)
    return numbers


@pytest.mark.parametrize(
    ("epochs", "options", "rungs"),
    [
        (81, {}, [1, 3, 9, 27, 81]),
        (243, {}, [1, 3, 9, 27, 81, 243]),
        (1000, {"eta": 10}, [1, 10, 100, 1000]),
        (10, {}, [1, 3, 10]),
        (50, {}, [2, 6, 17, 50]),
        (50, {"smallest": 5}, [6, 17, 50]),
        (50, {"smallest": 50}, [50]),
        (8, {"eta": 2.0}, [1, 2, 4, 8]),
        (1, {}, [1]),
    ],
)
def test_rungs_count_down_from_a_whole_training_and_none_is_lost_to_rounding(epochs, options, rungs):
    assert make_budget_rule("asha", options).rungs(epochs) == rungs


def test_asha_promotes_the_best_third_the_best_first():
    assert going_on("asha", [1.0, 6.0, 2.0, 5.0, 3.0, 4.0, 0.0]) == [1, 3]


def test_asha_promotes_the_earlier_of_equals():
    assert going_on("asha", [0.5] * 9) == [0, 1, 2]


def test_asha_never_passes_on_more_than_its_share_unless_told_to():
    ascending = iter(range(10_000))
    most = {}
    for delay in (True, False):
        search = search_of("asha", options={"delay": delay}, trials=90)
        parts_trained(search, lambda *_: next(ascending), workers=5)
        arrived = search.history.arrivals
        most[delay] = [len(arrived[above]) - len(arrived[rung]) // 3 for rung, above in ((1, 3), (3, 9), (9, 27))]
    assert max(most[True]) <= 1
    assert most[False][0] > 10


@pytest.mark.parametrize("trials", [1, 2, 8, 30])
def test_promotions_are_at_most_one_more_than_the_share_of_their_rung(trials):
    search = search_of("asha", trials=trials)
    parts_trained(search, crossing, workers=4)
    arrived = search.history.arrivals
    assert all(len(arrived.get(above, [])) <= len(arrived.get(rung, [])) // 3 + 1 for rung, above in ((1, 3), (3, 9)))


def epochs_to_the_top(seed, **options):
    """The epochs until one of the best 28 of 4,096 has been trained to its end."""
    search, spent = search_of("asha", options=options, trials=4**6, seed=seed), 0
    while True:
        trial = search.ask()
        spent += trial.epochs - int(trial.reached)
        if trial.epochs == WHOLE and score(trial.architecture) >= 16:
            return spent
        search.tell(trial, float(rising(trial.architecture, trial.epochs)))


def test_to_one_of_the_best_percent_asha_takes_less_than_half_the_epochs_of_whole_trainings():
    whole = [epochs_to_the_top(seed, eta=math.inf) for seed in range(4)]
    spared = [epochs_to_the_top(seed) for seed in range(4)]
    assert np.mean(spared) < np.mean(whole) / 2


def test_stopping_asha_decides_as_each_arrives_by_what_was_there():
    assert going_on("asha-stopping", [3.0, 1.0, 2.0, 4.0, 3.5, 3.4]) == [0, 3, 4]


def test_hyperband_begins_the_published_brackets():
    rule = make_budget_rule("hyperband", {})
    assert rule.sizes(rule.rungs(81)) == [81, 34, 15, 8, 5]


def test_hyperband_trains_the_published_table_of_numbers_and_epochs():
    search = search_of("hyperband", trials=27 + 12 + 6 + 4)
    parts = parts_trained(search)
    count = {rung: sum(epochs == rung for _, epochs in parts) for rung in (1, 3, 9, 27)}
    assert count == {1: 27, 3: 9 + 12, 9: 3 + 4 + 6, 27: 1 + 1 + 2 + 4}


def test_hyperband_goes_on_with_all_of_a_rung_and_not_before():
    assert going_on("hyperband", [1.0, 3.0]) == []
    assert going_on("hyperband", [1.0, 3.0, 2.0]) == [1]


def test_the_median_rule_compares_the_best_with_running_averages_of_others():
    assert going_on("median", [1.0, 5.0, 3.0, 2.9, 3.0, 9.0], startup=3) == [0, 1, 2, 4, 5]


def test_the_first_generation_makes_the_hurdle_that_later_ones_have_to_pass():
    assert going_on("pdh", [1.0, 3.0, 2.0, 2.1, 9.0], children=2) == [3, 4]
    assert going_on("pdh", [1.0, 3.0], children=2, trials=100) == []


def test_generations_meet_one_hurdle_more_each():
    search = search_of("pdh", options={"children": 10}, trials=40)
    *parts, finalist = parts_trained(search, lambda architecture, epochs: score(architecture) + epochs)
    most = [max(epochs for number, epochs in parts if number // 10 == generation) for generation in range(4)]
    assert most[:3] == [1, 3, 9]
    assert finalist[1] == 27


def test_nekrasov_goes_on_above_the_average_and_now_and_then_just_below():
    assert going_on("nekrasov", [1.0, 0.9, 1.1, 2.0], slack=0.0) == [0, 2, 3]
    lenient = going_on("nekrasov", [1.0, *[0.9] * 60], slack=0.3)
    assert 20 < len(lenient) < 55


def test_nekrasov_is_as_lenient_with_scores_that_are_minimised():
    up = going_on("nekrasov", [-1.0, *[-1.1] * 60], slack=0.3)
    assert up == going_on("nekrasov", [1.0, *[1.1] * 60], slack=0.3, direction="minimize")
    assert 20 < len(up) < 55


@pytest.mark.parametrize(
    ("rule", "options"),
    [("median", {"startup": 0}), ("pdh", {"children": 0}), ("nekrasov", {"slack": 2.0}), ("nekrasov", {"every": 0})],
)
def test_their_own_options_are_named_too(rule, options):
    (name,) = options
    with pytest.raises(UserError, match=f"{name} is .*; use "):
        make_budget_rule(rule, options)


def test_no_score_is_invented_where_eta_is_no_number():
    with pytest.raises(UserError, match="eta is nan; use more than 1"):
        make_budget_rule("asha", {"eta": math.nan})
