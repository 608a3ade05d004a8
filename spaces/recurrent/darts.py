"""The recurrent cell of DARTS (arXiv 1806.09055): eight nodes, each of one earlier node by one operation."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import networkx as nx
import nni
import torch
from nni.mutable import ensure_frozen
from nni.nas.space import model_context
from torch import Tensor, nn

from nni_nasplus.errors import UserError
from nni_nasplus.model_space import SearchableSpace
from nni_nasplus.space import Architecture

from .cell import deferred
from .language_model import RecurrentLanguageModel, States

__all__ = ["GENOTYPES", "DartsRecurrentCell", "DartsRecurrentSpace"]

NODES = 8
OPERATIONS = ("tanh", "relu", "sigmoid", "identity")
GENOTYPES = {
    "DARTS_V1": "relu0 relu1 tanh2 relu3 relu4 identity1 relu5 relu1",
    "DARTS_V2": "sigmoid0 relu1 relu1 identity1 tanh2 sigmoid5 tanh3 relu5",
}
_BOUND = 0.04
_STEP = re.compile(r"([a-z]+)(\d)")
_FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "identity": nn.Identity(),
}

if TYPE_CHECKING:
    Steps = Sequence[tuple[str, int]]


class DartsRecurrentCell(nn.Module):
    """A layer of the cell: s₀ = h + σ(c₀)(tanh(h₀) − h), sᵢ = s + σ(cᵢ)(f(hᵢ) − s) of an earlier s, mean of s₁ … s₈.

    The pairs (c, h) are products with matrices without bias, of x and h for s₀ and of the earlier s for sᵢ.

    Parameters
    ----------
    steps
        For each node its operation and the number of the earlier node.
    n_in, n_out
        The sizes I of the input and H of the state.
    """

    def __init__(self, steps: Steps, n_in: int, n_out: int) -> None:
        super().__init__()
        self.steps = tuple(steps)
        self.n_out = n_out
        self.weight_x = nn.Parameter(torch.empty(2 * n_out, n_in).uniform_(-_BOUND, _BOUND))
        self.weights = nn.ParameterList(
            torch.empty(2 * n_out, n_out).uniform_(-_BOUND, _BOUND) for _ in range(len(self.steps) + 1)
        )

    def forward(self, x: Tensor, states: Sequence[Tensor] | None = None) -> tuple[Tensor, tuple[Tensor]]:
        """Outputs [T, B, H] and the last state of sequences [T, B, I] and a first state [B, H], zero if None."""
        hidden = x.new_zeros(x.shape[1], self.n_out) if states is None else states[0]
        products = [deferred(weight, x.shape[1]) for weight in self.weights]
        outputs = []
        for given in torch.nn.functional.linear(x, self.weight_x).unbind(0):
            nodes = [_moved(hidden, given + products[0](hidden), "tanh")]
            for (operation, source), product in zip(self.steps, products[1:], strict=True):
                nodes.append(_moved(nodes[source], product(nodes[source]), operation))
            hidden = torch.stack(nodes[1:]).mean(0)
            outputs.append(hidden)
        return torch.stack(outputs), (hidden,)


def _moved(state: Tensor, pair: Tensor, operation: str) -> Tensor:
    gate, value = pair.chunk(2, 1)
    return torch.lerp(state, _FUNCTIONS[operation](value), torch.sigmoid(gate))


class DartsRecurrentSpace(SearchableSpace):
    """The 2,642,411,520 cells of DARTS in a language model of one layer (8! · 4⁸).

    Parameters
    ----------
    vocabulary
        The number of tokens.
    hidden
        The size of state and embedding.
    """

    def __init__(self, vocabulary: int = 10_000, hidden: int = 850) -> None:
        super().__init__()
        self.vocabulary, self.hidden = vocabulary, hidden
        chosen = {name: ensure_frozen(self.add_mutable(nni.choice(name, choices))) for name, choices in _decisions()}
        self.net = self._network(chosen)

    def _network(self, architecture: Mapping[str, Any]) -> RecurrentLanguageModel:
        cell = DartsRecurrentCell(_steps(architecture), self.hidden, self.hidden)
        return RecurrentLanguageModel(self.vocabulary, self.hidden, [cell])

    def forward(self, tokens: Tensor, states: Sequence[Sequence[Tensor]] | None = None) -> tuple[Tensor, States]:
        """Logits and states: see :class:`~nni_nasplus.spaces.recurrent.language_model.RecurrentLanguageModel`."""
        return self.net(tokens, states)

    def freeze(self, sample: Mapping[str, Any]) -> DartsRecurrentSpace:
        """The space with the network of a sample."""
        with model_context(dict(sample)):
            return type(self)(*self.trace_args, **self.trace_kwargs)

    def build(self, architecture: Mapping[str, Any]) -> RecurrentLanguageModel:
        """A freshly initialised language model; UserError if the architecture is not in the space."""
        return self._network(self.search_space.validate(architecture))

    def example(self) -> Tensor:
        """One token of one text."""
        return torch.zeros(1, 1, dtype=torch.long)

    def genotype(self, architecture: Mapping[str, Any]) -> str:
        """Operation and earlier node of each node, as in ``relu0 relu1 tanh2 …``."""
        steps = _steps(self.search_space.validate(architecture))
        return " ".join(f"{operation}{source}" for operation, source in steps)

    def parse_genotype(self, text: str) -> Architecture:
        """The architecture of a genotype, or of a published one by its name, ``DARTS_V1`` or ``DARTS_V2``."""
        found = [_STEP.fullmatch(word) for word in GENOTYPES.get(text, text).split()]
        steps = [(step[1], int(step[2])) for step in found if step]
        if len(steps) != NODES or len(found) != NODES:
            known = " or ".join(GENOTYPES)
            raise UserError(f"'{text}' is no genotype: write {known}, or eight like relu0: operation, earlier node")
        names = ((f"op{i}", f"from{i}") for i in range(1, NODES + 1))
        pairs = (zip(pair, step, strict=True) for pair, step in zip(names, steps, strict=True))
        return self.search_space.validate(dict(decision for pair in pairs for decision in pair))

    def graph(self, architecture: Mapping[str, Any]) -> nx.DiGraph:
        """The data flow of a cell, for drawing."""
        graph: nx.DiGraph = nx.DiGraph()
        for name in ("x", "h"):
            graph.add_node(name, label=name, kind="input")
            graph.add_edge(name, 0)
        graph.add_node(0, label="s0: tanh", kind="op")
        for i, (operation, source) in enumerate(_steps(self.search_space.validate(architecture)), 1):
            graph.add_node(i, label=f"s{i}: {operation}", kind="op")
            graph.add_edge(source, i)
            graph.add_edge(i, "mean")
        graph.add_node("mean", label="mean", kind="output")
        return graph


def _decisions() -> list[tuple[str, list[Any]]]:
    """The operation and the earlier node of each node."""
    pairs = (((f"op{i}", list(OPERATIONS)), (f"from{i}", list(range(i)))) for i in range(1, NODES + 1))
    return [decision for pair in pairs for decision in pair]


def _steps(architecture: Mapping[str, Any]) -> Steps:
    return [(architecture[f"op{i}"], architecture[f"from{i}"]) for i in range(1, NODES + 1)]
