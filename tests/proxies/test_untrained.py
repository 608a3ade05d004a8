"""The score of an architecture, of a network that is not trained."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pools import NB201

from nni_nasplus.proxies import SCORES, FreshScore


class TestFreshScore:
    def test_it_is_a_function_of_the_architecture_alone(self):
        score, again = (FreshScore(NB201, "ntk", seed=3) for _ in range(2))
        cell, other = (NB201.search_space.sample(np.random.default_rng(seed)) for seed in range(2))
        random = torch.get_rng_state()
        torch.manual_seed(9)
        values = score(cell), score(other)
        torch.set_rng_state(random)
        assert (again(cell), again(other)) == values
        assert values[0] != values[1]
        assert min(values) >= 1

    @pytest.mark.parametrize("name", SCORES)
    def test_a_network_that_passes_nothing_on_has_the_worst_of_scores_or_none(self, name):
        cells = [dict.fromkeys(NB201.search_space.decisions, op) for op in ("none", "nor_conv_3x3")]
        score = FreshScore(NB201, name)
        nothing, full = (SCORES[name].utility(score(cell)) for cell in cells)
        assert not nothing > full
