"""Aging evolution."""

from __future__ import annotations

import numpy as np
import pytest
from landscapes import GRID, score, trained

from nni_nasplus import Search, SearchSpace, UserError
from nni_nasplus.strategies import AgingEvolution, RandomSearch


def test_the_smallest_use():
    space = SearchSpace({"op0": ["conv", "pool"], "op1": ["conv", "pool", "skip"]})
    search = Search(space, AgingEvolution(), seed=0, direction="maximize")
    trial = search.ask()
    assert set(trial.architecture) == {"op0", "op1"}
    search.tell(trial, 0.91)
    search.tell(search.ask(), None)


def searches(cycles, population=10, sample=3):
    """A search after each of its trials, with the population before, and the trial."""
    search = Search(GRID, AgingEvolution(population_size=population, sample_size=sample))
    for _ in range(cycles):
        before = search.strategy.population(search.history)
        trial = search.ask()
        search.tell(trial, score(trial.architecture))
        yield search, before, trial


def test_the_population_is_always_full_and_every_member_dies_after_p_births():
    born = []
    for search, _, trial in searches(60):
        born.append(trial.architecture)
        assert [o.architecture for o in search.strategy.population(search.history)] == born[-10:]


def test_children_differ_from_a_member_in_one_decision():
    for _, before, trial in searches(60):
        if trial.origin == "mutation":
            distances = [sum(o.architecture[n] != v for n, v in trial.architecture.items()) for o in before]
            assert min(distances) == 1


def test_with_s_equal_to_p_the_parent_is_the_best_of_the_population():
    for _, before, trial in searches(40, population=5, sample=5):
        if trial.origin == "mutation":
            best = max(o.utility for o in before)
            parents = [o.architecture for o in before if o.utility == best]
            assert 1 in [sum(p[n] != v for n, v in trial.architecture.items()) for p in parents]


def test_the_first_p_are_random_and_failures_are_replaced():
    search = Search(GRID, AgingEvolution(population_size=4, sample_size=2))
    origins = []
    for i in range(8):
        trial = search.ask()
        origins.append(trial.origin)
        search.tell(trial, None if i < 2 else 1.0)
    assert origins == ["random"] * 6 + ["mutation"] * 2


def test_running_trials_count_towards_the_first_population():
    search = Search(GRID, AgingEvolution(population_size=4, sample_size=2))
    first = [search.ask() for _ in range(4)]
    search.tell(first[0], 1.0)
    assert search.ask().origin == "mutation"


def test_it_beats_random_search_over_50_seeds():
    def best(strategy, seed):
        return max(map(score, trained(Search(GRID, strategy, seed=seed), 80)))

    ours = np.array([best(AgingEvolution(), seed) for seed in range(50)])
    random = np.array([best(RandomSearch(), seed) for seed in range(50)])
    assert ours.mean() > random.mean() + 3 * (ours - random).std() / np.sqrt(50)


def test_sizes_are_checked():
    with pytest.raises(UserError, match="sample_size is 5"):
        AgingEvolution(population_size=4, sample_size=5)
