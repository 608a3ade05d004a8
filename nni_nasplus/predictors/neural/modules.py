"""The networks of neural predictors, in torch: perceptrons side by side, GCN and GIN on labelled graphs."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Gcn", "Gin", "Graphs", "Perceptrons"]


class Graphs(NamedTuple):
    """Several graphs as one: features of all nodes [nodes, F], edges by their ends [edges], the graph of each node."""

    nodes: Tensor
    sources: Tensor
    targets: Tensor
    graph: Tensor
    number: int

    def mean(self, states: Tensor) -> Tensor:
        """Of the nodes of each graph; [nodes, C] → [graphs, C]."""
        totals = states.new_zeros(self.number, states.shape[1]).index_add_(0, self.graph, states)
        return totals / torch.bincount(self.graph, minlength=self.number).unsqueeze(1)


def _gathered(states: Tensor, sources: Tensor, targets: Tensor) -> Tensor:
    """Σ over the edges into each node of the state at their other end; [nodes, C]."""
    return torch.zeros_like(states).index_add_(0, targets, states[sources])


class Perceptrons(nn.Module):
    """Several multilayer perceptrons side by side: [B, F] → [members, B].

    Parameters
    ----------
    members, features, layers, width
        How many, of what input, with how many hidden layers of what width.
    """

    def __init__(self, members: int, features: int, layers: int, width: int) -> None:
        super().__init__()
        sizes = [features, *[width] * layers, 1]
        shapes = list(pairwise(sizes))
        # The uniform distributions of nn.Linear, which no layer of torch has for several members.
        self.weights = nn.ParameterList([_uniform(members, before, after, fan=before) for before, after in shapes])
        self.biases = nn.ParameterList([_uniform(members, 1, after, fan=before) for before, after in shapes])

    def forward(self, rows: Tensor) -> Tensor:
        """[B, features] → [members, B]."""
        states = rows.expand(len(self.weights[0]), *rows.shape)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            states = functional.relu(torch.baddbmm(bias, states, weight))
        return torch.baddbmm(self.biases[-1], states, self.weights[-1]).squeeze(2)


def _uniform(*shape: int, fan: int) -> nn.Parameter:
    return nn.Parameter(torch.empty(shape).uniform_(-1.0, 1.0) / max(fan, 1) ** 0.5)


class _GcnLayer(nn.Module):
    """½ [ReLU(Â V W⁺) + ReLU(Â′ V W⁻)], Â and Â′ the row-normalised A + I and Aᵀ + I."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.forwards = nn.Linear(before, after, bias=False)
        self.backwards = nn.Linear(before, after, bias=False)

    def forward(self, states: Tensor, graphs: Graphs) -> Tensor:
        along = _averaged(states, graphs.sources, graphs.targets)
        against = _averaged(states, graphs.targets, graphs.sources)
        return 0.5 * (functional.relu(self.forwards(along)) + functional.relu(self.backwards(against)))


def _averaged(states: Tensor, sources: Tensor, targets: Tensor) -> Tensor:
    degrees = torch.bincount(targets, minlength=len(states)).unsqueeze(1)
    return (states + _gathered(states, sources, targets)) / (1 + degrees)


class Gcn(nn.Module):
    """Directed graph convolutions, the mean over nodes, and two linear layers: graphs → [graphs].

    Parameters
    ----------
    features, layers, width, head
        Of the nodes; the number and width of the convolutions; the width of the linear layer after them.
    dropout
        Its rate, after each convolution.
    """

    def __init__(self, features: int, layers: int, width: int, head: int, dropout: float) -> None:
        super().__init__()
        sizes = [features, *[width] * layers]
        self.layers = nn.ModuleList([_GcnLayer(a, b) for a, b in pairwise(sizes)])
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Sequential(nn.Linear(width, head), nn.ReLU(), nn.Linear(head, 1))

    def forward(self, graphs: Graphs) -> Tensor:
        """Graphs → [graphs]."""
        states = graphs.nodes
        for layer in self.layers:
            states = self.dropout(layer(states, graphs))
        return self.head(graphs.mean(states)).squeeze(1)


class Gin(nn.Module):
    """Graph isomorphism layers (Xu et al., 2019, Eq. 4.1), the mean over nodes, and two linear layers.

    Parameters
    ----------
    features, layers, width, head
        As in :class:`Gcn`.
    """

    def __init__(self, features: int, layers: int, width: int, head: int) -> None:
        super().__init__()
        sizes = [features, *[width] * layers]
        self.layers = nn.ModuleList([_perceptron(a, b) for a, b in pairwise(sizes)])
        self.head = nn.Sequential(nn.Linear(width, head), nn.ReLU(), nn.Linear(head, 1))

    def forward(self, graphs: Graphs) -> Tensor:
        """Graphs → [graphs]."""
        states = graphs.nodes
        for layer in self.layers:
            states = layer(states + _gathered(states, graphs.sources, graphs.targets))
        return self.head(graphs.mean(states)).squeeze(1)


def _perceptron(before: int, after: int) -> nn.Module:
    return nn.Sequential(nn.Linear(before, after), nn.BatchNorm1d(after), nn.ReLU(), nn.Linear(after, after), nn.ReLU())
