"""Ranked architectures: the order is all that is kept, and travels as JSON."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from pools import GRID, SPACES, sampled

from nni_nasplus import UserError
from nni_nasplus.search.ranking import Ranking

FIRST = dict.fromkeys(GRID.decisions, 0)


class TestRanking:
    def test_ranks_are_all_that_is_kept(self):
        drawn = sampled(GRID, 6)
        scored = Ranking.of(drawn, [math.nan, 2.0, math.inf, -math.inf, 1e9, 2.0])
        assert scored.architectures == [drawn[i] for i in (2, 4, 1, 5, 0, 3)]
        assert scored.ranks.tolist() == [1, 2, 3.5, 3.5, 5.5, 5.5]
        np.testing.assert_array_equal(Ranking.of(drawn, [0, 7, 9, 0, 8, 7]).ranks, scored.ranks)

    @pytest.mark.parametrize("name", SPACES)
    def test_they_travel_as_json(self, name):
        space = SPACES[name].search_space
        drawn = sampled(space, 300)
        scored = Ranking.of(drawn, np.random.default_rng(0).normal(size=300))
        text = json.dumps(scored.to_json(space), allow_nan=False)
        read = Ranking.from_json(space, json.loads(text))
        assert read.architectures == scored.architectures
        assert [list(a) for a in read.architectures] == [list(a) for a in scored.architectures]
        np.testing.assert_array_equal(read.ranks, scored.ranks)

    @pytest.mark.parametrize(
        "content",
        [
            "many",
            {},
            {"architectures": [{"d0": 0}], "ranks": [1]},
            {"architectures": [FIRST | {"d5": 0}], "ranks": [1]},
            {"architectures": [FIRST | {"d4": 9}], "ranks": [1]},
            {"architectures": [FIRST | {"d4": "a"}], "ranks": [1]},
            {"architectures": [[0] * 5], "ranks": [1]},
            {"architectures": ["0 0 0 0 0"], "ranks": [1]},
            {"architectures": [None], "ranks": [1]},
            {"architectures": [FIRST], "ranks": ["first"]},
            {"architectures": [FIRST], "ranks": [[1]]},
            {"architectures": [FIRST], "ranks": []},
            {"architectures": [FIRST], "ranks": [float("inf")]},
        ],
    )
    def test_what_is_not_of_the_space_is_named(self, content):
        with pytest.raises(UserError, match=r"the ranking (is none|has)"):
            Ranking.from_json(GRID, content)
