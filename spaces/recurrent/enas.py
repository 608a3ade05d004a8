"""The recurrent cell of ENAS (arXiv 1802.03268): nodes of one earlier node each, and the mean of the loose ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from nni_nasplus.networks.hyperparameters import Hyperparameters
from nni_nasplus.networks.tuned_space import NOTHING
from nni_nasplus.search.space import Choice, SearchSpace
from nni_nasplus.spaces.recurrent.nodes import NodeCell, Nodes, NodeSpace, Steps, decisions, steps

__all__ = ["GENOTYPES", "EnasRecurrentCell", "EnasRecurrentSpace"]

GENOTYPES = {"ENAS": "tanh tanh1 relu2 relu3 tanh3 tanh3 relu6 tanh2 relu7 relu9 relu9 relu9"}
"""The published cell."""


class EnasRecurrentCell(NodeCell):
    """A layer of the cell: h₁ of x and h, hₗ of an earlier node, mean of those that no other node takes.

    With highways h₁ = c₁·f(xW + hU) + (1 − c₁)·h and hₗ = cₗ·f(hⱼW) + (1 − cₗ)·hⱼ of an earlier hⱼ, where the gates c
    are sigmoids of products with matrices of their own; without, cₗ = 1. No matrix has a bias.

    Parameters
    ----------
    steps
        For each node its operation and the number of the earlier node, from 1 on; 0 for the first.
    n_in, n_out
        The sizes I of the input and H of the state.
    weight_drop
        In training, the rate of dropout, in [0, 1), of the entries of all matrices but that of x, the same at all
        steps of a sequence.
    highway
        Whether there are gates.
    """

    def __init__(self, steps: Steps, n_in: int, n_out: int, weight_drop: float = 0.0, highway: bool = True) -> None:
        super().__init__(_nodes(steps), n_in, n_out, weight_drop, highway)


class EnasRecurrentSpace(NodeSpace):
    """The 4¹² · 11! cells of ENAS in a language model; each architecture has weights of its own.

    A genotype such as ``tanh relu1 relu2 tanh1`` has no earlier node for the first. ``ENAS`` is the published one.

    Parameters
    ----------
    vocabulary
        The number of tokens.
    hidden
        The size of state and embedding; 748 is that of the authors' final training on Penn Treebank.
    layers
        The number of layers, one as published.
    nodes
        The number N of nodes: there are 4ᴺ · (N − 1)! cells.
    highway
        Whether nodes have gates, as in the published experiments.
    regularisation
        Rates of dropout in [0, 1) by name: embedding, input, hidden, output, weight. Those left out are as
        NAS-Bench-NLP trains.
    hyperparameters
        What is decided beside the cell, as choices by name: ``dropout``, the share of the rates of dropout that the
        network has, in [0, 1]; the others are for the evaluator.
    fixed
        Choices of decisions, or of hyperparameters, that are held: all architectures have them.

    Raises
    ------
    UserError
        If a size is less than 1, or there are too many nodes.
    """

    first = 1
    published = GENOTYPES

    def __init__(
        self,
        vocabulary: int = 10_000,
        hidden: int = 748,
        layers: int = 1,
        nodes: int = 12,
        highway: bool = True,
        regularisation: Mapping[str, float] | None = None,
        hyperparameters: Hyperparameters = NOTHING,
        fixed: Mapping[str, Choice] = NOTHING,
    ) -> None:
        super().__init__(vocabulary, hidden, hidden, layers, regularisation)
        self.highway = highway
        self.decide(self._tuned(SearchSpace(decisions(nodes, self.first)), hyperparameters, fixed))

    def _cell(self, architecture: Mapping[str, Any], n_in: int, n_out: int, weight_drop: float) -> nn.Module:
        return EnasRecurrentCell(steps(architecture), n_in, n_out, weight_drop, self.highway)

    def _nodes(self, architecture: Mapping[str, Any]) -> Nodes:
        return _nodes(steps(architecture))


def _nodes(steps: Steps) -> Nodes:
    """Numbered from 0 on."""
    (first, _), *later = steps
    shifted = [(operation, source - 1) for operation, source in later]
    taken = {source for _, source in shifted}
    return Nodes(first, shifted, [node for node in range(len(steps)) if node not in taken])
