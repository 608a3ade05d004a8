"""Patterns of activation: the linear regions that they tell apart, and NASWOT's kernel of them."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_networks import SPACES, N, case, cases, chain
from torch import nn

from nni_nasplus import UserError
from nni_nasplus.networks.supernet import Edge
from nni_nasplus.proxies import (
    linear_regions,
    naswot,
    patterns,
)
from nni_nasplus.proxies.hamming import hamming_kernel
from nni_nasplus.spaces.images import ChainMacro, NasBench201Supernet


class TestPatterns:
    @pytest.mark.parametrize(
        "activation",
        [
            nn.ReLU(inplace=True),
            torch.relu,
            torch.Tensor.relu,
            torch.Tensor.relu_,
            nn.functional.relu,
            nn.LeakyReLU(),
            nn.Mish(),
            nn.GELU(),
            torch.tanh,
        ],
    )
    def test_an_activation_is_seen_however_it_is_called(self, activation):
        class Network(nn.Module):
            def __init__(self):
                super().__init__()
                self.layer = nn.Linear(3, 4)

            def forward(self, x):
                return activation(self.layer(x))

        network, x = Network(), torch.randn(5, 3)
        (signs,) = patterns(network, x)
        assert torch.equal(signs, network.layer(x) > 0)

    def test_the_thin_supernet_of_te_nas_has_117_units(self):
        """18 3×3 patches each for the operations, 9 for the last ReLU."""
        supernet = NasBench201Supernet(ChainMacro(1, 1, in_channels=1, stages=1, stem=False))
        images = torch.randn(4, 1, 3, 3)
        assert sum(signs.shape[1] for signs in patterns(supernet, images)) == 117
        edge = Edge("cell", 0, 1)
        with supernet.without(edge, "nor_conv_3x3"):
            assert sum(signs.shape[1] for signs in patterns(supernet, images)) == 108

    def test_of_texts_examples_are_columns(self):
        network, tokens = case("rnn")
        assert {len(signs) for signs in patterns(network, tokens)} == {N}
        assert len(patterns(network, tokens)) % len(tokens) == 0

    def test_without_a_relu(self):
        network, images = nn.Linear(3, 2), torch.randn(4, 3)
        assert patterns(network, images) == []
        assert linear_regions(network, images) == 1
        assert naswot(network, images) == -math.inf
        for score in (linear_regions, naswot):
            with pytest.raises(UserError, match="no ReLU in the model"):
                score(network, images, strict=True)


class TestLinearRegions:
    @cases
    @given(st.integers(0, 10**6), st.integers(2, 40), st.integers(1, 20))
    def test_it_counts_distinct_rows(self, seed, count, units):
        torch.manual_seed(seed)
        network, points = chain(2, units, units, 1, bias=True), torch.randn(count, 2)
        x = network[0](points)
        rows = torch.cat([x > 0, network[2](x.clamp(min=0)) > 0], 1)
        found = linear_regions(network, points)
        assert found == len(torch.unique(rows, dim=0)) <= count

    def test_a_line_is_cut_once_by_each_unit(self):
        """ReLUs of x, x − 1, …, x − 9 cut a line into 11 regions."""
        network = nn.Sequential(nn.Linear(1, 10), nn.ReLU())
        network[0].weight.data.fill_(1.0)
        network[0].bias.data = -torch.arange(10.0)
        assert linear_regions(network, torch.linspace(-2, 12, 500).unsqueeze(1)) == 11

    def test_equal_examples_are_one_region(self):
        network, batch = case("nasbench201")
        assert linear_regions(network, torch.ones_like(batch)) == 1


class TestNASWOT:
    @pytest.mark.parametrize("name", SPACES)
    def test_the_kernel_is_units_less_hamming_distance(self, name):
        network, batch = case(name)
        kernel, on = hamming_kernel(network, batch), torch.cat(patterns(network, batch), 1)
        assert (kernel.diag() == on.shape[1]).all()
        expected = [[int((a == b).sum()) for a in on] for b in on]
        assert kernel.tolist() == expected
        assert naswot(network, batch) == pytest.approx(float(torch.linalg.slogdet(kernel)[1]), rel=1e-9)

    def test_equal_examples_give_minus_infinity(self):
        network, batch = case("darts")
        assert naswot(network, torch.cat([batch, batch[2:3]])) == -math.inf

    def test_fewer_units_than_examples_give_minus_infinity(self):
        assert naswot(chain(3, 2, 1), torch.randn(8, 3)) == -math.inf
