"""
Your own space in PyTorch
=========================

A search needs two things of you: the decisions, and a function from decisions to a network. This page writes both,
builds and counts what is in the space, and searches it with a loop of its own.
"""

# %%
# The space
# ---------
#
# A :class:`~nni_nasplus.networks.network_space.NetworkSpace` registers its decisions at the end of its constructor and
# makes a network in ``_network``. Here: a classifier of tables with one or two hidden layers, whose second layer has
# decisions that count only where there is one. ``example`` is an input by which sizes and operations are counted.

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from nni_nasplus import SearchSpace
from nni_nasplus.networks.network_space import NetworkSpace

ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU, "tanh": nn.Tanh}


class TableSpace(NetworkSpace):
    """Perceptrons for rows of numbers."""

    def __init__(self, columns: int, classes: int) -> None:
        super().__init__()
        self.columns, self.classes = columns, classes
        decisions = {"activation": list(ACTIVATIONS), "layers": [1, 2], "width": [4, 16, 64], "width_2": [4, 16, 64]}
        self.decide(SearchSpace(decisions, {"width_2": {"layers": [2]}}))

    def _network(self, architecture: Mapping[str, Any]) -> nn.Module:
        widths = [self.columns, architecture["width"]]
        if architecture["layers"] == 2:
            widths.append(architecture["width_2"])
        activation = ACTIVATIONS[architecture["activation"]]
        hidden = [layer for a, b in pairwise(widths) for layer in (nn.Linear(a, b), activation())]
        return nn.Sequential(*hidden, nn.Linear(widths[-1], self.classes))

    def example(self) -> Tensor:
        return torch.zeros(1, self.columns)


space = TableSpace(columns=64, classes=10)
print(space.search_space.size)

# %%
# Thirty-six architectures: three activations, and one layer of three widths or two layers of nine. Each becomes a
# network or a text, and a text an architecture again:

from nni_nasplus.networks.cost import count_flops, count_parameters

architecture = {"activation": "gelu", "layers": 2, "width": 64, "width_2": 16}
network = space.build(architecture)
print(space.genotype(architecture))
print(f"{count_parameters(network):,} parameters, {count_flops(network, space.example()):,} operations")

# %%
# Training
# --------
#
# Whatever returns a number will do. Scikit-learn's digits, 64 numbers each, and sixty steps of Adam:

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

digits = load_digits()
inputs, targets = torch.tensor(digits.data / 16).float(), torch.tensor(digits.target)
x_train, x_val, y_train, y_val = train_test_split(inputs, targets, stratify=targets, random_state=0)


def accuracy(architecture: Mapping[str, Any]) -> float:
    """Train a network and give its share of right answers on validation examples."""
    torch.manual_seed(0)
    network = space.build(architecture)
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x_train), y_train).backward()
        optimizer.step()
    return float((network(x_val).argmax(1) == y_val).float().mean())


# %%
# The search
# ----------
#
# ``ask`` proposes an architecture that was never proposed before, ``tell`` takes what it reached, and None for a
# failure. ``excess`` keeps too large networks from being trained at all.

from nni_nasplus import Search
from nni_nasplus.strategies import ThompsonSampling


def too_large(architecture: Mapping[str, Any]) -> str | None:
    """Why an architecture is not trained; None if it is."""
    count = count_parameters(space.build(architecture))
    return f"{count:,} parameters are more than 5,000" if count > 5_000 else None


search = Search(space.search_space, ThompsonSampling(), seed=0, direction="maximize", excess=too_large)
for _ in range(10):
    trial = search.ask()
    search.tell(trial, accuracy(trial.architecture))
for best in search.history.best[:3]:
    print(f"{best.score:.3f}", space.genotype(best.architecture))

# %%
# Three things more
# -----------------
#
# - Registered as an entry point of a package of yours, ``nasplus`` knows the space by its name, and every host and
#   strategy takes it: ``CONTRIBUTING.md`` in the repository says how.
# - With a method ``graph`` it is drawn, with ``supernet`` it can be searched by gradients.
# - A ``ModelSpace`` of NNI that you have already is searched as it is, by ``SearchSpace.from_nni``.
#
# :doc:`/tutorials/own_metric` lets the package train and score the networks, instead of a loop of yours.
