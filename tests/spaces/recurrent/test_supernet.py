"""Supernets of recurrent cells: a path is the network by itself, and mixtures are the published sums."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from nni_nasplus import UserError
from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.networks.supernet import NONE, Edge, Mixture
from nni_nasplus.spaces.recurrent import DartsRecurrentSpace, EnasRecurrentSpace
from nni_nasplus.spaces.recurrent.nodes import FUNCTIONS
from nni_nasplus.spaces.recurrent.supernet import Passage

SIZES = {"vocabulary": 11, "hidden": 6}
KINDS = {
    "darts": DartsRecurrentSpace(**SIZES),
    "darts, two layers": DartsRecurrentSpace(**SIZES, layers=2),
    "enas": EnasRecurrentSpace(**SIZES, nodes=5),
    "enas, all ends": EnasRecurrentSpace(**SIZES, nodes=5, output="all"),
    "enas, no gates": EnasRecurrentSpace(**SIZES, nodes=5, highway=False),
}
every = pytest.mark.parametrize("kind", KINDS)
cases = settings(max_examples=10, deadline=None, database=None)
TOKENS = torch.tensor([[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 0, 1]])


def spread(supernet):
    """Weights that are large enough for gates and functions to differ."""
    torch.manual_seed(0)
    for parameter in supernet.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    return supernet


def fill(network, supernet):
    """Give a network the shared weights of its nodes."""
    network.embedding.load_state_dict(supernet.net.embedding.state_dict())
    network.bias.data.copy_(supernet.net.bias)
    for ours, shared in zip(network.layers, supernet.net.layers, strict=True):
        ours.weight_x.data.copy_(shared.weight_x)
        ours.weights[0].data.copy_(shared.weight_h)
        first = supernet.plan.first
        for number, (mine, (_, source)) in enumerate(
            zip(list(ours.weights)[1:], ours.nodes.steps, strict=True), 1 + first
        ):
            mine.data.copy_(shared.weights[f"{source + 1}-{number}" if first else str(number)])


@every
@cases
@given(seed=st.integers(0, 2**32))
def test_a_path_is_the_network_by_itself(kind, seed):
    space, supernet = KINDS[kind], spread(KINDS[kind].supernet(normalised=False)).double().eval()
    architecture = space.search_space.sample(np.random.default_rng(seed))
    network = space.build(architecture).double().eval()
    fill(network, supernet)
    with supernet.only(architecture), torch.no_grad():
        expected, found = network(TOKENS), supernet(Passage(TOKENS))
        torch.testing.assert_close(found.logits, expected[0], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(found.states, expected[1], atol=1e-5, rtol=1e-5)
        later, follows = network(TOKENS, expected[1]), supernet(Passage(TOKENS, found.states))
        torch.testing.assert_close(follows.logits, later[0], atol=1e-5, rtol=1e-5)
        assert supernet.derive() == architecture
    assert all(mask.all() for mask in supernet.masks.values())


@every
def test_weights_off_the_path_have_no_gradient(kind):
    space, supernet = KINDS[kind], spread(KINDS[kind].supernet()).eval()
    architecture = space.search_space.sample(np.random.default_rng(5))
    with supernet.only(architecture):
        supernet(Passage(TOKENS)).logits.sum().backward()
    taken = {edge for edge, _ in supernet.selected(architecture)}
    for name, weight in supernet.net.layers[0].weights.items():
        on = any(name == supernet.net.layers[0]._name(edge) for edge in taken)
        assert (weight.grad is not None) == on, name


@pytest.mark.parametrize("normalised", [True, False])
def test_a_mixture_of_darts_is_the_published_formula(normalised):
    """As in the authors' code, but that edges are averaged where they add them up: before a batch norm the same."""
    supernet = spread(KINDS["darts"].supernet(normalised=normalised)).double().eval()
    cell, rows = supernet.net.layers[0], torch.randn(36, 5, dtype=torch.double).softmax(-1)
    x = torch.randn(3, 4, 6, dtype=torch.double)

    def normal(value):
        return F.batch_norm(value, None, None, training=True) if normalised else value

    hidden, expected = torch.zeros(4, 6, dtype=torch.double), []
    for given_x in x:
        gate, value = (given_x @ cell.weight_x.T + hidden @ cell.weight_h.T).chunk(2, -1)
        states, edges = [normal(hidden + gate.sigmoid() * (value.tanh() - hidden))], iter(rows)
        for matrix in cell.weights.values():
            total = 0
            for state in states:
                gate, value = (state @ matrix.T).chunk(2, -1)
                for name, weight in zip(supernet.operations, next(edges), strict=True):
                    if name != NONE:
                        total = total + weight * (state + gate.sigmoid() * (FUNCTIONS[name](value) - state))
            states.append(normal(total / len(states)))
        hidden = torch.stack(states[1:]).mean(0)
        expected.append(hidden)
    everything = supernet.summed()
    terms = supernet._terms(Mixture({"cell": rows}, everything.active))
    cell.given = terms["cell"]
    torch.testing.assert_close(cell(x)[0], torch.stack(expected))


@every
def test_what_is_pruned_changes_nothing_whatever_it_weighs(kind):
    supernet = spread(KINDS[kind].supernet()).eval()
    edge, gone = supernet.edges[-1], supernet.operations[1]
    supernet.prune(edge, gone)
    mixture = supernet.summed()
    heavy = {"cell": mixture.weights["cell"] + 5 * (~mixture.active["cell"])}
    before = supernet(Passage(TOKENS), mixture).logits
    assert torch.equal(supernet(Passage(TOKENS), mixture._replace(weights=heavy)).logits, before)
    whole = Mixture(heavy, {"cell": torch.ones_like(mixture.active["cell"])})
    assert not torch.allclose(supernet(Passage(TOKENS), whole).logits, before)


def test_the_weights_of_darts_belong_to_nodes_and_those_of_enas_to_edges():
    darts, enas = KINDS["darts"], KINDS["enas"]
    network = darts.build(darts.parse_genotype("DARTS_V2"))
    assert count_parameters(darts.supernet()) == count_parameters(network)
    assert [tuple(weight.shape) for weight in enas.supernet().net.layers[0].weights.values()] == [(12, 6)] * 10
    assert len(darts.supernet().edges) == 36
    assert len(enas.supernet().edges) == 1 + 10


def test_of_many_active_edges_only_the_last_node_is_a_loose_end():
    values = {name: spread(KINDS[name].supernet()).net.layers[0] for name in ("enas", "enas, all ends")}
    for name, places in (("enas", [4]), ("enas, all ends", [0, 1, 2, 3, 4])):
        supernet = KINDS[name].supernet()
        values[name].given = supernet._terms(supernet.summed())["cell"]
        assert values[name]._ends(values[name]._nodes()[1]) == places


def test_other_sizes_and_what_they_cannot_be():
    space = KINDS["darts"]
    assert space.supernet(hidden=4, layers=2).net.embedding.weight.shape == (11, 4)
    with pytest.raises(
        UserError, match="the supernet of DartsRecurrentSpace has no depth; leave it out, or give: hidden"
    ):
        space.supernet(depth=3)
    with pytest.raises(UserError, match=r"^hidden is 0; use 1 or more$"):
        space.supernet(hidden=0)
    with pytest.raises(UserError, match=r"^a batch norm needs more than one column of text; use a larger batch_size$"):
        space.supernet(normalised=True)(Passage(TOKENS[:, :1]))
    with pytest.raises(UserError, match=r"^output is 'none'; use loose or all$"):
        EnasRecurrentSpace(**SIZES, output="none")


def test_a_node_without_operations_is_named():
    supernet = KINDS["darts"].supernet()
    for name in supernet.operations[1:]:
        supernet.prune(Edge("cell", 0, 1), name)
    with pytest.raises(UserError, match=r"^node 1 of the cell has nothing but none left; prune less$"):
        supernet.derive()


def test_hyperparameters_beside_the_cell_are_the_first_ones():
    space = DartsRecurrentSpace(**SIZES, **DartsRecurrentSpace.recommended())
    found = space.supernet().derive()
    assert space.search_space.validate(found) == found
    assert found["dropout"] == 1.0
