"""The strategy that trains architectures in the order of a zero-cost proxy."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pools import GRID, sampled

from nni_nasplus import Search, SearchSpaceExhausted, UserError
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.strategy import make_strategy
from nni_nasplus.strategies.training_free import TrainingFree

cases = settings(max_examples=25, deadline=None, database=None)


class TestTrainingFree:
    @staticmethod
    def search(seed=0, count=50, space=GRID, **options):
        drawn = sampled(space, count) if count else list(space)
        distinct = list({space.key(a): a for a in drawn}.values())
        ranking = Ranking.of(distinct, [sum(a.values()) for a in distinct])
        return Search(space, TrainingFree(), seed=seed, ranking=ranking, **options)

    def test_the_best_of_the_pool_comes_first_and_then_random_ones(self):
        search = self.search(count=50)
        trials = [search.ask() for _ in range(60)]
        scores = [sum(t.architecture.values()) for t in trials if t.origin == "presearch"]
        assert len(scores) > 40
        assert scores == sorted(scores, reverse=True)
        assert [t.origin for t in trials[len(scores) :]] == ["random"] * (60 - len(scores))

    def test_a_whole_space_is_proposed_in_its_order_and_exhausted(self):
        search, scores = self.search(count=0), []
        with pytest.raises(SearchSpaceExhausted):
            while True:
                scores.append(sum(search.ask().architecture.values()))
        assert scores == sorted(scores, reverse=True)
        assert len(scores) == GRID.size

    @cases
    @given(st.integers(0, 99), st.integers(1, 60), st.integers(1, 30))
    def test_a_fresh_one_goes_on(self, seed, asked, count):
        search, restored = self.search(seed, count), self.search(seed, count)
        for _ in range(asked):
            search.tell(search.ask(), 0.0)
        restored.history = search.history
        assert restored.propose() == search.propose()

    @pytest.mark.parametrize(
        ("options", "named"),
        [
            ({"pool": 0}, "pool is 0; use 1 or more"),
            ({"pool": 2.5}, "pool"),
            ({"proxy": "magic"}, "unknown proxy 'magic'; available: flops, "),
            ({"depth": 1}, "strategy 'proxy' has no option 'depth'"),
        ],
    )
    def test_bad_options_are_named(self, options, named):
        with pytest.raises(UserError, match=named):
            make_strategy("proxy", options)
