"""Aging evolution."""

from __future__ import annotations

import numpy as np
import pytest
from landscapes import GRID, proposals, score

from nni_nasplus import SearchSpace, UserError
from nni_nasplus.strategies import AgingEvolution, RandomSearch


def test_the_smallest_use():
    space = SearchSpace({"op0": ["conv", "pool"], "op1": ["conv", "pool", "skip"]})
    s = AgingEvolution(space, seed=0, direction="maximize")
    a = s.ask()
    assert set(a) == {"op0", "op1"}
    s.tell(a, 0.91)
    s.tell(s.ask(), None)


class TestAgingEvolution:
    def run(self, cycles, population=10, sample=3, seed=0):
        strategy = AgingEvolution(GRID, seed=seed, population_size=population, sample_size=sample)
        for _ in range(cycles):
            before = list(strategy.population)
            proposal = strategy.propose()
            strategy.tell(proposal.architecture, score(proposal.architecture))
            yield strategy, before, proposal

    def test_the_population_is_always_full_and_every_member_dies_after_p_births(self):
        born = []
        for strategy, _, proposal in self.run(60):
            born.append(proposal.architecture)
            assert [o.architecture for o in strategy.population] == born[-10:]

    def test_children_differ_from_a_member_in_one_decision(self):
        for _, before, proposal in self.run(60):
            if proposal.origin == "mutation":
                distances = [sum(o.architecture[n] != v for n, v in proposal.architecture.items()) for o in before]
                assert min(distances) == 1

    def test_with_s_equal_to_p_the_parent_is_the_best_of_the_population(self):
        for _, before, proposal in self.run(40, population=5, sample=5):
            if proposal.origin == "mutation":
                best = max(o.utility for o in before)
                parents = [o.architecture for o in before if o.utility == best]
                assert 1 in [sum(p[n] != v for n, v in proposal.architecture.items()) for p in parents]

    def test_the_first_p_are_random_and_failures_are_replaced(self):
        strategy = AgingEvolution(GRID, population_size=4, sample_size=2)
        origins = []
        for i in range(8):
            proposal = strategy.propose()
            origins.append(proposal.origin)
            strategy.tell(proposal.architecture, None if i < 2 else 1.0)
        assert origins == ["random"] * 6 + ["mutation"] * 2

    def test_running_trials_count_towards_the_first_population(self):
        strategy = AgingEvolution(GRID, population_size=4, sample_size=2)
        first = [strategy.ask() for _ in range(4)]
        strategy.tell(first[0], 1.0)
        assert strategy.propose().origin == "mutation"

    def test_it_beats_random_search_over_50_seeds(self):
        def best(kind, seed):
            return max(map(score, proposals(kind(GRID, seed=seed), 80)))

        ours = np.array([best(AgingEvolution, seed) for seed in range(50)])
        random = np.array([best(RandomSearch, seed) for seed in range(50)])
        assert ours.mean() > random.mean() + 3 * (ours - random).std() / np.sqrt(50)

    def test_sizes_are_checked(self):
        with pytest.raises(UserError, match="sample_size is 5"):
            AgingEvolution(GRID, population_size=4, sample_size=5)
