"""The supernet of DenseNAS computes the networks of its space."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nni_nasplus import UserError
from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.networks.costs.expected import costs_of
from nni_nasplus.networks.costs.latency import Correction, LatencyModel
from nni_nasplus.networks.costs.table import LatencyTable
from nni_nasplus.networks.costs.timing import Timing
from nni_nasplus.networks.supernet import supernet_of
from nni_nasplus.spaces.densenas import DenseNasSpace
from nni_nasplus.spaces.densenas.connections import CONNECTIONS
from nni_nasplus.spaces.mobile.genotype import SKIP

SPACE = DenseNasSpace(channels=4, depth=2, size=8, classes=3)


def sampled(seed):
    return SPACE.search_space.sample(np.random.default_rng(seed))


@pytest.fixture(scope="module")
def supernet():
    torch.manual_seed(0)
    return SPACE.supernet().eval()


def lent(supernet, architecture):
    """The stand-alone network of an architecture, with the weights of its operations."""
    network = SPACE.build(architecture).eval()
    mixtures = {"connections": supernet.connections, "layers": supernet.layers}
    chosen = {edge: mixtures[edge.cell][supernet._rows[edge.cell][edge]] for edge in supernet.edges}
    picked = [(edge, name) for edge, name in supernet.selected(architecture) if edge.cell == "connections"]
    blocks = []
    for edge, name in picked[:-1]:
        blocks.append(chosen[edge].operations[name])
        inside = dict(pair for pair in supernet.selected(architecture) if pair[0].cell == "layers")
        for place in supernet._layers_of(edge.target):
            layer = next(other for other in inside if other.source == place)
            if inside[layer] != SKIP:
                blocks.append(chosen[layer].operations[inside[layer]])
    own = {"stem": supernet.stem, "head": chosen[picked[-1][0]].operations[SKIP], "classifier": supernet.classifier}
    for part, module in own.items():
        getattr(network, part).load_state_dict(module.state_dict())
    for block, module in zip(network.blocks, [supernet.first, *blocks], strict=True):
        block.load_state_dict(module.state_dict())
    return network


def test_there_is_a_choice_of_six_operations_on_each_connection_and_one_more_in_each_layer(supernet):
    counts = {"connections": 54, "layers": 2 * 13}
    assert {cell: len(mask) for cell, mask in supernet.masks.items()} == counts
    for edge in supernet.edges:
        ends = edge.cell == "connections" and edge.target == 17
        assert len(supernet.alive(edge)) == (1 if ends else 6 if edge.cell == "connections" else 7)


def test_one_path_computes_what_the_network_with_its_weights_does(supernet):
    images = torch.randn(2, 3, 8, 8)
    for seed in range(5):
        with supernet.only(sampled(seed)), torch.no_grad():
            torch.testing.assert_close(supernet(images), lent(supernet, sampled(seed))(images))


def test_what_is_off_the_route_is_not_computed(supernet):
    called = []
    hooks = [module.register_forward_hook(lambda *_: called.append(1)) for module in supernet.layers]
    architecture = SPACE.parse_genotype("3:mb3_3x3/5:mb3_3x3/8:mb3_3x3/14:mb3_3x3/22:mb3_3x3/44:mb3_3x3")
    with supernet.only(architecture), torch.no_grad():
        supernet(torch.randn(1, 3, 8, 8))
    for hook in hooks:
        hook.remove()
    assert len(called) == 5 * 2


def test_it_derives_what_alone_is_left_and_the_route_whose_shares_multiply_to_most(supernet):
    for seed in range(3):
        with supernet.only(sampled(seed)):
            assert supernet.derive() == sampled(seed)
    generator = torch.Generator().manual_seed(0)
    rows = {cell: torch.rand(mask.shape, generator=generator) for cell, mask in supernet.masks.items()}
    derived = supernet.derive(rows)
    assert SPACE.search_space.validate(derived) == derived
    shares = (rows["connections"] * supernet.masks["connections"]).sum(-1)
    ends = dict(zip(CONNECTIONS, shares.log().tolist(), strict=True))

    def weight(architecture):
        edges = [edge for edge, _ in supernet.selected(architecture) if edge.cell == "connections"]
        return sum(ends[edge.source, edge.target] for edge in edges)

    assert all(weight(derived) >= weight(sampled(seed)) for seed in range(50))


def test_costs_of_a_path_are_those_of_its_network(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "nni_nasplus.networks.costs.timing.Timing.ms",
        lambda _, module, *__: 1 + sum(parameter.numel() for parameter in module.parameters()) / 1000,
    )
    space = DenseNasSpace(channels=4, depth=1, size=8)
    supernet = space.supernet(affine=True)
    model = LatencyModel(LatencyTable(timing=Timing()), Correction(offset=0.5, factor=1.5), tmp_path / "latency.csv")
    parameters = costs_of(supernet, space.example(), "parameters")
    latency = costs_of(supernet, space.example(), "latency_ms", model)
    for seed in range(3):
        architecture = space.search_space.sample(np.random.default_rng(seed))
        network, path = space.build(architecture), supernet.path(architecture).weights
        assert float(parameters.expected(path)) == pytest.approx(count_parameters(network), rel=1e-5)
        assert float(latency.expected(path)) == pytest.approx(model.predicted(network, space.example()), rel=1e-5)


def test_decisions_that_are_held_are_refused_by_name():
    held = DenseNasSpace(channels=4, depth=1, size=8, fixed={"blocks_2": "all"})
    with pytest.raises(UserError, match="blocks_2=all cannot be held in DenseNasSupernet"):
        supernet_of(held)
