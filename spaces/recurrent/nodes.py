"""Cells of nodes that each take one earlier node, as of DARTS and ENAS, and what their spaces share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import networkx as nx
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nni_nasplus.errors import UserError
from nni_nasplus.networks.hyperparameters import Hyperparameters
from nni_nasplus.search.space import Architecture, Choice, SearchSpace
from nni_nasplus.spaces.recurrent.cell import deferred
from nni_nasplus.spaces.recurrent.language_space import LanguageModelSpace
from nni_nasplus.spaces.recurrent.recommended import RATE, recommended

__all__ = [
    "BOUND",
    "FUNCTIONS",
    "NodeCell",
    "NodeSpace",
    "Nodes",
    "RecurrentMacro",
    "Steps",
    "decisions",
    "read",
    "steps",
]

BOUND = 0.04
"""Weights are uniform within this of 0 at first, as in the code of DARTS."""
FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "identity": nn.Identity(),
}
_MOST = 200
"""Nodes of a cell: the decisions on the earlier ones grow as the square of the number."""
_STEP = re.compile(rf"({'|'.join(FUNCTIONS)})([0-9]{{0,3}})")
Steps = Sequence[tuple[str, int]]
"""For each node its operation and the number of an earlier node."""


class Nodes(NamedTuple):
    """Node 0 takes the input and the state, each other one an earlier node; the next state is a mean."""

    first: str
    """The operation of node 0."""
    steps: Steps
    """Of nodes 1, 2, …"""
    ends: Sequence[int]
    """The nodes whose mean is the next state."""


@dataclass(frozen=True)
class RecurrentMacro:
    """The sizes of a language model of equal layers.

    Raises
    ------
    UserError
        If one is less than 1.
    """

    hidden: int
    """Of state and embedding."""
    layers: int

    def __post_init__(self) -> None:
        for name, size in asdict(self).items():
            if size < 1:
                raise UserError(f"{name} is {size}; use 1 or more")


class NodeCell(nn.Module):
    """A layer of a cell: s₀ of x and h, sᵢ of an earlier s, and the mean of some of them as output and next h.

    With highways sᵢ = s + σ(cᵢ)(f(hᵢ) − s), where the pair (cᵢ, hᵢ) is the product of s with a matrix without bias, of
    x and of h with one each for s₀, and s = h there. Without, sᵢ = f(hᵢ).

    Parameters
    ----------
    nodes
        The cell.
    n_in, n_out
        The sizes I of the input and H of the state.
    weight_drop
        In training, the rate of dropout, in [0, 1), of the entries of all matrices but that of x, the same at all
        steps of a sequence.
    """

    def __init__(self, nodes: Nodes, n_in: int, n_out: int, weight_drop: float = 0.0, highway: bool = True) -> None:
        super().__init__()
        self.nodes, self.n_out, self.weight_drop = nodes, n_out, weight_drop
        rows = 2 * n_out if highway else n_out
        self.weight_x = nn.Parameter(torch.empty(rows, n_in).uniform_(-BOUND, BOUND))
        self.weights = nn.ParameterList(
            torch.empty(rows, n_out).uniform_(-BOUND, BOUND) for _ in range(len(nodes.steps) + 1)
        )
        self._node = _moved if highway else _replaced

    def forward(self, x: Tensor, states: Sequence[Tensor] | None = None) -> tuple[Tensor, tuple[Tensor]]:
        """Outputs [T, B, H] and the last state of sequences [T, B, I] and a first state [B, H], zero if None."""
        hidden = x.new_zeros(x.shape[1], self.n_out) if states is None else states[0]
        dropped = (F.dropout(weight, self.weight_drop, self.training) for weight in self.weights)
        first, *products = (deferred(weight, x.shape[1]) for weight in dropped)
        outputs = []
        for given in F.linear(x, self.weight_x).unbind(0):
            nodes = [self._node(hidden, given + first(hidden), self.nodes.first)]
            for (operation, source), product in zip(self.nodes.steps, products, strict=True):
                nodes.append(self._node(nodes[source], product(nodes[source]), operation))
            hidden = torch.stack([nodes[end] for end in self.nodes.ends]).mean(0)
            outputs.append(hidden)
        return torch.stack(outputs), (hidden,)


def _moved(state: Tensor, pair: Tensor, operation: str) -> Tensor:
    gate, value = pair.chunk(2, 1)
    return torch.lerp(state, FUNCTIONS[operation](value), torch.sigmoid(gate))


def _replaced(state: Tensor, value: Tensor, operation: str) -> Tensor:
    return FUNCTIONS[operation](value)


class NodeSpace(LanguageModelSpace):
    """Language models of such cells: ``op1``, ``from1``, ``op2``, ``from2``, …, as :func:`decisions` gives them.

    A genotype is the operation and the earlier node of each node, such as ``relu0 relu1 tanh2``.
    """

    first: int
    """The number of the node of x and h; if it is 1, its operation is a decision and no earlier node is."""
    published: Mapping[str, str] = {}
    """Genotypes by name."""

    def _tuned(
        self, published: SearchSpace, hyperparameters: Hyperparameters, fixed: Mapping[str, Choice]
    ) -> SearchSpace:
        shares = hyperparameters.get("dropout", ())
        if wrong := [share for share in shares if not isinstance(share, int | float) or not 0 <= share <= 1]:
            raise UserError(f"dropout is {wrong[0]!r}; use 0 to 1, the share of the rates of dropout")
        return super()._tuned(published, hyperparameters, fixed)

    def _nodes(self, architecture: Mapping[str, Any]) -> Nodes:
        raise NotImplementedError

    @property
    def macro(self) -> RecurrentMacro:
        """The sizes of its networks."""
        return RecurrentMacro(self.widths[0], len(self.widths) - 1)

    @property
    def first_hyperparameters(self) -> Architecture:
        """Those of an architecture whose notation names none."""
        return self._first

    @classmethod
    def recommended(cls, learning_rate: float = RATE) -> dict[str, Any]:
        """Arguments, beside the sizes of the data, of a space of training too; see recommended.py."""
        return recommended(learning_rate)

    def _notation(self, architecture: Architecture) -> str:
        """Operation and earlier node of each node."""
        a = architecture
        return " ".join(f"{a[f'op{i}']}{a.get(f'from{i}', '')}" for i, _ in enumerate(steps(a), 1))

    def _parsed(self, notation: str) -> Architecture:
        """A genotype, or a published one by its name."""
        found = read(self.published.get(notation, notation))
        if found.keys() != self.search_space.decisions.keys() - self.hyperparameters.keys():
            raise UserError(f"'{notation}' is no genotype: write {self._known()}")
        return found

    def _known(self) -> str:
        count = sum(name.startswith("op") for name in self.search_space.decisions)
        example = " ".join(("relu0", "tanh1") if self.first == 0 else ("relu", "tanh1"))
        return f"{', '.join(self.published)}, or the operation and earlier node of {count} nodes, as in {example} …"

    def _telling(self) -> list[str]:
        """All but the earlier nodes that nodes take."""
        return [name for name in self.search_space.decisions if not name.startswith("from")]

    def graph(self, architecture: Mapping[str, Any]) -> nx.DiGraph:
        """The data flow of a cell, for drawing."""
        nodes = self._nodes(self.search_space.validate(architecture))
        graph: nx.DiGraph = nx.DiGraph()
        for name in ("x", "h"):
            graph.add_node(name, label=name, kind="input")
            graph.add_edge(name, 0)
        for i, operation in enumerate([nodes.first, *(operation for operation, _ in nodes.steps)]):
            graph.add_node(i, label=f"s{i + self.first}: {operation}", kind="op")
        graph.add_edges_from((source, i) for i, (_, source) in enumerate(nodes.steps, 1))
        graph.add_node("mean", label="mean", kind="output")
        graph.add_edges_from((end, "mean") for end in nodes.ends)
        return graph


def decisions(nodes: int, first: int) -> dict[str, list[Any]]:
    """The operation of nodes 1, 2, … and the earlier node, from ``first`` on, of those after it.

    Raises
    ------
    UserError
        If there are no nodes, or more than a cell can have.
    """
    if not 1 <= nodes <= _MOST:
        raise UserError(f"nodes is {nodes}; use 1 to {_MOST}")
    found: dict[str, list[Any]] = {}
    for i in range(1, nodes + 1):
        found[f"op{i}"] = list(FUNCTIONS)
        if i > first:
            found[f"from{i}"] = list(range(first, i))
    return found


def steps(architecture: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Operation and earlier node of each node, 0 if that is no decision."""
    count = sum(name.startswith("op") for name in architecture)
    return [(architecture[f"op{i}"], architecture.get(f"from{i}", 0)) for i in range(1, count + 1)]


def read(genotype: str) -> Architecture:
    """The decisions that a genotype of any number of nodes writes down, none if it is no genotype; not validated."""
    found: Architecture = {}
    for i, word in enumerate(genotype.split(), 1):
        step = _STEP.fullmatch(word)
        if step is None:
            return {}
        found[f"op{i}"] = step[1]
        if step[2]:
            found[f"from{i}"] = int(step[2])
    return found
