"""Searching for a good score and a small cost at once."""

from __future__ import annotations

import numpy as np
import pytest
from landscapes import GRID, score

from nni_nasplus import Outcome, Search, UserError, registry
from nni_nasplus.search.pareto import hypervolume
from nni_nasplus.search.strategy import make_strategy

ABLE = ("nsga2", "thompson")
REFERENCE = np.array([-1.0, -20.0])


def cost(architecture):
    """What is good costs, most of all the first decisions."""
    return 1.0 + sum(choice * (6 - place) / 6 for place, choice in enumerate(architecture.values()))


def searched(name, count=40, seed=0, excess=None, batch=1, **options):
    """A history of so many trials, ``batch`` of them in training at a time."""
    search = Search(GRID, make_strategy(name, options), seed=seed, costs=["size"], excess=excess)
    while len(search.history.finished) < count:
        for trial in [search.ask() for _ in range(batch)]:
            one = trial.architecture
            search.tell(trial, Outcome(score=score(one), metrics={"size": cost(one)}))
    return search.history


def reached(name, **how):
    return np.median([hypervolume(searched(name, seed=seed, **how).points(), REFERENCE) for seed in range(3)])


@pytest.mark.parametrize("name", ABLE)
def test_the_front_dominates_more_than_that_of_random_search(name):
    trials = {"nsga2": 150, "thompson": 40}[name]
    assert reached(name, count=trials) > reached("random", count=trials)


def test_thompson_takes_batches_too():
    assert reached("thompson", batch=4) > reached("random")


@pytest.mark.parametrize("name", ABLE)
def test_a_limit_is_kept(name):
    limited = searched(name, 25, excess=lambda one: "size" if cost(one) > 6 else None)
    assert max(trial.metrics["size"] for trial in limited.finished) <= 6


def test_the_front_of_a_history_has_the_best_score_first_and_nothing_that_is_dominated():
    history = searched("random")
    points = [(trial.score, -trial.metrics["size"]) for trial in history.front]
    assert points == sorted(points, reverse=True)
    assert [one for _, one in points] == sorted(one for _, one in points)
    assert history.front[0] is history.best[0] or points[0][0] == history.best[0].score


def test_without_costs_the_front_is_the_best():
    search = Search(GRID, make_strategy("random", {}))
    for told in (1.0, 3.0, 2.0):
        search.tell(search.ask(), told)
    assert [trial.number for trial in search.history.front] == [1]


def test_a_trial_without_the_cost_is_named():
    search = Search(GRID, make_strategy("thompson", {}), costs=["size"])
    with pytest.raises(UserError, match="a trial has left no 'size' to be made small; its metrics: weight"):
        for _ in range(9):
            search.tell(search.ask(), Outcome(score=1.0, metrics={"weight": 1.0}))


@pytest.mark.parametrize("name", sorted(set(registry.available("strategies")) - {*ABLE, "random", "one_shot"}))
def test_strategies_that_know_the_score_alone_refuse_a_cost(name):
    with pytest.raises(UserError, match="searches for the score alone, not for size too; use thompson"):
        Search(GRID, make_strategy(name, {}), costs=["size"])


def test_thompson_knows_one_cost_and_under_expected_improvement():
    with pytest.raises(UserError, match="no more than 2 objectives, not for size, time too"):
        Search(GRID, make_strategy("thompson", {}), costs=["size", "time"])
    with pytest.raises(UserError, match="the score alone"):
        Search(GRID, make_strategy("thompson", {"acquisition": "greedy"}), costs=["size"])
