"""The contract of every strategy."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from landscapes import GRID, STARTS, Begun, proposals, score

from nni_nasplus import SearchSpace, SearchSpaceExhausted, UserError, registry
from nni_nasplus.search.ranking import Ranking

STRATEGIES = {name: registry.load("strategies", name) for name in registry.available("strategies")}
SMALL = SearchSpace({"op": ["a", "b", "c"], "heads": [1, 2]}, {"heads": {"op": ["a"]}})


def scored(space, count=20):
    """The option of some architectures of a space with a score of theirs, here and there none or an infinite one."""
    rng = np.random.default_rng(0)
    drawn = list({space.key(a): a for a in (space.sample(rng) for _ in range(count))}.values())
    utilities = [
        [np.nan, np.inf, -np.inf, len(str(a)) + sum(map(len, map(str, a.values())))][i % 4] for i, a in enumerate(drawn)
    ]
    return Ranking.of(drawn, utilities).to_json(space)


def with_scored(kind):
    """A strategy that is given a pool of scored architectures of its space."""
    return lambda space, **options: kind(space, scored=scored(space), **options)


STRATEGIES |= {f"{name}, scored": with_scored(STRATEGIES[name]) for name in ("score", "thompson")}


@pytest.fixture(params=sorted(STRATEGIES))
def kind(request):
    return STRATEGIES[request.param]


def test_equal_seeds_reproduce_and_others_do_not(kind):
    first = proposals(kind(GRID, seed=1), 30)
    assert first == proposals(kind(GRID, seed=1), 30)
    assert first != proposals(kind(GRID, seed=2), 30)


@pytest.mark.parametrize("count", [110, pytest.param(500, marks=pytest.mark.slow)])
def test_asynchronous_proposals_are_canonical_and_never_repeat(kind, count):
    strategy, rng, keys = kind(GRID, seed=0), np.random.default_rng(0), set()
    for asked in range(count):
        architecture = strategy.ask()
        assert architecture == GRID.validate(architecture)
        keys.add(GRID.key(architecture))
        while len(strategy.pending) > rng.integers(1, 8):
            told = strategy.pending[rng.integers(len(strategy.pending))]
            strategy.tell(told, None if asked < 100 and rng.random() < 0.1 else score(told) + rng.normal())
    assert len(keys) == count


@settings(deadline=None, max_examples=15)
@given(
    st.integers(0, 1000),
    st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 7)), max_size=40),
    st.sampled_from([None, [], STARTS]),
)
@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_state_survives_save_and_load_at_any_moment_with_many_in_flight(name, seed, steps, starts):
    strategy = STRATEGIES[name](GRID, seed=seed, starts=starts)
    for ask, fail, which in steps:
        if ask or not strategy.pending:
            strategy.ask()
        else:
            told = strategy.pending[which % len(strategy.pending)]
            strategy.tell(told, None if fail else score(told), cost=1.0)
    restored = STRATEGIES[name](GRID, seed=seed, starts=starts)
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
    for _ in range(40):
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


def test_what_is_not_feasible_is_never_proposed_and_what_is_left_is_exhausted_cleanly(kind):
    strategy = kind(GRID, seed=0, feasible=lambda a: a["d0"] == a["d1"] == a["d2"] == 0)
    seen = set()
    with pytest.raises(SearchSpaceExhausted, match="limits"):
        while True:
            architecture = strategy.ask()
            assert score(architecture) == sum(architecture[f"d{i}"] for i in (3, 4, 5))
            seen.add(GRID.key(architecture))
            strategy.tell(architecture, score(architecture))
    assert len(seen) == 4**3


def test_what_is_in_use_already_is_proposed_first_unless_told_before_or_not_feasible(kind):
    strategy = kind(GRID, seed=0, starts=STARTS)
    assert [strategy.propose() for _ in STARTS] == [(start, "start") for start in STARTS]
    assert strategy.propose().origin != "start"
    strategy = kind(GRID, seed=0, starts=STARTS, feasible=lambda architecture: architecture != STARTS[1])
    strategy.tell(STARTS[0], 1.0)
    assert strategy.ask() == STARTS[2]


def test_a_start_outside_the_space_is_named(kind):
    with pytest.raises(UserError, match="decision 'd0' cannot be 7"):
        kind(GRID, seed=0, starts=[{**STARTS[0], "d0": 7}])


def test_strategies_that_learn_begin_with_what_the_space_names(kind):
    strategy = kind(Begun(GRID.decisions), seed=0)
    assert (strategy.propose().origin == "start") == strategy.learns
    assert kind(Begun(GRID.decisions), seed=0, starts=[]).propose().origin != "start"


def test_bad_arguments_are_named(kind):
    with pytest.raises(ValueError, match="direction"):
        kind(GRID, direction="up")
    with pytest.raises(ValueError, match="seed"):
        kind(GRID, seed=-1)
