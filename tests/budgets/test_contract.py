"""The contract of every budget rule."""

from __future__ import annotations

import contextlib
import dataclasses
import pickle
import time
from collections import Counter

import numpy as np
import pytest
from budgeted_searches import WHOLE, crossing, parts_trained, rising, search_of
from landscapes import GRID, score

from nni_nasplus import Journal, Outcome, Search, SearchSpace, SearchSpaceExhausted, UserError, registry
from nni_nasplus.search.epochs.budget import Budget, BudgetRule, make_budget_rule
from nni_nasplus.search.strategy import make_strategy

RULES = registry.available("budgets")
SMALL = SearchSpace({"op": ["a", "b", "c"], "heads": [1, 2]}, {"heads": {"op": ["a"]}})


@pytest.fixture(params=RULES)
def rule(request):
    return request.param


def test_a_rule_is_a_frozen_dataclass_of_its_options(rule):
    made = make_budget_rule(rule, {})
    assert isinstance(made, BudgetRule)
    assert made == make_budget_rule(rule, {})
    assert pickle.loads(pickle.dumps(made)) == made  # noqa: S301
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.eta = 4.0


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("curve", [rising, crossing])
def test_as_many_begin_as_asked_for_no_part_is_trained_twice_and_one_reaches_the_end(rule, curve, workers):
    search = search_of(rule)
    parts = parts_trained(search, curve, workers=workers)
    assert search.budget.is_over(search.history)
    assert {number for number, _ in parts} == set(range(30))
    assert max(Counter(parts).values()) == 1
    assert {epochs for _, epochs in parts} <= {1, 3, 9, 27}
    assert search.history.best[0].reached == WHOLE


def test_the_parts_of_a_trial_grow_rung_by_rung(rule):
    trials = {}
    for number, epochs in parts_trained(search_of(rule), crossing, workers=3):
        trials.setdefault(number, []).append(epochs)
    rungs = [1, 3, 9, 27]
    for parts in trials.values():
        assert parts == rungs[rungs.index(parts[0]) : rungs.index(parts[-1]) + 1]


def test_equal_seeds_reproduce(rule):
    first, again = search_of(rule, seed=3), search_of(rule, seed=3)
    assert parts_trained(first, crossing, workers=3) == parts_trained(again, crossing, workers=3)
    assert [t.architecture for t in first.history.trials] == [t.architecture for t in again.history.trials]


def test_minimising_the_negative_is_maximising(rule):
    up, down = search_of(rule), search_of(rule, direction="minimize")
    parts = parts_trained(up, crossing, workers=2)
    assert parts == parts_trained(down, lambda *of: -crossing(*of), workers=2)


def test_where_curves_are_constant_the_best_of_the_first_rung_is_the_best_in_the_end(rule):
    search = search_of(rule, options={"children": 5} if rule == "pdh" else {})
    parts_trained(search, lambda architecture, epochs: score(architecture))
    ended = [trial for trial in search.history.trials if trial.reached == WHOLE]
    assert [search.history.best[place].number for place in range(len(ended))] == [
        trial.number for trial in sorted(ended, key=lambda trial: (-score(trial.architecture), trial.number))
    ]


def test_with_an_infinite_eta_every_trial_is_a_whole_training_of_what_would_be_proposed_without_a_budget(rule):
    search = search_of(rule, options={"eta": float("inf")}, trials=8)
    assert parts_trained(search) == [(number, WHOLE) for number in range(8)]
    plain = Search(GRID, make_strategy("random", {}))
    assert [plain.ask().architecture for _ in range(8)] == [trial.architecture for trial in search.history.trials]


def test_failures_are_no_end_and_do_not_come_back(rule):
    search = search_of(rule)
    parts = parts_trained(search, workers=3, fails=lambda architecture, epochs: architecture["d1"] == epochs % 4)
    assert max(Counter(parts).values()) == 1
    assert search.budget.is_over(search.history)
    failed = {trial.number for trial in search.history.trials if trial.status == "failed"}
    assert failed


def test_a_search_whose_trials_all_fail_ends(rule):
    search = search_of(rule, trials=6)
    assert len(parts_trained(search, fails=lambda *_: True)) == 6


def test_a_small_space_is_exhausted_and_something_still_reaches_the_end(rule):
    search = search_of(rule, space=SMALL, trials=30)
    parts_trained(search, lambda architecture, epochs: len(str(architecture)) * epochs, workers=2)
    assert len(search.history.trials) == 4
    assert search.history.best[0].reached == WHOLE


def test_what_a_training_that_ended_early_reached_stands_for_all_epochs(rule):
    search = search_of(rule, trials=9)
    while True:
        trial = search.ask()
        search.tell(trial, Outcome(score=score(trial.architecture), epochs=WHOLE))
        if len(search.history.trials) == 9:
            break
    assert search.budget.step(search.history) is None
    assert all(trial.reached == WHOLE for trial in search.history.trials)


@pytest.mark.parametrize("strategy", ["random", "evolution"])
@pytest.mark.parametrize("parts", [1, 17, 41])
def test_a_search_that_dies_between_or_inside_rungs_goes_on_as_if_it_had_not(tmp_path, rule, strategy, parts):
    whole = search_of(rule, strategy=strategy, journal=Journal.create(tmp_path / "whole.jsonl", GRID))
    expected = parts_trained(whole, crossing)
    dying = search_of(rule, strategy=strategy, journal=Journal.create(tmp_path / "j.jsonl", GRID))
    begun = parts_trained(dying, crossing, parts=parts)
    dying.journal.close()
    risen = search_of(rule, strategy=strategy, journal=Journal.open(tmp_path / "j.jsonl"))
    rest = parts_trained(risen, crossing)
    in_flight = len(begun) == parts < len(expected)
    assert begun[: parts - in_flight] + rest == expected
    assert risen.history.trials == whole.history.trials
    assert [(r, [t.number for t in ts]) for r, ts in risen.history.arrivals.items()] == [
        (r, [t.number for t in ts]) for r, ts in whole.history.arrivals.items()
    ]
    risen.journal.close()


@pytest.mark.slow
def test_a_decision_at_a_thousand_trials_takes_milliseconds(rule):
    search, took = search_of(rule, trials=1000), []
    with contextlib.suppress(SearchSpaceExhausted):
        while True:
            began = time.process_time()
            trial = search.ask()
            took.append(time.process_time() - began)
            search.tell(trial, crossing(trial.architecture, trial.epochs))
    assert len(search.history.trials) == 1000
    assert np.quantile(took[-300:], 0.9) < 0.02


@pytest.mark.parametrize("options", [{"eta": 1}, {"eta": 0.5}, {"smallest": 0}, {"smallest": -1}])
def test_options_out_of_range_are_named(rule, options):
    (name,) = options
    with pytest.raises(UserError, match=f"{name} is .*; use "):
        make_budget_rule(rule, options)


def test_a_smallest_budget_above_a_whole_training_is_named(rule):
    with pytest.raises(UserError, match="smallest is 28 and a whole training 27 epochs; use 1 to 27"):
        Budget(make_budget_rule(rule, {"smallest": 28}), WHOLE, 10)


def test_unknown_options_are_named_with_those_there_are(rule):
    with pytest.raises(UserError, match=f"budget '{rule}' has no option 'reduction'; its options: eta, smallest"):
        make_budget_rule(rule, {"reduction": 3})
