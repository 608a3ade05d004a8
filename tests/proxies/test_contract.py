"""The contract of every zero-cost proxy: a pure function, on all data."""

from __future__ import annotations

import math
from copy import deepcopy

import pytest
import torch
from recurrent_classifiers import classifier, padded, texts_of
from small_networks import SPACES, N, case, generator
from torch import nn

from nni_nasplus import UserError, registry
from nni_nasplus.data.images import ImageBatch
from nni_nasplus.proxies import (
    ntk_condition,
    proxy_named,
    random_batch,
    require_distinct,
)
from nni_nasplus.proxies.examples import one
from nni_nasplus.spaces.images import ChainMacro, NasBench201Space, NasBench201Supernet


class TestContract:
    @pytest.mark.parametrize("proxy", registry.available("proxies"))
    @pytest.mark.parametrize("name", SPACES)
    def test_a_proxy_is_a_pure_function(self, name, proxy):
        network, batch = case(name)
        network.train()
        list(network.modules())[-1].eval()
        for p in network.parameters():
            p.grad = torch.full_like(p, 0.5)
        next(network.parameters()).requires_grad_(False)
        state, modes = deepcopy(network.state_dict()), [m.training for m in network.modules()]
        hooks = [len(m._forward_hooks) for m in network.modules()]
        before, random = deepcopy(batch), torch.get_rng_state()
        first = proxy_named(proxy)(network, batch, generator(1))
        assert isinstance(first, float)
        assert first == -math.inf if (name, proxy) == ("rnn", "naswot") else math.isfinite(first)
        assert proxy_named(proxy)(network, batch, generator(1)) == first
        assert torch.equal(torch.get_rng_state(), random)
        assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
        assert [m.training for m in network.modules()] == modes
        assert [len(m._forward_hooks) for m in network.modules()] == hooks
        assert all((p.grad == 0.5).all() for p in network.parameters())
        assert [p.requires_grad for p in network.parameters()].count(False) == 1
        fields = zip(*((b if isinstance(b, tuple) else [b]) for b in (batch, before)), strict=True)
        assert all(torch.equal(now, then) for now, then in fields)

    @pytest.mark.parametrize("proxy", registry.available("proxies"))
    def test_dropout_is_off(self, proxy):
        """Of a network with dropout, trained or not, a proxy is that of the network without."""
        networks = [nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Dropout(p), nn.Linear(8, 3)) for p in (0.0, 0.9)]
        networks[1].load_state_dict(networks[0].state_dict())
        images = torch.randn(N, 5, generator=generator())
        values = [proxy_named(proxy)(network.train(), images, generator()) for network in networks]
        assert values[0] == values[1]

    @pytest.mark.parametrize("proxy", registry.available("proxies"))
    def test_a_supernet_has_values(self, proxy):
        torch.manual_seed(0)
        supernet = NasBench201Supernet(ChainMacro(3, 1))
        value = proxy_named(proxy)(supernet, torch.randn(N, 3, 8, 8, generator=generator()))
        assert math.isfinite(value)

    @pytest.mark.parametrize("proxy", ["grad_norm", "snip"])
    def test_the_generator_draws_the_labels_that_are_not_known(self, proxy):
        network, images = case("nasbench201")
        drawn = {proxy_named(proxy)(network, images, generator(seed)) for seed in range(3)}
        assert len(drawn) == 3
        labels = torch.arange(N)
        known = {proxy_named(proxy)(network, ImageBatch(images, labels), generator(seed)) for seed in range(3)}
        assert len(known) == 1
        assert not known & drawn

    @pytest.mark.parametrize("proxy", registry.available("proxies"))
    def test_texts_have_values_whatever_follows_them(self, proxy):
        torch.manual_seed(0)
        texts = texts_of([7] * 5)
        value = proxy_named(proxy)(classifier("lstm"), padded(texts), generator())
        assert math.isfinite(value)

    def test_names_and_directions(self):
        proxies = map(proxy_named, registry.available("proxies"))
        assert {proxy.name for proxy in proxies if proxy.direction == "lower"} == {"ntk", "ntk_fixed"}
        assert proxy_named("ntk").utility(3.0) == -3.0 and proxy_named("naswot").utility(3.0) == 3.0
        with pytest.raises(UserError, match="unknown proxy 'magic'; available: flops, "):
            proxy_named("magic")


class TestBadInput:
    @pytest.mark.parametrize("proxy", ["ntk", "ntk_fixed", "linear_regions", "naswot", "jacob_cov"])
    @pytest.mark.parametrize("name", SPACES)
    def test_a_batch_of_one(self, proxy, name):
        network, batch = case(name)
        with pytest.raises(UserError, match="the batch has one example"):
            proxy_named(proxy)(network, one(batch, 0))

    def test_equal_examples(self):
        network, batch = case("nasbench201")
        for same in (torch.zeros_like(batch), batch[:1].expand(N, -1, -1, -1)):
            with pytest.raises(UserError, match=f"all {N} examples of the batch are equal"):
                proxy_named("jacob_cov")(network, same)
        labels = torch.arange(N)
        with pytest.raises(UserError, match="are equal"):
            require_distinct(ImageBatch(torch.zeros_like(batch), labels))
        for name in SPACES:
            require_distinct(case(name)[1])

    def test_an_output_that_is_not_one_of_examples(self):
        with pytest.raises(UserError, match=r"the network gives \(20,\) for 4 examples"):
            ntk_condition(nn.Sequential(nn.Linear(5, 5), nn.Flatten(0)), torch.randn(4, 5))

    def test_a_network_without_weights(self):
        with pytest.raises(UserError, match="no parameter named a weight"):
            ntk_condition(nn.Flatten(), torch.randn(4, 5))

    def test_a_space_of_unknown_data(self):
        space = NasBench201Space(4, 1)
        space.example = lambda: "text"
        with pytest.raises(UserError, match="no random inputs for NasBench201Space"):
            random_batch(space, 2, generator())
