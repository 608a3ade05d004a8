"""Searches whose trials are paused: what counts, what is compared, and what is waited for."""

from __future__ import annotations

import pytest
from budgeted_searches import crossing, parts_trained, search_of
from landscapes import GRID, trained

from nni_nasplus import History, Outcome, Proposal, Search, SearchSpaceExhausted
from nni_nasplus.search.epochs.growth import growth
from nni_nasplus.search.search import NothingYet
from nni_nasplus.search.strategy import make_strategy

A, B, C = ({f"d{i}": value for i in range(6)} for value in range(3))


def test_growth_is_the_median_change_of_what_went_on():
    curves = [{1: 1.0, 3: 2.0, 9: 2.5}, {1: 0.0, 3: 3.0}, {1: 5.0, 3: 7.0}, {1: 9.0}]
    assert growth(curves, [1, 3, 9]) == {1: 2.5, 3: 0.5, 9: 0.0}
    assert growth([], [1, 3]) == {1: 0.0, 3: 0.0}


@pytest.mark.parametrize(("direction", "sign"), [("maximize", 1.0), ("minimize", -1.0)])
def test_a_score_of_few_epochs_counts_with_what_more_would_bring(direction, sign):
    history = History(GRID, direction)
    history.is_budgeted = True
    for architecture, score in ((A, 0.5), (B, 0.4), (C, 0.1)):
        history.tell(history.ask(Proposal(architecture, epochs=1)).number, Outcome(score=sign * score))
    assert [o.utility for o in history.observations] == [0.5, 0.4, 0.1]
    going = history.ask(Proposal(A, epochs=3))
    assert [o.utility for o in history.observations] == [0.5, 0.4, 0.1]
    history.tell(going.number, Outcome(score=sign * 0.7))
    assert [score and round(score, 9) for score in history.scores] == [sign * 0.7, sign * 0.6, sign * 0.3]
    assert [(o.architecture, round(o.utility, 9)) for o in history.succeeded] == [(B, 0.6), (C, 0.3), (A, 0.7)]


def test_the_best_are_those_that_came_farthest_and_of_these_the_best():
    history = History(GRID)
    for architecture, epochs, score in ((A, 1, 0.9), (B, 1, 0.5), (C, 1, 0.8), (B, 3, 0.6), (C, 3, 0.4)):
        history.tell(history.ask(Proposal(architecture, epochs=epochs)).number, Outcome(score=score))
    assert [trial.number for trial in history.best] == [1, 2, 0]


def test_what_all_parts_of_a_training_took_is_its_cost():
    history = History(GRID)
    history.tell(history.ask(Proposal(A, epochs=1)).number, Outcome(score=0.5, cost=2.0))
    trial = history.ask(Proposal(A, epochs=3))
    assert trial.cost is None
    history.tell(trial.number, Outcome(score=0.6, cost=4.0))
    assert trial.cost == 6.0


def test_a_training_that_ended_for_good_arrives_where_it_was_asked_to_and_goes_on_no_more():
    history = History(GRID)
    trial = history.ask(Proposal(A, epochs=3))
    history.tell(trial.number, Outcome(score=0.5, epochs=27))
    assert (trial.reached, trial.curve, trial.may_go_on(9)) == (27, {3: 0.5, 27: 0.5}, False)
    assert history.arrivals == {3: [trial]}


def test_who_asks_while_a_rung_fills_is_told_to_wait():
    search = search_of("hyperband", trials=3)
    trials = [search.ask() for _ in range(3)]
    with pytest.raises(NothingYet, match="all 3 trials of the search have begun; what goes on is open"):
        search.ask()
    for trial in trials:
        search.tell(trial, 0.5)
    assert search.ask() is trials[0]


def test_a_search_that_is_over_says_so_and_waits_for_nothing():
    search = search_of("asha", trials=4)
    parts_trained(search)
    with pytest.raises(SearchSpaceExhausted) as ended:
        search.ask()
    assert not isinstance(ended.value, NothingYet)


def test_limits_are_asked_once_of_an_architecture_that_goes_on():
    looked = []
    search = search_of("asha", trials=12, excess=lambda architecture: looked.append(architecture))
    parts_trained(search, crossing)
    assert len(looked) == 12


def test_rejected_proposals_cost_no_trial():
    search = search_of("asha", trials=9, excess=lambda architecture: "d0" if architecture["d0"] else None)
    parts_trained(search, crossing)
    assert search.history.begun == 9 < len(search.history.trials)


def test_without_a_budget_nothing_is_paused_and_observations_are_as_they_were():
    search = Search(GRID, make_strategy("random", {}))
    trained(search, 5)
    assert {trial.epochs for trial in search.history.trials} == {None}
    assert [o.utility for o in search.history.observations] == [trial.score for trial in search.history.by_time]
