"""Supernets of recurrent cells: language models of one cell that holds all cells of DARTS, or of ENAS."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nni_nasplus.errors import UserError
from nni_nasplus.networks.supernet import NONE, Edge, MixedNetwork, Supernet, Terms, resized
from nni_nasplus.search.space import Architecture, Choice
from nni_nasplus.spaces.recurrent.language_model import Outcome, RecurrentLanguageModel
from nni_nasplus.spaces.recurrent.nodes import BOUND, FUNCTIONS, NodeSpace, RecurrentMacro
from nni_nasplus.spaces.recurrent.regularisation import Regularisation

__all__ = ["MixedNodeCell", "NodeSupernet", "Passage", "Plan", "supernet_of_nodes"]

_CELL = "cell"
_OF_A_NODE = re.compile(r"(op|from)(\d+)")
"""The names of the decisions of a node."""


class Plan(NamedTuple):
    """What cells of a space have in common: nodes 1 to N, each of one earlier node."""

    nodes: int
    """N."""
    first: int
    """The number of the node of x and h: 0, a tanh, or 1, whose operation is searched."""
    normalised: bool
    """Whether each node goes through a batch norm without weights, which always takes the statistics of the batch."""
    loose: bool
    """Whether the output is the mean of the nodes that no other one takes, else that of nodes 1 to N."""
    highway: bool = True
    """Whether nodes have gates."""

    @property
    def edges(self) -> list[Edge]:
        """From each earlier node to each node; from 0, which stands for x and h, to node 1 where that is searched."""
        return [Edge(_CELL, source, target) for target in range(1, self.nodes + 1) for source in self.sources(target)]

    def sources(self, target: int) -> range:
        """The earlier nodes that a node may take."""
        return range(self.first, target) if target > self.first else range(1)

    @property
    def operations(self) -> tuple[str, ...]:
        """The candidates; DARTS has ``none``, too."""
        return tuple(FUNCTIONS) if self.first else (NONE, *FUNCTIONS)


class Passage(NamedTuple):
    """What a supernet of language models takes."""

    tokens: Tensor
    """[T, B] int64."""
    states: Sequence[Sequence[Tensor]] | None = None
    """For each layer those to go on from, [B, H]; zero where None."""


class _Part(NamedTuple):
    """An operation of a node."""

    function: Callable[[Tensor], Tensor]
    rows: slice | Tensor
    """On which of the node's edges."""
    weights: Tensor
    """[rows, 1, 1]."""


class _Node(NamedTuple):
    """What a node computes in each step of a sequence."""

    places: list[int]
    """Of its n sources among the nodes before."""
    matrices: Tensor
    """[n, 2H, H], or [1, 2H, H] for all sources; of H rows without highways."""
    parts: list[_Part]


class MixedNodeCell(nn.Module):
    """A layer of all cells at once: each node is the mean over its active edges of their mixtures.

    An edge is Σ weight · (s + σ(c)(f(h) − s)) over its operations f, where (c, h) is the product of the earlier s with
    a matrix. As published, that matrix is the node's in cells of DARTS, whatever it takes, and the edge's in those of
    ENAS. DARTS adds the edges of a node up, which before a batch norm is the same as their mean. Of one architecture
    it computes what a :class:`~nni_nasplus.spaces.recurrent.nodes.NodeCell` does.

    Parameters
    ----------
    plan
        What the cells have in common.
    n_in, n_out
        The sizes I of the input and H of the state.
    weight_drop
        In training, the rate of dropout, in [0, 1), of the entries of all matrices but that of x, the same at all
        steps of a sequence.

    Attributes
    ----------
    given
        The terms of each edge, in the order of the plan; each forward pass of the supernet sets them.
    """

    def __init__(self, plan: Plan, n_in: int, n_out: int, weight_drop: float = 0.0) -> None:
        super().__init__()
        self.plan, self.n_out, self.weight_drop = plan, n_out, weight_drop
        self.given: Sequence[Terms] = ()
        rows = 2 * n_out if plan.highway else n_out
        self.weight_x = _uniform(rows, n_in)
        self.weight_h = _uniform(rows, n_out)
        self.weights = nn.ParameterDict(
            {self._name(edge): _uniform(rows, n_out) for edge in plan.edges if edge.source >= plan.first}
        )

    def forward(self, x: Tensor, states: Sequence[Tensor] | None = None) -> tuple[Tensor, tuple[Tensor]]:
        """Outputs [T, B, H] and the last state of sequences [T, B, I] and a first state [B, H], zero if None.

        Raises
        ------
        UserError
            If nodes are normalised, and there is one sequence only.
        """
        if self.plan.normalised and x.shape[1] == 1:
            raise UserError("a batch norm needs more than one column of text; use a larger batch_size")
        hidden = x.new_zeros(x.shape[1], self.n_out) if states is None else states[0]
        begin, nodes = self._nodes()
        first, ends = self._dropped(self.weight_h), self._ends(nodes)
        outputs = []
        for given in F.linear(x, self.weight_x).unbind(0):
            values = [self._mixed(hidden.unsqueeze(0), (given + F.linear(hidden, first)).unsqueeze(0), begin)]
            for node in nodes:
                sources = torch.stack([values[place] for place in node.places])
                values.append(self._mixed(sources, sources @ node.matrices.mT, node.parts))
            hidden = torch.stack([values[place] for place in ends]).mean(0)
            outputs.append(hidden)
        return torch.stack(outputs), (hidden,)

    def _name(self, edge: Edge) -> str:
        """Whose matrix it is."""
        return f"{edge.source}-{edge.target}" if self.plan.first else str(edge.target)

    def _nodes(self) -> tuple[list[_Part], list[_Node]]:
        """The parts of the node of x and h, and the others."""
        active: dict[int, dict[Edge, Terms]] = {node: {} for node in range(1, self.plan.nodes + 1)}
        for edge, terms in zip(self.plan.edges, self.given, strict=True):
            if terms.active:
                active[edge.target][edge] = terms
        begin = [_Part(torch.tanh, slice(None), self.weight_h.new_ones(1, 1, 1))]
        if self.plan.first:
            begin = self._parts(list(active.pop(1).values()))
        return begin, [self._node(edges) for edges in active.values()]

    def _node(self, edges: Mapping[Edge, Terms]) -> _Node:
        names = dict.fromkeys(map(self._name, edges))
        matrices = torch.stack([self.weights[name] for name in names])
        places = [edge.source - self.plan.first for edge in edges]
        return _Node(places, self._dropped(matrices), self._parts(list(edges.values())))

    def _parts(self, edges: Sequence[Terms]) -> list[_Part]:
        """The operations that are active on some edges of a node."""
        found = []
        for column, name in enumerate(self.plan.operations):
            rows = [row for row, terms in enumerate(edges) if name in terms.active]
            if rows and name != NONE:
                weights = torch.stack([edges[row].weights[column] for row in rows]) / len(edges)
                where = slice(None) if len(rows) == len(edges) else torch.tensor(rows, device=weights.device)
                found.append(_Part(FUNCTIONS[name], where, weights[:, None, None]))
        return found

    def _mixed(self, sources: Tensor, products: Tensor, parts: list[_Part]) -> Tensor:
        """A node [B, H] of n sources [n, B, H] and their products."""
        total = torch.zeros_like(sources[0])
        gates, values = products.chunk(2, -1) if self.plan.highway else (None, products)
        gates = None if gates is None else gates.sigmoid()
        for function, rows, weights in parts:
            value = function(values[rows])
            moved = value if gates is None else torch.lerp(sources[rows], value, gates[rows])
            total = total + (weights * moved).sum(0)
        return F.batch_norm(total, None, None, training=True) if self.plan.normalised else total

    def _ends(self, nodes: list[_Node]) -> list[int]:
        """The places of the nodes whose mean is the output."""
        places = range(1 - self.plan.first, len(nodes) + 1)
        taken = {place for node in nodes for place in node.places} if self.plan.loose else set()
        return [place for place in places if place not in taken]

    def _dropped(self, weight: Tensor) -> Tensor:
        return F.dropout(weight, self.weight_drop, self.training)


class NodeSupernet(Supernet):
    """Tokens → the next ones, by mixtures of all operations on all edges between the nodes of a cell.

    Parameters
    ----------
    plan
        What the cells have in common.
    vocabulary
        The number of tokens.
    macro
        The sizes of the layers, which share the mixture and not the weights.
    regularisation
        Rates of dropout.
    """

    edges_per_node = 1
    classifies = False

    def __init__(self, plan: Plan, vocabulary: int, macro: RecurrentMacro, regularisation: Regularisation) -> None:
        super().__init__(plan.edges, plan.operations)
        self.plan = plan
        cells = [MixedNodeCell(plan, macro.hidden, macro.hidden, regularisation.weight) for _ in range(macro.layers)]
        self.net = RecurrentLanguageModel(vocabulary, macro.hidden, cells, regularisation)

    def network(self) -> MixedNetwork:
        """It, as language models are trained."""
        return _MixedLanguageModel(self)

    def _run(self, x: Passage, terms: Mapping[str, Sequence[Terms]]) -> Outcome:  # type: ignore[override]
        cells: list[Any] = list(self.net.layers)
        for cell in cells:
            cell.given = terms[_CELL]
        try:
            return self.net.run(*x)
        finally:
            for cell in cells:
                cell.given = ()

    def selected(self, architecture: Mapping[str, Any]) -> list[tuple[Edge, str]]:
        """The edge and the operation of each node."""
        nodes = range(1, self.plan.nodes + 1)
        return [(Edge(_CELL, architecture.get(f"from{i}", 0), i), architecture[f"op{i}"]) for i in nodes]

    def hold(self, name: str, choice: Choice) -> None:
        """Leave to a node one operation on all edges, or one edge."""
        found = _OF_A_NODE.fullmatch(name)
        if found is None:
            super().hold(name, choice)
            return
        for edge in self.edges:
            if edge.target != int(found[2]) or not self.alive(edge):
                continue
            if found[1] == "op":
                self.keep(edge, str(choice))
            elif edge.source != choice:
                self.prune(edge)

    def derive(self, weights: Mapping[str, Tensor] | None = None) -> Architecture:
        """For each node the edge whose best operation other than ``none`` weighs most, with that operation.

        Raises
        ------
        UserError
            If a node has no such operation left.
        """
        rows = dict(zip(self.edges, self._preferred(weights)[_CELL].tolist(), strict=True))
        found: Architecture = {}
        for node in range(1, self.plan.nodes + 1):
            candidates = list(self._candidates(node, rows))
            if not candidates:
                raise UserError(f"node {node} of the cell has nothing but {NONE} left; prune less")
            _, source, name = max(candidates, key=lambda one: one[0])
            found[f"op{node}"] = name
            if node > self.plan.first:
                found[f"from{node}"] = source
        return {**found, **self.besides}

    def _candidates(self, node: int, rows: Mapping[Edge, Sequence[float]]) -> Iterator[tuple[float, int, str]]:
        """Weight, earlier node and operation of all that a node may have."""
        for edge in (Edge(_CELL, source, node) for source in self.plan.sources(node)):
            weights = dict(zip(self.operations, rows[edge], strict=True))
            yield from ((weights[name], edge.source, name) for name in self.alive(edge) if name != NONE)


class _MixedLanguageModel(MixedNetwork):
    """A supernet as :class:`~nni_nasplus.training.text.language_model.LanguageModel` trains networks."""

    supernet: NodeSupernet

    @property
    def vocabulary(self) -> int:
        """The number of tokens that it knows."""
        return self.supernet.net.vocabulary

    def run(self, tokens: Tensor, states: Sequence[Sequence[Tensor]] | None = None) -> Outcome:
        """All that training needs, of tokens [T, B] and first states, zero if None."""
        outcome: Outcome = self.supernet(Passage(tokens, states), self.mixture)
        return outcome

    def forward(self, tokens: Tensor, states: Any = None) -> Any:
        """Logits [T, B, V] of the tokens after each, and the last states."""
        outcome = self.run(tokens, states)
        return outcome.logits, outcome.states


def supernet_of_nodes(space: NodeSpace, plan: Plan, sizes: Mapping[str, Any]) -> NodeSupernet:
    """A freshly initialised supernet of a space of such cells; torch's global generator draws its weights.

    Parameters
    ----------
    sizes
        What is to differ from :class:`~nni_nasplus.spaces.recurrent.nodes.RecurrentMacro` of the space.

    Raises
    ------
    UserError
        If there is no such size, or it is less than 1.
    """
    rates = space.regularisation.scaled(float(space.first_hyperparameters.get("dropout", 1.0)))
    supernet = NodeSupernet(plan, space.vocabulary, resized(space, space.macro, sizes), rates)
    supernet.besides = space.first_hyperparameters
    return supernet


def _uniform(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.empty(shape).uniform_(-BOUND, BOUND))
