"""The proxy of an architecture, of a network that is not trained."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pools import NB201

from nni_nasplus import registry
from nni_nasplus.proxies import UntrainedProxy, proxy_named


class TestUntrainedProxy:
    def test_it_is_a_function_of_the_architecture_alone(self):
        proxy, again = (UntrainedProxy(NB201, "ntk", seed=3) for _ in range(2))
        cell, other = (NB201.search_space.sample(np.random.default_rng(seed)) for seed in range(2))
        random = torch.get_rng_state()
        torch.manual_seed(9)
        values = proxy(cell), proxy(other)
        torch.set_rng_state(random)
        assert (again(cell), again(other)) == values
        assert values[0] != values[1]
        assert min(values) >= 1

    @pytest.mark.parametrize("name", registry.available("proxies"))
    def test_a_network_that_passes_nothing_on_has_the_worst_of_values_or_none(self, name):
        cells = [dict.fromkeys(NB201.search_space.decisions, op) for op in ("none", "nor_conv_3x3")]
        proxy = UntrainedProxy(NB201, name)
        nothing, full = (proxy_named(name).utility(proxy(cell)) for cell in cells)
        assert not nothing > full
