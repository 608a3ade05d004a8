"""The contract of every strategy, and the facts of each."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nni_nasplus import SearchSpace, SearchSpaceExhausted, UserError, registry
from nni_nasplus.strategies import AgingEvolution, RandomSearch

STRATEGIES = {name: registry.load("strategies", name) for name in registry.available("strategies")}
SMALL = SearchSpace({"op": ["a", "b", "c"], "heads": [1, 2]}, {"heads": {"op": ["a"]}})
GRID = SearchSpace({f"d{i}": list(range(4)) for i in range(6)})


def score(architecture):
    """A smooth landscape over GRID with its best at all threes."""
    return float(sum(architecture.values()))


@pytest.fixture(params=sorted(STRATEGIES))
def kind(request):
    return STRATEGIES[request.param]


def proposals(strategy, count):
    out = []
    for _ in range(count):
        architecture = strategy.ask()
        strategy.tell(architecture, score(architecture))
        out.append(architecture)
    return out


def test_equal_seeds_reproduce_and_others_do_not(kind):
    assert proposals(kind(GRID, seed=1), 40) == proposals(kind(GRID, seed=1), 40)
    assert proposals(kind(GRID, seed=1), 40) != proposals(kind(GRID, seed=2), 40)


def test_proposals_are_canonical_and_never_repeat(kind):
    keys = [GRID.key(a) for a in proposals(kind(GRID, seed=0), 500)]
    assert len(set(keys)) == 500


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000), st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 7)), max_size=60))
@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_state_survives_save_and_load_at_any_moment_with_many_in_flight(name, seed, steps):
    strategy = STRATEGIES[name](GRID, seed=seed)
    for ask, fail, which in steps:
        if ask or not strategy.pending:
            strategy.ask()
        else:
            told = strategy.pending[which % len(strategy.pending)]
            strategy.tell(told, None if fail else score(told), cost=1.0)
    restored = STRATEGIES[name](GRID, seed=seed)
    restored.load_state_dict(json.loads(json.dumps(strategy.state_dict())))
    assert restored.pending == strategy.pending
    assert restored.observations == strategy.observations
    assert [restored.ask() for _ in range(5)] == [strategy.ask() for _ in range(5)]


def test_a_small_space_is_exhausted_completely_and_cleanly(kind):
    strategy = kind(SMALL, seed=0)
    seen = []
    with pytest.raises(SearchSpaceExhausted):
        while True:
            seen.append(strategy.ask())
            strategy.tell(seen[-1], 0.5)
    assert sorted(map(SMALL.key, seen)) == sorted(map(SMALL.key, SMALL))


def test_exhaustion_with_everything_in_flight(kind):
    strategy = kind(SMALL, seed=0)
    for _ in range(4):
        strategy.ask()
    with pytest.raises(SearchSpaceExhausted):
        strategy.ask()


def test_failures_never_come_back_and_do_not_stop_the_search(kind):
    strategy = kind(SMALL, seed=3)
    asked = []
    for _ in range(4):
        asked.append(strategy.ask())
        strategy.tell(asked[-1], None)
    assert len({SMALL.key(a) for a in asked}) == 4
    assert strategy.succeeded == []


def test_minimising_the_negative_is_maximising(kind):
    up, down = kind(GRID, seed=5), kind(GRID, seed=5, direction="minimize")
    for _ in range(60):
        a, b = up.ask(), down.ask()
        assert a == b
        up.tell(a, score(a))
        down.tell(b, -score(b))


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_is_refused(kind, wrong):
    strategy = kind(GRID)
    with pytest.raises(ValueError, match="None"):
        strategy.tell(strategy.ask(), wrong)


def test_a_second_result_is_refused(kind):
    strategy = kind(GRID)
    architecture = strategy.ask()
    strategy.tell(architecture, 1.0)
    with pytest.raises(ValueError, match="told before"):
        strategy.tell(architecture, 2.0)


def test_results_from_elsewhere_are_taken_and_not_proposed_again(kind):
    strategy = kind(SMALL, seed=0)
    strategy.tell({"op": "b"}, 0.9)
    rest = [strategy.ask() for _ in range(3)]
    assert {"op": "b"} not in rest


def test_bad_arguments_are_named(kind):
    with pytest.raises(ValueError, match="direction"):
        kind(GRID, direction="up")
    with pytest.raises(ValueError, match="seed"):
        kind(GRID, seed=-1)


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
