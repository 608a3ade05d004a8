"""The recurrent cell of ENAS: counts, the worked example, equality with the formula, genotypes."""

from __future__ import annotations

import json
from math import factorial

import networkx as nx
import numpy as np
import pytest
import torch

from nni_nasplus import UserError
from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.spaces.recurrent.enas import EnasRecurrentCell, EnasRecurrentSpace

FUNCTIONS = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid, "identity": lambda value: value}
EXAMPLE = [("tanh", 0), ("relu", 1), ("relu", 2), ("tanh", 1)]
PUBLISHED = "tanh tanh1 relu2 relu3 tanh3 tanh3 relu6 tanh2 relu7 relu9 relu9 relu9"


@pytest.fixture(scope="module")
def space() -> EnasRecurrentSpace:
    return EnasRecurrentSpace(vocabulary=50, hidden=6)


def test_the_number_of_cells(space):
    assert space.search_space.size == 4**12 * factorial(11)
    small = EnasRecurrentSpace(vocabulary=5, hidden=2, nodes=3)
    assert len({small.genotype(a) for a in small.search_space}) == small.search_space.size == 4**3 * 2


@pytest.mark.parametrize(("sizes", "cell"), [({}, 26 * 748**2), ({"hidden": 10, "highway": False}, 13 * 10**2)])
def test_parameters(sizes, cell):
    with torch.device("meta"):
        space = EnasRecurrentSpace(**sizes)
        network = space.build(space.parse_genotype("ENAS"))
    assert count_parameters(network.layers) == cell
    assert count_parameters(network) == cell + 10_000 * (sizes.get("hidden", 748) + 1)


def test_the_papers_worked_example():
    torch.manual_seed(0)
    cell, x = EnasRecurrentCell(EXAMPLE, 4, 6, highway=False).double(), torch.randn(5, 3, 4, dtype=torch.float64)
    for parameter in cell.parameters():
        torch.nn.init.normal_(parameter)
    w_x, (w_h, w_2, w_3, w_4) = cell.weight_x, cell.weights
    h, expected = torch.zeros(3, 6, dtype=torch.float64), []
    for step in x:
        h1 = torch.tanh(step @ w_x.T + h @ w_h.T)
        h2 = torch.relu(h1 @ w_2.T)
        h3 = torch.relu(h2 @ w_3.T)
        h4 = torch.tanh(h1 @ w_4.T)
        h = (h3 + h4) / 2
        expected.append(h)
    torch.testing.assert_close(cell(x)[0], torch.stack(expected))


@pytest.mark.parametrize("highway", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_it_computes_the_formula(space, highway, seed):
    torch.manual_seed(seed)
    architecture = space.search_space.sample(np.random.default_rng(seed))
    steps = [(architecture[f"op{i}"], architecture.get(f"from{i}", 0)) for i in range(1, 13)]
    cell, x = EnasRecurrentCell(steps, 4, 6, highway=highway).double(), torch.randn(5, 3, 4, dtype=torch.float64)
    first = torch.randn(3, 6, dtype=torch.float64)
    expected = torch.stack(reference(cell, steps, x, first, highway))
    theirs = torch.autograd.grad(expected.square().sum(), list(cell.parameters()))
    found, (last,) = cell(x, [first])
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(last, expected[-1])
    torch.testing.assert_close(torch.autograd.grad(found.square().sum(), list(cell.parameters())), theirs)


def reference(cell, steps, x, h, highway: bool) -> list[torch.Tensor]:
    """Node by node, step by step; the gate's rows come first."""
    outputs = []
    for step in x:
        nodes = {}
        for number, ((operation, source), weight) in enumerate(zip(steps, cell.weights, strict=True), 1):
            taken = nodes[source] if source else h
            product = taken @ weight.T + (0 if source else step @ cell.weight_x.T)
            if highway:
                gate, value = product[:, :6].sigmoid(), FUNCTIONS[operation](product[:, 6:])
                nodes[number] = gate * value + (1 - gate) * taken
            else:
                nodes[number] = FUNCTIONS[operation](product)
        loose = [value for number, value in nodes.items() if number not in [source for _, source in steps]]
        h = sum(loose) / len(loose)
        outputs.append(h)
    return outputs


def test_genotypes_go_out_and_in(space):
    rng = np.random.default_rng(0)
    for _ in range(50):
        architecture = space.search_space.sample(rng)
        assert space.parse_genotype(space.genotype(architecture)) == architecture
    assert space.genotype(space.parse_genotype("ENAS")) == PUBLISHED
    example = EnasRecurrentSpace(vocabulary=5, hidden=2, nodes=4)
    text = "tanh relu1 relu2 tanh1"
    assert example.genotype(example.parse_genotype(text)) == text


@pytest.mark.parametrize("text", ["", "tanh", "tanh0 " + PUBLISHED[5:], PUBLISHED + " relu9", "magic " + PUBLISHED[5:]])
def test_what_is_no_genotype_is_named(space, text):
    with pytest.raises(UserError, match=r"is no genotype: write ENAS, or .* 12 nodes"):
        space.parse_genotype(text)


def test_a_node_takes_an_earlier_one(space):
    with pytest.raises(UserError, match="decision 'from2' cannot be 2; allowed: 1"):
        space.parse_genotype("tanh tanh2" + PUBLISHED[10:])


def test_every_node_leads_to_the_mean(space):
    rng = np.random.default_rng(0)
    for _ in range(20):
        graph = space.graph(space.search_space.sample(rng))
        assert nx.is_directed_acyclic_graph(graph)
        assert nx.ancestors(graph, "mean") == {"x", "h", *range(12)}
    ends = space.graph(space.parse_genotype("ENAS")).pred["mean"]
    labels = nx.get_node_attributes(space.graph(space.parse_genotype("ENAS")), "label")
    assert {labels[end] for end in ends} == {f"s{i}: {op}" for i, op in zip([4, 5, 8, 10, 11, 12], OPS, strict=True)}


OPS = ["relu", "tanh", "tanh", "relu", "relu", "relu"]


def test_nni_freezes_to_what_build_builds():
    space = EnasRecurrentSpace(vocabulary=9, hidden=4, layers=2, nodes=3, regularisation={"weight": 0.1})
    architecture, tokens = space.parse_genotype("relu relu1 tanh1"), torch.randint(9, (5, 2))
    built, frozen = space.build(architecture).eval(), space.freeze(architecture).eval()
    frozen.net.load_state_dict(built.state_dict())
    torch.testing.assert_close(frozen(tokens)[0], built(tokens)[0])
    assert json.loads(json.dumps(space.trace_kwargs)) == space.trace_kwargs
    assert space.example().tolist() == [[0]]


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"nodes": 0}, "nodes is 0; use 1 to 200"),
        ({"layers": 0}, "layers is 0; use 1 or more"),
        ({"vocabulary": 0}, "vocabulary is 0; use 1 or more"),
        ({"hidden": -1}, "hidden is -1; use 1 or more"),
        ({"regularisation": {"weight": 1.0}}, "the weight dropout is 1.0"),
        ({"regularisation": {"words": 0.1}}, "there is no words dropout"),
    ],
)
def test_sizes_that_cannot_be_are_named(sizes, message):
    with pytest.raises(UserError, match=message):
        EnasRecurrentSpace(**{"vocabulary": 5, "hidden": 2, **sizes})


def test_layers_go_from_the_embedding_back_to_it():
    space = EnasRecurrentSpace(vocabulary=9, hidden=4, layers=3, nodes=2)
    network = space.build(space.parse_genotype("relu relu1"))
    assert [layer.weight_x.shape[1] for layer in network.layers] == [4, 4, 4]
    assert {layer.weight_drop for layer in network.layers} == {0.5}
    assert network.regularisation.weight == 0.5
