"""What the scores of some architectures say about all of them."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from pools import GRID, sampled
from scipy.stats import kendalltau

from nni_nasplus.predictors.score_prior import ScorePrior
from nni_nasplus.search.ranking import MOST, Ranking
from nni_nasplus.strategies import ThompsonSampling


class TestScorePrior:
    def test_it_learns_the_order_of_architectures_that_were_not_scored(self):
        weights = np.random.default_rng(0).normal(size=(5, 4))

        def score(a):
            return float(np.exp(20 * sum(weights[i, v] for i, v in enumerate(a.values()))))

        drawn, new = sampled(GRID, 200), sampled(GRID, 200, seed=1)
        prior = ScorePrior(GRID, Ranking.of(drawn, [score(a) for a in drawn]))
        assert kendalltau(prior(new), [score(a) for a in new]).statistic > 0.8
        np.testing.assert_allclose(prior(new), [prior([a])[0] for a in new])

    @pytest.mark.parametrize("count", [0, 1, 30])
    def test_what_is_alike_says_nothing(self, count):
        drawn = sampled(GRID, count)
        opinions = ScorePrior(GRID, Ranking.of(drawn, [-math.inf] * count))(sampled(GRID, 40, seed=1))
        np.testing.assert_allclose(opinions, opinions[0], atol=1e-9)

    def test_a_proposal_with_it_takes_little_longer(self):
        drawn = sampled(GRID, MOST)
        option = Ranking.of(drawn, np.random.default_rng(0).normal(size=MOST)).to_json(GRID)
        strategies = ThompsonSampling(GRID), ThompsonSampling(GRID, scored=option)
        seconds = []
        for strategy in strategies:
            for i, architecture in enumerate(sampled(GRID, 30, seed=2)):
                if strategy.is_new(architecture):
                    strategy.tell(architecture, float(i % 7))
            times = []
            for _ in range(5):
                started = time.process_time()
                strategy.tell(strategy.ask(), 1.0)
                times.append(time.process_time() - started)
            seconds.append(min(times))
        assert seconds[1] < seconds[0] + 0.1
