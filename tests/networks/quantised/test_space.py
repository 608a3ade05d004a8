"""The bits of a network's layers as decisions, and all of them at once."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch
from te_nas_searches import NB201, images
from torch import nn

from nni_nasplus import UserError
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.networks.quantised.bit_operations import layer_bits
from nni_nasplus.networks.quantised.layers import quantised_layers
from nni_nasplus.networks.quantised.space import QuantisedSpace
from nni_nasplus.networks.quantised.supernet import INPUTS, WEIGHTS
from nni_nasplus.networks.supernet import Edge, Mixture
from nni_nasplus.registry import described, instantiate
from nni_nasplus.search.space import SearchSpace
from nni_nasplus.spaces.events import EventSequenceSpace

CELL = dict.fromkeys(NB201.search_space.decisions, "nor_conv_1x1")
SPACE = QuantisedSpace.of(NB201, CELL, [1, 4, 32])


def float_network() -> nn.Module:
    torch.manual_seed(0)
    return NB201.build(CELL)


def random_architecture(seed: int = 0) -> dict:
    return SPACE.search_space.sample(np.random.default_rng(seed))


def test_weights_and_inputs_of_each_layer_that_runs_decide_and_inputs_have_no_single_bit():
    layers = list(SPACE.macs)
    assert layers[-1] == "classifier" and len(layers) == len(set(layers)) > 6
    assert SPACE.search_space.decisions["classifier.weights"] == (1, 4, 32)
    assert SPACE.search_space.decisions["classifier.inputs"] == (2, 4, 32)
    assert SPACE.search_space.size == 9 ** len(layers)


def test_a_space_is_made_again_from_its_description_and_so_is_each_notation():
    again = instantiate(json.loads(json.dumps(described(QuantisedSpace, SPACE.trace_kwargs))), NetworkSpace)
    assert again.search_space == SPACE.search_space
    chosen = random_architecture()
    assert again.parse_genotype(SPACE.genotype(chosen)) == chosen
    with pytest.raises(UserError, match=r"is none of this network; write '.* bits=32/32,"):
        SPACE.parse_genotype(NB201.genotype(CELL))


def test_nni_makes_it_in_its_own_context_with_its_own_decisions_alone():
    chosen = random_architecture()
    frozen = SPACE.freeze(chosen)
    assert frozen(images(count=2)).shape == (2, 3)
    assert [layer.bits for _, layer in quantised_layers(frozen.net)] == list(SPACE.bits_of(chosen).values())


def test_32_bits_everywhere_are_the_float_network():
    network = float_network().eval()
    few = SPACE.quantised(float_network(), SPACE.uniform(32)).eval()
    assert torch.equal(network(images()), few(images()))


@pytest.mark.parametrize("seed", range(3))
def test_one_architecture_alone_in_the_supernet_is_its_network(seed):
    chosen, supernet = random_architecture(seed), SPACE.supernet()
    supernet.net.load_state_dict(SPACE.quantised(float_network(), SPACE.uniform(32)).state_dict())
    network = SPACE.quantised(float_network(), chosen)
    with supernet.only(chosen):
        torch.testing.assert_close(supernet.train()(images()), network.train()(images()))
        assert supernet.derive() == chosen
    assert supernet.bit_operations(supernet.path(chosen)) == pytest.approx(SPACE.bit_operations(chosen))


def test_the_expected_cost_of_a_mixture_is_that_of_the_expected_bits():
    supernet = SPACE.supernet()
    even = {what: mask / mask.sum(-1, keepdim=True) for what, mask in supernet.masks.items()}
    found = float(supernet.bit_operations(Mixture(even, supernet.masks)))
    assert found == pytest.approx(sum(SPACE.macs.values()) * (37 / 3) * (38 / 3), rel=1e-5)


def test_bits_that_are_pruned_are_no_longer_chosen():
    supernet = SPACE.supernet()
    assert supernet.alive(Edge(INPUTS, 0, 1)) == ["2", "4", "32"]
    supernet.prune(Edge(WEIGHTS, 0, 1), "1")
    assert supernet.derive()[f"{next(iter(SPACE.macs))}.weights"] == 4


class Bent(NetworkSpace):
    """Nothing that could have fewer bits."""

    def __init__(self) -> None:
        super().__init__()
        self.decide(SearchSpace({"bend": ["relu"]}))

    def _network(self, architecture):
        return nn.ReLU()

    def example(self):
        return torch.zeros(1, 2)


def test_a_network_without_such_layers_is_refused():
    with pytest.raises(UserError, match="no convolution and no linear layer that could have fewer bits"):
        QuantisedSpace.of(Bent(), {"bend": "relu"}, [4])


def test_layers_that_the_network_has_not_are_named():
    arguments = {**SPACE.trace_kwargs, "macs": {"no": 3}}
    with pytest.raises(UserError, match="no layer 'no'"):
        QuantisedSpace(**arguments).build({"no.weights": 4, "no.inputs": 4})


@pytest.mark.parametrize("notation", ["0|1|agc1|44|00", "1|0|g|43|00"])
def test_networks_of_events_keep_what_is_no_plain_layer(notation):
    events = EventSequenceSpace(hidden=4)
    if notation not in (known := events.genotype(events.search_space.sample(np.random.default_rng(1)))):
        notation = known
    space = QuantisedSpace.of(events, events.parse_genotype(notation), [2, 8])
    network = space.build(space.uniform(2)).train()
    assert network(events.example()).shape == (1, 2)
    assert [name for name, _ in quantised_layers(network)] == sorted(
        space.macs, key=list(dict(network.named_modules())).index
    )
    assert not any(re.search("gru|norm|embed", name) for name in space.macs)


def test_the_layers_of_a_network_are_told_with_their_bits_in_the_order_in_which_they_run():
    chosen = random_architecture()
    found = layer_bits(SPACE.build(chosen), images(count=1))
    assert {one.name: one.bits for one in found} == SPACE.bits_of(chosen)
    assert [one.name for one in found] == list(SPACE.macs)
    assert sum(one.operations for one in found) == SPACE.bit_operations(chosen)
    assert layer_bits(float_network(), images(count=1)) == []
