"""Bagged gradient boosting."""

from __future__ import annotations

import numpy as np
from edges import EDGES, trained

from nni_nasplus.predictors.assessment import held_back
from nni_nasplus.predictors.trees.boosting import Boosting


def test_the_noise_of_a_training_is_found_from_results_that_members_did_not_see():
    spreads = []
    for noise in (0.1, 1.5):
        predictor = Boosting(EDGES)
        predictor.fit(*trained(200, noise=noise))
        spreads.append(predictor.noise)
    assert spreads[0] < 0.5 * spreads[1]


def test_about_two_thirds_of_results_held_back_lie_within_one_deviation():
    architectures, utilities = trained(300, noise=1.0)
    parts = [(architectures[part], utilities[part]) for part in (slice(0, 150), slice(150, None))]
    _, residual = held_back(Boosting(EDGES), *parts)
    assert 0.5 < (np.abs(residual) <= 1).mean() < 0.85
