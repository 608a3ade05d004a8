"""Recipes of recurrent cells, in the published format of NAS-Bench-NLP (arXiv 2006.07116).

A recipe is a graph of named nodes. The inputs are ``x`` and the states ``h_prev_0`` to ``h_prev_2``; the nodes
``h_new_0`` to ``h_new_2`` are the next states, and ``h_new_0`` is the output as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations
from typing import Any, NamedTuple

import networkx as nx

from nni_nasplus.errors import UserError

__all__ = ["PRESETS", "Node", "Recipe"]

_INPUTS = {
    "linear": (1, 3),
    "blend": (3, 3),
    "elementwise_prod": (2, 2),
    "elementwise_sum": (2, 2),
    "activation_tanh": (1, 1),
    "activation_sigm": (1, 1),
    "activation_leaky_relu": (1, 1),
}
"""The operations, with the least and the most inputs."""
_MOST_STATES = 3
_ITERATIONS = 24
_STATE = re.compile(r"h_(prev|new)_(\d+)")


class Node(NamedTuple):
    """An operation on earlier nodes."""

    op: str
    """``linear`` (Σ Wᵢxᵢ + b), ``blend`` (a·b + (1 − a)·c), ``elementwise_prod``, ``elementwise_sum``,
    ``activation_tanh``, ``activation_sigm``, ``activation_leaky_relu``."""
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class Recipe:
    """A cell that is known to be whole.

    Parameters
    ----------
    nodes
        By name, in any order.

    Raises
    ------
    UserError
        If an operation is unknown or has too few or too many inputs, an input is no node, the nodes form a circle,
        ``x`` or a state does not reach the output, or the states are not ``h_new_0``, ``h_new_1``, … one for each
        ``h_prev``.
    """

    nodes: Mapping[str, Node]

    def __post_init__(self) -> None:
        for name, node in self.nodes.items():
            self._check(name, node)
        if not nx.is_directed_acyclic_graph(self.graph):
            circle = [source for source, _ in nx.find_cycle(self.graph)]
            raise UserError(f"the recipe's nodes form a circle: {' → '.join([*circle, circle[0]])}")
        self._check_states()
        self._check_paths()

    @classmethod
    def parse(cls, recipe: str | Mapping[str, Any]) -> Recipe:
        """Read the published format: ``{name: {"op": …, "input": […]}}``, or its JSON.

        Raises
        ------
        UserError
            If it is no such thing.
        """
        try:
            content = json.loads(recipe) if isinstance(recipe, str) else recipe
            nodes = {name: Node(str(node["op"]), tuple(map(str, node["input"]))) for name, node in content.items()}
        except (ValueError, LookupError, TypeError, AttributeError):
            raise UserError(f"no recipe: {str(recipe)[:60]!r}; write {{name: {{op: …, input: […]}}}}") from None
        return cls(nodes)

    def to_json(self) -> dict[str, dict[str, Any]]:
        """The published format."""
        return {name: {"op": node.op, "input": list(node.inputs)} for name, node in self.nodes.items()}

    def _check(self, name: str, node: Node) -> None:
        if node.op not in _INPUTS:
            raise UserError(f"node '{name}' has the unknown operation '{node.op}'; known: {', '.join(_INPUTS)}")
        least, most = _INPUTS[node.op]
        if not least <= len(node.inputs) <= most:
            raise UserError(f"node '{name}' has {len(node.inputs)} inputs; {node.op} takes {least} to {most}")
        for source in node.inputs:
            if source not in self.nodes and source != "x" and not re.fullmatch(r"h_prev_\d+", source):
                raise UserError(f"node '{name}' takes '{source}', which is not there")
            if source == "x" and node.op != "linear":
                raise UserError(f"node '{name}' takes x by {node.op}; only linear can, whose sizes may differ")

    def _check_states(self) -> None:
        states = sorted(int(found[2]) for name in self.nodes if (found := _STATE.fullmatch(name)) and found[1] == "new")
        used = {int(found[2]) for name in self.graph if (found := _STATE.fullmatch(name)) and found[1] == "prev"}
        if not states or states != list(range(len(states))) or len(states) > _MOST_STATES:
            raise UserError(f"the next states are {states}; use h_new_0 up to h_new_{_MOST_STATES - 1}, without a gap")
        if used != set(states):
            raise UserError(f"the states read are {sorted(used)}, those written {states}; read each that is written")

    def _check_paths(self) -> None:
        alive = set().union(*(nx.ancestors(self.graph, f"h_new_{state}") for state in range(self.n_states)))
        if "x" not in alive:
            raise UserError("no path leads from x to a state; the cell would not see its input")

    @cached_property
    def graph(self) -> nx.DiGraph:
        """From inputs to outputs, with the position of each input as ``place``."""
        graph: nx.DiGraph = nx.DiGraph()
        graph.add_nodes_from(self.nodes)
        for name, node in self.nodes.items():
            for place, source in enumerate(node.inputs):
                graph.add_edge(source, name, place=place)
        return graph

    @cached_property
    def n_states(self) -> int:
        """The number of hidden states, 1 to 3."""
        return sum(re.fullmatch(r"h_new_\d+", name) is not None for name in self.nodes)

    @cached_property
    def order(self) -> list[str]:
        """The nodes such that each comes after its inputs."""
        return [name for name in nx.lexicographical_topological_sort(self.graph) if name in self.nodes]

    @cached_property
    def size(self) -> tuple[int, int]:
        """Vertices, the inputs among them, and edges, a repeated input counted as often."""
        return len(self.graph), sum(len(node.inputs) for node in self.nodes.values())

    def without_dead_nodes(self) -> Recipe:
        """The nodes that reach a next state."""
        states = [f"h_new_{state}" for state in range(self.n_states)]
        alive = set(states).union(*(nx.ancestors(self.graph, state) for state in states))
        return Recipe({name: node for name, node in self.nodes.items() if name in alive})

    @cached_property
    def key(self) -> str:
        """A hash (32 hexadecimal digits), equal for cells that differ only in names, dead nodes, the order of inputs
        that may be swapped, or the numbers of the states but the first.
        """
        whole = self.without_dead_nodes()
        others = range(1, whole.n_states)
        return min(_hash(whole, dict(zip(others, numbers, strict=True))) for numbers in permutations(others))


def _hash(recipe: Recipe, renumbered: Mapping[int, int]) -> str:
    graph = uses(recipe, renumbered)
    return nx.weisfeiler_lehman_graph_hash(graph, "label", "label", iterations=_ITERATIONS, digest_size=16)


def uses(recipe: Recipe, renumbered: Mapping[int, int]) -> nx.Graph:
    """A graph with a vertex for each node and one for each use of a node: equal cells are isomorphic by ``label``."""
    graph: nx.Graph = nx.Graph()
    for name in recipe.graph:
        graph.add_node(name, label=_label(recipe, name, renumbered))
    for name, node in recipe.nodes.items():
        for place, source in enumerate(node.inputs):
            use = f"{name} {place}"
            graph.add_node(use, label=f"use {place}" if node.op == "blend" else "use")
            graph.add_edge(source, use, label="from")
            graph.add_edge(use, name, label="to")
    return graph


def _label(recipe: Recipe, name: str, renumbered: Mapping[int, int]) -> str:
    role = name if name == "x" else ""
    if found := _STATE.fullmatch(name):
        number = int(found[2])
        role = f"h_{found[1]}_{renumbered.get(number, number)}"
    return f"{role} {recipe.nodes[name].op if name in recipe.nodes else ''}"


def _gate(name: str, activation: str, *inputs: str) -> dict[str, Node]:
    return {name: Node("linear", inputs or ("x", "h_prev_0")), f"{name}_act": Node(f"activation_{activation}", (name,))}


def _lstm(output: str) -> Recipe:
    return Recipe(
        {
            **_gate("i", "tanh"),
            **_gate("j", "sigm"),
            **_gate("f", "sigm"),
            **_gate("o", output),
            "kept": Node("elementwise_prod", ("f_act", "h_prev_1")),
            "written": Node("elementwise_prod", ("i_act", "j_act")),
            "h_new_1": Node("elementwise_sum", ("kept", "written")),
            "h_new_1_act": Node("activation_tanh", ("h_new_1",)),
            "h_new_0": Node("elementwise_prod", ("h_new_1_act", "o_act")),
        }
    )


PRESETS = {
    "rnn": Recipe({"f": Node("linear", ("x", "h_prev_0")), "h_new_0": Node("activation_tanh", ("f",))}),
    "gru": Recipe(
        {
            **_gate("r", "sigm"),
            **_gate("z", "sigm"),
            "rh": Node("elementwise_prod", ("r_act", "h_prev_0")),
            **_gate("h_tilde", "tanh", "x", "rh"),
            "h_new_0": Node("blend", ("z_act", "h_prev_0", "h_tilde_act")),
        }
    ),
    "lstm": _lstm("tanh"),
    "lstm_sigmoid": _lstm("sigm"),
}
"""Cells by name. The benchmark's LSTM has a tanh at its output gate; ``lstm_sigmoid`` is :class:`torch.nn.LSTM`.
The GRU resets before the matrix product, as in the first paper (arXiv 1406.1078).
"""
