"""Synaptic flow."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_networks import SPACES, N, case, cases, chain, generator
from torch import nn

from nni_nasplus.proxies import (
    random_batch,
    synaptic_flow,
    synflow,
)


class TestSynFlow:
    @cases
    @given(st.integers(0, 10**6), st.lists(st.integers(1, 6), min_size=2, max_size=5))
    def test_flow_is_conserved_from_layer_to_layer(self, seed, widths):
        torch.manual_seed(seed)
        network = chain(*widths)
        flows = [float(flow.sum()) for flow in synaptic_flow(network, torch.randn(3, widths[0])).values()]
        value = torch.ones(widths[0], dtype=torch.float64)
        for layer in network[::2]:
            value = layer.weight.detach().double().abs() @ value
        assert flows == pytest.approx([float(value.sum())] * (len(widths) - 1), rel=1e-9)
        assert synflow(network, torch.randn(3, widths[0])) == pytest.approx(sum(flows))

    @pytest.mark.parametrize("name", ["nasbench201", "events", "rnn"])
    def test_data_do_not_matter(self, name):
        network, batch = case(name)
        other = random_batch(SPACES[name](), N + 1, generator(5))
        if name != "events":
            assert synflow(network, batch) == synflow(network, other)
        assert synflow(network, batch) > 0

    def test_norms_pass_on_what_they_are_given(self):
        plain = nn.Sequential(nn.Conv2d(2, 3, 3, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(27, 4, bias=False))
        normed = nn.Sequential(plain[0], nn.BatchNorm2d(3), plain[1], plain[2], nn.LayerNorm(27), plain[3])
        nn.init.constant_(normed[1].weight, 7.0)
        images = torch.randn(1, 2, 5, 5)
        assert synflow(normed, images) == pytest.approx(synflow(plain, images), rel=1e-12)
