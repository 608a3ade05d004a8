"""Recipes of recurrent cells, in the published format of NAS-Bench-NLP (arXiv 2006.07116).

A recipe is a graph of named nodes. The inputs are ``x`` and the states ``h_prev_0`` to ``h_prev_2``; the nodes
``h_new_0`` to ``h_new_2`` are the next states, and ``h_new_0`` is the output as well.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import networkx as nx

from nni_nasplus.errors import UserError
from nni_nasplus.spaces.recurrent.recipes.canonical import canonical_names
from nni_nasplus.spaces.recurrent.recipes.node import ARITY, STATE, Node, count_states
from nni_nasplus.spaces.recurrent.recipes.notation import read, written

__all__ = ["MOST_EDGES", "MOST_STATES", "MOST_VERTICES", "Recipe"]

MOST_STATES = 3
"""As many hidden states as a recipe of NAS-Bench-NLP has, and as any recipe may have."""
MOST_VERTICES = 24
"""Of NAS-Bench-NLP's recipes, inputs among them; a recipe of one's own may have more."""
_MOST_OWN = 100
"""Nodes of a recipe of one's own: the canonical form of a symmetric one takes seconds then, and eight times as long for
twice as many."""
MOST_EDGES = 99
"""NAS-Bench-NLP keeps recipes of fewer than 100 edges; a recipe of one's own may have more."""


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
        ``x`` or a state does not reach the output, the states are not ``h_new_0``, ``h_new_1``, … one for each
        ``h_prev``, or there are more than 100 nodes.
    """

    nodes: Mapping[str, Node]

    def __post_init__(self) -> None:
        if len(self.nodes) > _MOST_OWN:
            raise UserError(f"the recipe has {len(self.nodes):,} nodes; {_MOST_OWN} are most")
        for name, node in self.nodes.items():
            self._check(name, node)
        if not nx.is_directed_acyclic_graph(self.graph):
            circle = [source for source, _ in nx.find_cycle(self.graph)]
            raise UserError(f"the recipe's nodes form a circle: {' → '.join([*circle, circle[0]])}")
        self._check_states()
        self._check_paths()

    @classmethod
    def parse(cls, recipe: str | Mapping[str, Any]) -> Recipe:
        """Read the published format, ``{name: {"op": …, "input": […]}}``, or its JSON, or :attr:`notation`.

        Raises
        ------
        UserError
            If it is no such thing.
        """
        if isinstance(recipe, str) and not recipe.lstrip().startswith("{"):
            return cls({name: Node(op, inputs) for name, op, inputs in read(recipe)})
        try:
            content = json.loads(recipe) if isinstance(recipe, str) else recipe
            nodes = {name: Node(str(node["op"]), tuple(map(str, node["input"]))) for name, node in content.items()}
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise UserError(f"no recipe: {str(recipe)[:60]!r}; write {{name: {{op: …, input: […]}}}}") from None
        return cls(nodes)

    def to_json(self) -> dict[str, dict[str, Any]]:
        """The published format."""
        return {name: {"op": node.op, "input": list(node.inputs)} for name, node in self.nodes.items()}

    def _check(self, name: str, node: Node) -> None:
        if node.op not in ARITY:
            raise UserError(f"node '{name}' has the unknown operation '{node.op}'; known: {', '.join(ARITY)}")
        least, most = ARITY[node.op]
        if not least <= len(node.inputs) <= most:
            raise UserError(f"node '{name}' has {len(node.inputs)} inputs; {node.op} takes {least} to {most}")
        if node.op == "linear" and len(set(node.inputs)) < len(node.inputs):
            raise UserError(
                f"node '{name}' takes an input twice by linear, which says no more than once; leave one out"
            )
        for source in node.inputs:
            if source not in self.nodes and source != "x" and not _is_earlier_state(source):
                raise UserError(f"node '{name}' takes '{source}', which is not there")
            if source == "x" and node.op != "linear":
                raise UserError(f"node '{name}' takes x by {node.op}; only linear can, whose sizes may differ")

    def _check_states(self) -> None:
        states = sorted(int(found[2]) for name in self.nodes if (found := STATE.fullmatch(name)) and found[1] == "new")
        used = {int(found[2]) for name in self.graph if (found := STATE.fullmatch(name)) and found[1] == "prev"}
        if not states or states != list(range(len(states))) or len(states) > MOST_STATES:
            raise UserError(f"the next states are {states}; use h_new_0 up to h_new_{MOST_STATES - 1}, without a gap")
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
        return count_states(self.nodes)

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
        if alive.issuperset(self.nodes):
            return self
        return Recipe({name: node for name, node in self.nodes.items() if name in alive})

    @cached_property
    def canonical(self) -> Recipe:
        """The same cell without dead nodes and under one numbering.

        It is equal for cells that differ only in names, dead nodes, the order of inputs that may be swapped, or the
        numbers of the states but the first. The nodes come after their inputs. The numbering is that of
        :mod:`~nni_nasplus.spaces.recurrent.recipes.canonical`.
        """
        whole = self.without_dead_nodes()
        names = canonical_names(whole.nodes)
        place = {new: i for i, new in enumerate(names.values())}
        nodes = {}
        for old in list(names)[1 + whole.n_states :]:
            op, inputs = whole.nodes[old]
            new = [names[source] for source in inputs]
            nodes[names[old]] = Node(op, tuple(new if op == "blend" else sorted(new, key=place.__getitem__)))
        found = Recipe(nodes)
        found.__dict__["canonical"] = found
        return found

    @cached_property
    def notation(self) -> str:
        """The canonical form as a line, such as ``linear(x,h0) tanh(0) | 1``: nodes that name their inputs by number,
        then the numbers of the nodes that are the next states.
        """
        return written((name, *node) for name, node in self.canonical.nodes.items())

    @cached_property
    def key(self) -> str:
        """A hash (32 hexadecimal digits), equal for cells of one canonical form only."""
        content = json.dumps(list(self.canonical.to_json().items()))
        return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()


def _is_earlier_state(name: str) -> bool:
    found = STATE.fullmatch(name)
    return found is not None and found[1] == "prev"
