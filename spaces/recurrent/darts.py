"""The recurrent cell of DARTS (arXiv 1806.09055): eight nodes, each of one earlier node by one operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import nn

from nni_nasplus.networks.hyperparameters import Hyperparameters
from nni_nasplus.networks.tuned_space import NOTHING
from nni_nasplus.search.space import Choice, SearchSpace
from nni_nasplus.spaces.recurrent.nodes import NodeCell, Nodes, NodeSpace, Steps, decisions, steps

if TYPE_CHECKING:
    from nni_nasplus.spaces.recurrent.supernet import NodeSupernet

__all__ = ["GENOTYPES", "DartsRecurrentCell", "DartsRecurrentSpace"]

NODES = 8
GENOTYPES = {
    "DARTS_V1": "relu0 relu1 tanh2 relu3 relu4 identity1 relu5 relu1",
    "DARTS_V2": "sigmoid0 relu1 relu1 identity1 tanh2 sigmoid5 tanh3 relu5",
}


class DartsRecurrentCell(NodeCell):
    """A layer of the cell: s₀ = h + σ(c₀)(tanh(h₀) − h), sᵢ = s + σ(cᵢ)(f(hᵢ) − s) of an earlier s, mean of s₁ … s₈.

    The pairs (c, h) are products with matrices without bias, of x and h for s₀ and of the earlier s for sᵢ.

    Parameters
    ----------
    steps
        For each node its operation and the number of the earlier node.
    n_in, n_out
        The sizes I of the input and H of the state.
    weight_drop
        In training, the rate of dropout, in [0, 1), of the entries of all matrices but that of x, the same at all
        steps of a sequence.
    """

    def __init__(self, steps: Steps, n_in: int, n_out: int, weight_drop: float = 0.0) -> None:
        super().__init__(_nodes(steps), n_in, n_out, weight_drop)


class DartsRecurrentSpace(NodeSpace):
    """The 2,642,411,520 cells of DARTS in a language model (8! · 4⁸).

    Parameters
    ----------
    vocabulary
        The number of tokens.
    hidden
        The size of state and embedding.
    layers
        The number of layers, one as published.
    regularisation
        Rates of dropout in [0, 1) by name: embedding, input, hidden, output, weight. Those left out are as
        NAS-Bench-NLP trains.
    hyperparameters
        What is decided beside the cell, as choices by name: ``dropout``, the share of the rates of dropout that the
        network has, in [0, 1]; the others are for the evaluator.
    fixed
        Choices of decisions, or of hyperparameters, that are held: all architectures have them.
    """

    first = 0
    published = GENOTYPES

    def __init__(
        self,
        vocabulary: int = 10_000,
        hidden: int = 850,
        layers: int = 1,
        regularisation: Mapping[str, float] | None = None,
        hyperparameters: Hyperparameters = NOTHING,
        fixed: Mapping[str, Choice] = NOTHING,
    ) -> None:
        super().__init__(vocabulary, hidden, hidden, layers, regularisation)
        self.decide(self._tuned(SearchSpace(decisions(NODES, self.first)), hyperparameters, fixed))

    def _cell(self, architecture: Mapping[str, Any], n_in: int, n_out: int, weight_drop: float) -> nn.Module:
        return DartsRecurrentCell(steps(architecture), n_in, n_out, weight_drop)

    def _nodes(self, architecture: Mapping[str, Any]) -> Nodes:
        return _nodes(steps(architecture))

    def supernet(self, *, normalised: bool = False, **sizes: int) -> NodeSupernet:
        """A freshly initialised supernet; DARTS searches with 300 hidden units.

        Parameters
        ----------
        normalised
            Whether each node goes through a batch norm without weights. DARTS does so in the search, where it adds up
            the edges of a node; here they are averaged, and states do not grow.
        sizes
            Other ones: ``hidden``, ``layers``.

        Raises
        ------
        UserError
            If there is no such size, or it is less than 1.
        """
        from nni_nasplus.spaces.recurrent.supernet import Plan, supernet_of_nodes

        return supernet_of_nodes(self, Plan(NODES, self.first, normalised, loose=False), sizes)


def _nodes(steps: Steps) -> Nodes:
    return Nodes("tanh", tuple(steps), range(1, len(steps) + 1))
