"""The strategy that trains architectures in the order of a training-free score."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pools import GRID, sampled

from nni_nasplus import SearchSpaceExhausted, UserError, registry
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.strategies.training_free import TrainingFree

cases = settings(max_examples=25, deadline=None, database=None)


class TestTrainingFree:
    @staticmethod
    def strategy(seed=0, count=50, space=GRID, **options):
        drawn = sampled(space, count) if count else list(space)
        distinct = list({space.key(a): a for a in drawn}.values())
        scored = Ranking.of(distinct, [sum(a.values()) for a in distinct])
        return TrainingFree(space, seed=seed, scored=scored.to_json(space), **options)

    def test_the_best_of_the_pool_comes_first_and_then_random_ones(self):
        strategy = self.strategy(count=50)
        proposals = [strategy.propose() for _ in range(60)]
        scores = [sum(p.architecture.values()) for p in proposals if p.origin == "score"]
        assert len(scores) > 40
        assert scores == sorted(scores, reverse=True)
        assert [p.origin for p in proposals[len(scores) :]] == ["random"] * (60 - len(scores))

    def test_a_whole_space_is_proposed_in_its_order_and_exhausted(self):
        strategy = self.strategy(count=0)
        scores = []
        with pytest.raises(SearchSpaceExhausted):
            while True:
                scores.append(sum(strategy.ask().values()))
        assert scores == sorted(scores, reverse=True)
        assert len(scores) == GRID.size

    @cases
    @given(st.integers(0, 99), st.integers(1, 60), st.integers(1, 30))
    def test_a_restored_one_goes_on(self, seed, asked, count):
        strategy = self.strategy(seed, count)
        for _ in range(asked):
            strategy.tell(strategy.ask(), 0.0)
        restored = self.strategy(seed, count)
        restored.load_state_dict(strategy.state_dict())
        assert [restored.ask() for _ in range(40)] == [strategy.ask() for _ in range(40)]

    def test_limits_are_kept_and_the_rest_of_the_space_is_found(self):
        strategy = self.strategy(count=100, feasible=lambda a: a["d0"] == 0 and a["d1"] == 3)
        found = {GRID.key(strategy.ask()) for _ in range(4**3)}
        assert len(found) == 4**3

    @pytest.mark.parametrize(
        ("options", "named"),
        [
            ({"pool": 0}, "pool is 0; use 1 or more"),
            ({"pool": 2.5}, "pool"),
            ({"score": "magic"}, "unknown score 'magic'; scores: ntk, "),
            ({"scored": [1]}, "'scored' holds no scored architectures"),
            ({"depth": 1}, "strategy 'score' has no option 'depth'"),
        ],
    )
    def test_bad_options_are_named(self, options, named):
        with pytest.raises(UserError, match=named):
            registry.make_strategy("score", GRID, seed=0, direction="maximize", options=options)
