"""How utilities are warped."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nni_nasplus.predictors.warp import Warp


class TestWarp:
    @settings(deadline=None)
    @given(
        st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30, unique=True), st.floats(-2e3, 2e3), st.floats(0, 1e3)
    )
    def test_it_keeps_every_order_also_beyond_the_best(self, utilities, low, gap):
        warp = Warp.of(np.array(utilities))
        assert warp(np.array([low]))[0] <= warp(np.array([low + gap]))[0]

    def test_known_utilities_have_mean_0_and_deviation_1_and_a_collapse_is_not_far_away(self):
        utilities = np.array([0.90, 0.91, 0.92, 0.93, 0.94, 0.10])
        warped = Warp.of(utilities)(utilities)
        assert warped.mean() == pytest.approx(0)
        assert warped.std() == pytest.approx(1)
        collapsed = (warped[0] - warped[5]) / (warped[4] - warped[0])
        assert collapsed < (0.90 - 0.10) / (0.94 - 0.90) / 5
