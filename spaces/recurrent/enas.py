"""The recurrent cell of ENAS (arXiv 1802.03268): nodes of one earlier node each, and the mean of the loose ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args

from torch import nn

from nni_nasplus.errors import UserError
from nni_nasplus.networks.hyperparameters import Hyperparameters
from nni_nasplus.networks.tuned_space import NOTHING
from nni_nasplus.search.space import Choice, SearchSpace
from nni_nasplus.spaces.recurrent.nodes import NodeCell, Nodes, NodeSpace, Steps, decisions, steps

if TYPE_CHECKING:
    from nni_nasplus.spaces.recurrent.supernet import NodeSupernet

__all__ = ["GENOTYPES", "EnasRecurrentCell", "EnasRecurrentSpace"]

GENOTYPES = {"ENAS": "tanh tanh1 relu2 relu3 tanh3 tanh3 relu6 tanh2 relu7 relu9 relu9 relu9"}
"""The published cell."""
Output = Literal["loose", "all"]


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
    output
        What the output is the mean of: the ``loose`` ends, nodes that no other one takes, as published; or ``all``
        nodes, as in the code that the authors corrected later.
    """

    def __init__(
        self,
        steps: Steps,
        n_in: int,
        n_out: int,
        weight_drop: float = 0.0,
        highway: bool = True,
        output: Output = "loose",
    ) -> None:
        super().__init__(_nodes(steps, output), n_in, n_out, weight_drop, highway)


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
    output
        What the output of a cell is the mean of: see :class:`EnasRecurrentCell`.
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
        output: Output = "loose",
        regularisation: Mapping[str, float] | None = None,
        hyperparameters: Hyperparameters = NOTHING,
        fixed: Mapping[str, Choice] = NOTHING,
    ) -> None:
        super().__init__(vocabulary, hidden, hidden, layers, regularisation)
        self.highway, self.output = highway, output
        if output not in get_args(Output):
            raise UserError(f"output is {output!r}; use loose or all")
        self.decide(self._tuned(SearchSpace(decisions(nodes, self.first)), hyperparameters, fixed))

    def _cell(self, architecture: Mapping[str, Any], n_in: int, n_out: int, weight_drop: float) -> nn.Module:
        return EnasRecurrentCell(steps(architecture), n_in, n_out, weight_drop, self.highway, self.output)

    def _nodes(self, architecture: Mapping[str, Any]) -> Nodes:
        return _nodes(steps(architecture), self.output)

    def supernet(self, *, normalised: bool = False, **sizes: int) -> NodeSupernet:
        """A freshly initialised supernet, with a matrix for each pair of nodes (section 2.1 of the paper).

        Where mixtures have many edges active at once, only the last node is a loose end: ``output="all"`` suits them.

        Parameters
        ----------
        normalised
            Whether each node goes through a batch norm without weights.
        sizes
            Other ones: ``hidden``, ``layers``.

        Raises
        ------
        UserError
            If there is no such size, or it is less than 1.
        """
        from nni_nasplus.spaces.recurrent.supernet import Plan, supernet_of_nodes

        nodes = sum(name.startswith("op") for name in self.search_space.decisions)
        plan = Plan(nodes, self.first, normalised, loose=self.output == "loose", highway=self.highway)
        return supernet_of_nodes(self, plan, sizes)


def _nodes(steps: Steps, output: Output = "loose") -> Nodes:
    """Numbered from 0 on."""
    (first, _), *later = steps
    shifted = [(operation, source - 1) for operation, source in later]
    taken = {source for _, source in shifted} if output == "loose" else set()
    return Nodes(first, shifted, [node for node in range(len(steps)) if node not in taken])
