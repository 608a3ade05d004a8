"""Medians, their ratios and their intervals."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
import pytest

from nni_nasplus.replay.resampling import estimate_median, estimate_ratio, median, random_median


class TestResampling:
    def test_the_median_bears_searches_that_never_arrived(self):
        assert median(np.array([3.0, np.inf, 1.0, np.inf])) == 3
        assert median(np.array([3.0, np.inf, np.inf])) == np.inf

    def test_the_interval_holds_the_median_95_times_in_100(self):
        rng = np.random.default_rng(0)
        estimates = [estimate_median(rng.exponential(size=31)) for _ in range(400)]
        covered = np.mean([e.low <= np.log(2) <= e.high for e in estimates])
        assert 0.91 < covered < 0.99

    def test_no_spread_is_no_interval(self):
        assert estimate_median([7.0] * 20) == (7, 7, 7)

    def test_the_ratio_is_of_medians_over_paired_seeds(self):
        ours = np.arange(1.0, 32.0)
        assert estimate_ratio(ours, 3 * ours) == (3, 3, 3)

    def test_the_ratio_with_searches_that_never_arrived(self):
        never = [np.inf] * 5
        assert estimate_ratio([4.0] * 5, never) == (np.inf,) * 3
        assert estimate_ratio(never, [4.0] * 5) == (0, 0, 0)
        assert estimate_ratio(never, never) == (1, 1, 1)

    @pytest.mark.parametrize(("rows", "top"), [(1, 1), (6, 1), (7, 2), (9, 4), (8, 8)])
    def test_the_median_of_random_search_is_exact(self, rows, top):
        firsts = sorted(min(places) for places in combinations(range(1, rows + 1), top))
        assert len(firsts) == comb(rows, top)
        assert random_median(rows, top) == firsts[(len(firsts) - 1) // 2]
