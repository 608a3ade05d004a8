"""What neural predictors have in common."""

from __future__ import annotations

import numpy as np
import torch
from edges import EDGES, trained

from nni_nasplus import registry
from nni_nasplus.predictors.neural.bananas import Bananas


def test_networks_learn_anew_with_every_tenth_result():
    architectures, utilities = trained(30)
    predictor = Bananas(EDGES)
    predictor.fit(architectures[:20], utilities[:20])
    before = predictor.predict(architectures)
    predictor.fit(architectures[:29], utilities[:29])
    np.testing.assert_array_equal(predictor.predict(architectures), before)
    predictor.fit(architectures, utilities)
    assert (predictor.predict(architectures)[0] != before[0]).any()


def test_a_fit_leaves_torchs_generator_and_its_threads_as_they_were():
    architectures, utilities = trained(10)
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    for seed in (0, 1):
        registry.load("predictors", "gcn")(EDGES, seed=seed).fit(architectures, utilities)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
