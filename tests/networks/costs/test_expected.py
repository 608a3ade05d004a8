"""What a supernet would cost in the mean is what its networks cost."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from supernets import DARTS_SPACE, NB201_SPACE, random_weights

from nni_nasplus import UserError
from nni_nasplus.networks.cost import count_flops, count_parameters
from nni_nasplus.networks.costs.expected import costs_of
from nni_nasplus.networks.costs.latency import Correction, LatencyModel
from nni_nasplus.networks.costs.table import LatencyTable
from nni_nasplus.networks.costs.timing import Timing
from nni_nasplus.spaces.mobile import MobileSpace
from nni_nasplus.spaces.recurrent import DartsRecurrentSpace

MOBILE = MobileSpace(channels=8, depth=2, size=8, squeeze=False)
SPACES = {"mobile": MOBILE, "nb201": NB201_SPACE, "darts": DARTS_SPACE}


def sampled(space, seed):
    return space.search_space.sample(np.random.default_rng(seed))


@pytest.mark.parametrize("name", SPACES)
def test_a_path_costs_what_the_network_of_its_architecture_does(name):
    space = SPACES[name]
    supernet = space.supernet(affine=True)
    flops, parameters = (costs_of(supernet, space.example(), cost) for cost in ("flops", "parameters"))
    for seed in range(3):
        network, path = space.build(sampled(space, seed)), supernet.path(sampled(space, seed)).weights
        assert float(flops.expected(path)) == pytest.approx(count_flops(network, space.example()), rel=1e-6)
        if name != "darts":  # whose supernet has batch norms after pools
            assert float(parameters.expected(path)) == pytest.approx(count_parameters(network), rel=1e-6)


def test_the_cost_of_a_mixture_is_the_mean_of_the_costs_of_its_paths():
    supernet = NB201_SPACE.supernet()
    costs = costs_of(supernet, NB201_SPACE.example(), "flops")
    weights = random_weights(supernet, 0)
    generator, count = torch.Generator().manual_seed(0), 20_000
    shares = weights["cell"]
    drawn = torch.multinomial(shares, count, replacement=True, generator=generator)
    totals = costs.fixed + costs.rows["cell"].gather(1, drawn).sum(0)
    error = float(totals.std() / count**0.5)
    assert abs(float(costs.expected(weights)) - float(totals.mean())) < 4 * error


def test_the_supernet_is_left_as_it_was():
    supernet = MOBILE.supernet().train()
    before = {name: value.clone() for name, value in supernet.state_dict().items() if torch.is_tensor(value)}
    state = torch.get_rng_state()
    costs_of(supernet, MOBILE.example(), "flops")
    assert torch.equal(torch.get_rng_state(), state)
    assert supernet.training
    assert all(module.training for module in supernet.modules())
    assert all(torch.equal(supernet.state_dict()[name], value) for name, value in before.items())


@pytest.mark.parametrize("name", SPACES)
def test_latencies_are_those_of_the_model_that_predicts_networks(name, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "nni_nasplus.networks.costs.timing.Timing.ms",
        lambda _, module, *__: 1 + sum(parameter.numel() for parameter in module.parameters()) / 1000,
    )
    space = SPACES[name]
    model = LatencyModel(LatencyTable(timing=Timing()), Correction(offset=0.5, factor=1.5), tmp_path / "latency.csv")
    supernet = space.supernet(affine=True)
    costs = costs_of(supernet, space.example(), "latency_ms", model)
    for seed in range(3):
        network, path = space.build(sampled(space, seed)), supernet.path(sampled(space, seed)).weights
        assert float(costs.expected(path)) == pytest.approx(model.predicted(network, space.example()), rel=1e-5)


def test_supernets_without_mixtures_of_operations_are_named():
    space = DartsRecurrentSpace(11, 5)
    with pytest.raises(UserError, match="mixes no modules"):
        costs_of(space.supernet(), space.example(), "flops")
