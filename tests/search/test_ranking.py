"""Architectures ranked by a score: the order is all that is kept, and travels as short JSON."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from pools import GRID, SPACES, sampled

from nni_nasplus import UserError
from nni_nasplus.proxies import SCORES
from nni_nasplus.search.ranking import DIRECTIONS, MOST, Ranking


class TestScoredArchitectures:
    def test_ranks_are_all_that_is_kept(self):
        drawn = sampled(GRID, 6)
        scored = Ranking.of(drawn, [math.nan, 2.0, math.inf, -math.inf, 1e9, 2.0])
        assert scored.architectures == [drawn[i] for i in (2, 4, 1, 5, 0, 3)]
        assert scored.ranks.tolist() == [1, 2, 3.5, 3.5, 5.5, 5.5]
        np.testing.assert_array_equal(Ranking.of(drawn, [0, 7, 9, 0, 8, 7]).ranks, scored.ranks)

    @pytest.mark.parametrize("name", SPACES)
    def test_they_travel_as_short_json(self, name):
        space = SPACES[name].search_space
        drawn = sampled(space, MOST)
        scored = Ranking.of(drawn, np.random.default_rng(0).normal(size=MOST))
        text = json.dumps(scored.to_json(space), allow_nan=False)
        read = Ranking.from_json(space, json.loads(text))
        assert read.architectures == scored.architectures
        assert [list(a) for a in read.architectures] == [list(a) for a in scored.architectures]
        np.testing.assert_array_equal(read.ranks, scored.ranks)
        assert len(text) * 4 / 3 < 100 * 2**10

    @pytest.mark.parametrize(
        "content",
        [
            "many",
            {},
            {"architectures": ["0"], "ranks": [1]},
            {"architectures": ["0 0 0 0 0 0"], "ranks": [1]},
            {"architectures": ["9 9 9 9 9"], "ranks": [1]},
            {"architectures": ["a a a a a"], "ranks": [1]},
            {"architectures": [[0] * 5], "ranks": [1]},
            {"architectures": ["0 0 0 0 0"], "ranks": ["first"]},
            {"architectures": ["0 0 0 0 0"], "ranks": []},
        ],
    )
    def test_what_is_not_of_the_space_is_named(self, content):
        with pytest.raises(UserError, match="'scored' holds"):
            Ranking.from_json(GRID, content)


def test_scored_architectures_and_the_strategies_need_no_torch():
    code = (
        "import sys, nni_nasplus.search.ranking, nni_nasplus.strategies.training_free; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_names_are_those_of_the_scores():
    assert list(SCORES) == list(DIRECTIONS)
    assert all(score.direction == DIRECTIONS[name] for name, score in SCORES.items())
