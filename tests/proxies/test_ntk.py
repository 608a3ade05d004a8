"""The condition of the neural tangent kernel, by naive references."""

from __future__ import annotations

import math
from copy import deepcopy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_networks import SPACES, N, case, cases, chain, generator
from torch import nn

from nni_nasplus.proxies import (
    condition_number,
    jacobian,
    ntk_condition,
)
from nni_nasplus.proxies.examples import one
from nni_nasplus.spaces.images import ChainMacro, NasBench201Supernet


def naive_jacobian(network, batch, samples):
    """One pass backwards for each example, as in the released code of TE-NAS, without dropout."""
    network = deepcopy(network).double().eval()
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.train()
    double = [f.double() if f.is_floating_point() else f for f in (batch if isinstance(batch, tuple) else [batch])]
    output = network(type(batch)(*double) if isinstance(batch, tuple) else double[0])
    logits = output[0].transpose(0, 1) if isinstance(output, tuple) else output
    rows = []
    for i in range(samples):
        network.zero_grad()
        logits[i].sum().backward(retain_graph=True)
        named = network.named_parameters()
        rows.append(torch.cat([p.grad.flatten() for name, p in named if "weight" in name and p.grad is not None]))
    return torch.stack(rows)


class TestNTK:
    @pytest.mark.parametrize("name", SPACES)
    def test_it_is_that_of_the_naive_loop(self, name):
        network, batch = case(name)
        rows = naive_jacobian(network, batch, N)
        values = torch.linalg.eigvalsh(rows @ rows.T)
        assert ntk_condition(network, batch) == pytest.approx(float(values[-1] / values[0]), rel=1e-6)

    @pytest.mark.parametrize("name", SPACES)
    def test_with_fixed_statistics_it_is_that_of_examples_alone(self, name):
        network, batch = case(name)
        frozen = deepcopy(network).double()
        for module in frozen.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.momentum = 1.0
        double = [f.double() if f.is_floating_point() else f for f in (batch if isinstance(batch, tuple) else [batch])]
        double = type(batch)(*double) if isinstance(batch, tuple) else double[0]
        for module in frozen.eval().modules():
            module.train(isinstance(module, nn.modules.batchnorm._BatchNorm))
        with torch.no_grad():
            frozen(double)
        rows = []
        for i in range(N):
            output = frozen.eval()(one(double, i))
            named = {k: p for k, p in frozen.named_parameters() if "weight" in k}
            total = (output[0] if isinstance(output, tuple) else output).sum()
            grads = torch.autograd.grad(total, list(named.values()), allow_unused=True)
            rows.append(torch.cat([g.flatten() for g in grads if g is not None]))
        expected = condition_number(torch.stack(rows))
        assert ntk_condition(network, batch, statistics="fixed") == pytest.approx(expected, rel=1e-6)

    def test_without_batch_norms_the_statistics_do_not_matter(self):
        network, images = chain(5, 9, 4), torch.randn(N, 5, generator=generator())
        assert ntk_condition(network, images) == ntk_condition(network, images, statistics="fixed")

    def test_of_a_linear_model_it_is_that_of_the_inputs(self):
        """The gradient of Σ (Wx) by W is x in each row, so Θ is C · X Xᵀ."""
        images = torch.randn(4, 7, generator=generator(), dtype=torch.float64)
        values = torch.linalg.svdvals(images)
        assert ntk_condition(nn.Linear(7, 3), images) == pytest.approx(float((values[0] / values[-1]) ** 2), rel=1e-9)

    def test_the_supernet_of_te_nas_has_14364_columns(self):
        supernet = NasBench201Supernet(ChainMacro(3, 1))
        assert jacobian(supernet, torch.randn(2, 3, 32, 32)).shape == (2, 14364)
        weights = sum(p.numel() for p in supernet.parameters()) + sum(mask.numel() for mask in supernet.masks.values())
        assert weights == 14707

    @cases
    @given(st.integers(0, 10**6), st.integers(2, 6), st.floats(1e-3, 1e3))
    def test_it_is_1_or_more_and_knows_no_scale(self, seed, count, scale):
        torch.manual_seed(seed)
        network, images = nn.Sequential(nn.Linear(6, 10), nn.ReLU(), nn.Linear(10, 3)), torch.randn(count, 6)
        κ = ntk_condition(network, images)

        class Scaled(nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = network

            def forward(self, x):
                return scale * self.inner(x)

        assert κ >= 1
        assert ntk_condition(Scaled(), images) == pytest.approx(κ, rel=1e-6)

    @pytest.mark.parametrize("statistics", ["batch", "fixed"])
    def test_equal_examples_make_it_infinite(self, statistics):
        network, batch = case("nasbench201")
        twice = torch.cat([batch, batch[:1]])
        assert ntk_condition(network, twice, statistics=statistics) == math.inf
        assert ntk_condition(network, torch.ones_like(batch), statistics=statistics) == math.inf

    def test_statistics_that_are_not_tracked_are_fixed_as_well(self):
        torch.manual_seed(0)
        conv, images = nn.Conv2d(1, 4, 3, bias=False), torch.randn(N, 1, 6, 6)
        norms = [nn.BatchNorm2d(4, track_running_stats=tracked) for tracked in (True, False)]
        networks = [nn.Sequential(conv, norm, nn.ReLU(), nn.Flatten(), nn.Linear(64, 2)) for norm in norms]
        networks[1][4].load_state_dict(networks[0][4].state_dict())
        κ = [ntk_condition(network, images, statistics="fixed") for network in networks]
        assert κ[0] == pytest.approx(κ[1], rel=1e-9)

    def test_one_logit_without_an_axis(self):
        class Squeezed(nn.Linear):
            def forward(self, x):
                return super().forward(x).squeeze(1)

        network, images = Squeezed(7, 1), torch.randn(3, 7)
        plain = nn.Linear(7, 1)
        assert ntk_condition(network, images) == pytest.approx(ntk_condition(plain, images), rel=1e-9)

    def test_fewer_weights_than_examples_make_it_infinite(self):
        assert ntk_condition(nn.Linear(3, 1), torch.randn(4, 3)) == math.inf

    def test_an_overflow_is_told_as_such(self):
        network = chain(3, 4, 2).double()
        network[2].weight.data.fill_(1e300)
        assert math.isnan(ntk_condition(network, 1e300 * torch.randn(3, 3, dtype=torch.float64)))
