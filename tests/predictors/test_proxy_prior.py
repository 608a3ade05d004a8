"""What a proxy of some architectures says about all of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pools import GRID, sampled
from scipy.stats import kendalltau

from nni_nasplus.predictors.proxy_prior import ProxyPrior
from nni_nasplus.search.ranking import Ranking


class TestProxyPrior:
    def test_it_learns_the_order_of_architectures_that_were_not_scored(self):
        weights = np.random.default_rng(0).normal(size=(5, 4))

        def score(a):
            return float(np.exp(20 * sum(weights[i, v] for i, v in enumerate(a.values()))))

        drawn, new = sampled(GRID, 200), sampled(GRID, 200, seed=1)
        prior = ProxyPrior(GRID, Ranking.of(drawn, [score(a) for a in drawn]))
        assert kendalltau(prior(new), [score(a) for a in new]).statistic > 0.8
        np.testing.assert_allclose(prior(new), [prior([a])[0] for a in new])

    @pytest.mark.parametrize("count", [0, 1, 30])
    def test_what_is_alike_says_nothing(self, count):
        drawn = sampled(GRID, count)
        opinions = ProxyPrior(GRID, Ranking.of(drawn, [-math.inf] * count))(sampled(GRID, 40, seed=1))
        np.testing.assert_allclose(opinions, opinions[0], atol=1e-9)
