"""NSGA-II: whom it keeps, and what children are like."""

from __future__ import annotations

import numpy as np
import pytest
from landscapes import GRID, score

from nni_nasplus import Outcome, Proposal, Search, SearchSpace, UserError
from nni_nasplus.search.history import History
from nni_nasplus.search.table_space import TableSpace
from nni_nasplus.strategies.nsga2 import NSGA2

CONDITIONAL = SearchSpace({"op": ["a", "b"], "heads": [1, 2, 4]}, {"heads": {"op": ["a"]}})


def told(points):
    """A history of one decision, whose trials reached these scores and costs."""
    history = History(SearchSpace({"op": list(range(len(points)))}), costs=("size",))
    for op, (reached, size) in enumerate(points):
        trial = history.ask(Proposal({"op": op}))
        history.tell(trial.number, Outcome(score=reached, metrics={"size": size}))
    return history


def test_the_population_is_the_front_and_then_what_is_behind_it():
    history = told([(1.0, 9.0), (5.0, 5.0), (2.0, 2.0), (4.0, 6.0), (9.0, 9.0)])
    kept = [one["op"] for one in NSGA2(population_size=4).population(history)]
    assert set(kept[:3]) == {1, 2, 4}
    assert kept[3] == 3


def test_a_child_has_what_its_parents_have():
    one, other = dict.fromkeys(GRID.decisions, 0), dict.fromkeys(GRID.decisions, 3)
    children = [GRID.crossed(one, other, np.random.default_rng(seed)) for seed in range(50)]
    assert all(set(child.values()) <= {0, 3} for child in children)
    assert 0.4 < np.mean([list(child.values()) for child in children]) / 3 < 0.6


def test_a_child_takes_a_decision_from_the_parent_that_has_it():
    parents = {"op": "a", "heads": 4}, {"op": "b"}
    children = [CONDITIONAL.crossed(*parents, np.random.default_rng(seed)) for seed in range(20)]
    assert {tuple(child.values()) for child in children} == {("a", 4), ("b",)}


def test_a_child_of_a_table_is_a_row():
    rng = np.random.default_rng(0)
    rows = list({GRID.key(a): a for a in (GRID.sample(rng) for _ in range(40))}.values())
    table = TableSpace(GRID, rows)
    assert all(table.find(table.crossed(rows[0], rows[i], rng)) is not None for i in range(1, 20))
    assert table.crossed(rows[0], rows[0], rng) == rows[0]


def test_with_the_score_alone_it_climbs():
    search = Search(GRID, NSGA2(population_size=10), seed=0)
    for _ in range(120):
        trial = search.ask()
        search.tell(trial, score(trial.architecture))
    scores = [trial.score for trial in search.history.trials]
    assert np.mean(scores[-30:]) > np.mean(scores[:10]) + 3
    assert {trial.origin for trial in search.history.trials} >= {"random", "crossover"}


def test_a_population_of_one_is_refused():
    with pytest.raises(UserError, match="population_size is 1; use 2 or more"):
        NSGA2(population_size=1)
