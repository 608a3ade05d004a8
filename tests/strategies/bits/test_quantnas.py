"""QuantNAS: its entropy and cost, and that it finds operations and bits for pictures."""

from __future__ import annotations

import math

import pytest
import torch
from torch.utils.data import DataLoader

from nni_nasplus import UserError, registry
from nni_nasplus.data.photos import PhotoBatch
from nni_nasplus.networks.quantised.layers import quantised_layers
from nni_nasplus.one_shot.fit import fit, made
from nni_nasplus.one_shot.mixture import softmax
from nni_nasplus.spaces.superresolution import SuperResolutionSpace
from nni_nasplus.strategies.bits.quantnas import QuantNAS, entropy_factor
from nni_nasplus.training.superresolution.resolver import SuperResolver

SPACE = SuperResolutionSpace(channels=4, blocks=2, bits=[4, 8])


class Patches:
    """Stands in for an evaluator: 16 random patches."""

    def data(self):
        return self

    def train_dataloader(self):
        high = torch.rand((16, 3, 16, 16), generator=torch.Generator().manual_seed(0))
        low = torch.nn.functional.avg_pool2d(high, 2)
        return DataLoader([PhotoBatch(*pair) for pair in zip(low, high, strict=True)], 8)

    val_dataloader = validation_half = train_dataloader

    def task(self, network):
        return SuperResolver(network, 2)


def search(**options):
    return made(QuantNAS, SPACE, Patches(), seed=0, **{"epochs": 2, **options})


def test_the_factor_of_the_entropy_is_0_in_the_first_quarter_and_grows_to_the_coefficient():
    factors = [entropy_factor(epoch, 20, 0.3) for epoch in range(20)]
    assert factors[:5] == [0.0] * 5
    assert factors[5:] == sorted(factors[5:])
    assert factors[5] == pytest.approx(0.3 * 5 / 19 * math.log(2) / math.log(16))
    assert factors[-1] == pytest.approx(0.3)
    assert entropy_factor(0, 1, 0.3) == 0.0


def test_the_entropy_of_what_is_undecided_is_the_logarithm_of_how_many_there_are():
    found = search(eta=0.0, coefficient=1.0, epochs=2)
    with torch.no_grad():
        found.alphas["blocks"].zero_()
    found.step = found.steps_per_epoch
    assert float(found.penalty().detach()) == pytest.approx(math.log(9))


def test_8_bits_of_an_operation_cost_four_times_as_much_as_4_and_a_skip_nothing():
    costs = dict(zip(SPACE.operations, SPACE.supernet().costs, strict=True))
    assert costs["conv3x3@8"] == 4 * costs["conv3x3@4"] == 64 * 2 * 24 * 24 * 9 * 4 * 4
    assert costs["skip"] == 0


def test_a_larger_eta_leaves_fewer_expected_bit_operations():
    costs = []
    for eta in (0.0, 0.1, 1.0, 10.0):
        found = search(eta=eta, coefficient=0.0)
        alpha = found.alphas["blocks"]
        torch.nn.init.zeros_(alpha)
        found.penalty().backward()
        with torch.no_grad():
            alpha -= alpha.grad
        costs.append(float(found.supernet.bit_operations(softmax(found.supernet, found.alphas)).detach()))
    assert costs == sorted(costs, reverse=True)
    assert len(set(costs)) == 4


def test_what_it_finds_builds_and_layers_have_no_noise_afterwards():
    found = search()
    (best, *_) = fit(found).architectures
    network = SPACE.build(best)
    assert SPACE.parse_genotype(SPACE.genotype(best)) == best
    assert network(torch.zeros(1, 3, 6, 6)).shape == (1, 3, 12, 12)
    assert all(layer.noise is None and layer.shares is None for _, layer in quantised_layers(found.supernet))


def test_one_architecture_alone_in_the_supernet_is_its_network():
    chosen = {"block_1": "conv5x5@4", "block_2": "skip"}
    supernet, network = SPACE.supernet(), SPACE.build(chosen)
    torch.nn.init.normal_(supernet.net.tail.weight)
    network.head, network.tail = supernet.net.head, supernet.net.tail
    network.blocks[0].load_state_dict(supernet.blocks[0].operations["conv5x5"].state_dict())
    low = torch.rand((1, 3, 6, 6), generator=torch.Generator().manual_seed(0))
    with supernet.only(chosen):
        torch.testing.assert_close(supernet.train()(low), network.train()(low))
        assert supernet.derive() == chosen


def test_bits_that_are_none_and_a_factor_below_0_are_refused():
    with pytest.raises(UserError, match="bits is 1; use 2 to 8, or 32"):
        SuperResolutionSpace(bits=[1, 4])
    with pytest.raises(UserError, match=r"eta is -1\.0; use 0 or more"):
        search(eta=-1.0)
    assert registry.load("one_shot", "quantnas") is QuantNAS
