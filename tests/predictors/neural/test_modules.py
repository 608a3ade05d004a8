"""The networks of neural predictors, beside what their papers write."""

from __future__ import annotations

import torch
from torch import nn

from nni_nasplus.predictors.neural.modules import Gcn, Graphs, Perceptrons, _GcnLayer


def two_graphs():
    """A diamond and a chain of two."""
    edges = torch.tensor([(0, 1), (0, 2), (1, 3), (2, 3), (4, 5)])
    return Graphs(torch.randn(6, 3), edges[:, 0], edges[:, 1], torch.tensor([0, 0, 0, 0, 1, 1]), 2)


def test_a_graph_convolution_is_the_equation_of_wen_et_al():
    torch.manual_seed(0)
    graphs, layer = two_graphs(), _GcnLayer(3, 4)
    adjacency = torch.eye(6)
    adjacency[graphs.targets, graphs.sources] = 1.0
    back = torch.eye(6)
    back[graphs.sources, graphs.targets] = 1.0
    along, against = (a / a.sum(1, keepdim=True) @ graphs.nodes for a in (adjacency, back))
    expected = 0.5 * ((along @ layer.forwards.weight.T).relu() + (against @ layer.backwards.weight.T).relu())
    torch.testing.assert_close(layer(graphs.nodes, graphs), expected)


def test_a_graph_is_predicted_alike_alone_and_beside_others():
    torch.manual_seed(0)
    graphs, network = two_graphs(), Gcn(3, 2, 8, 8, 0.1).eval()
    chain = Graphs(graphs.nodes[4:], torch.tensor([0]), torch.tensor([1]), torch.tensor([0, 0]), 1)
    torch.testing.assert_close(network(graphs)[1:], network(chain))


def test_perceptrons_side_by_side_are_so_many_plain_ones():
    torch.manual_seed(0)
    network, rows = Perceptrons(3, 4, 2, 5), torch.randn(7, 4)
    for member, predicted in enumerate(network(rows)):
        layers = []
        for weight, bias in zip(network.weights, network.biases, strict=True):
            plain = nn.Linear(*weight.shape[1:])
            plain.weight.data, plain.bias.data = weight[member].T.clone(), bias[member, 0].clone()
            layers += [plain, nn.ReLU()]
        torch.testing.assert_close(predicted, nn.Sequential(*layers[:-1])(rows).squeeze(1))
