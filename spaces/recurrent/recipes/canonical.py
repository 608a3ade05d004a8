"""The canonical form of a recipe: one numbering for all recipes that are the same cell.

Colours of vertices are refined by those around them until nothing changes; where equal colours remain, one vertex after
the other is told apart, and the least description wins. Vertices that a symmetry exchanges give equal descriptions, so
that one of them is enough.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

from nni_nasplus.spaces.recurrent.recipes.node import STATE, Node, count_states

__all__ = ["canonical_names"]

Nodes = Mapping[str, Node]
"""By name, in any order."""
Colours = tuple[int, ...]
"""A number for every vertex: equal for those that are not told apart yet."""


def canonical_names(nodes: Nodes) -> dict[str, str]:
    """Give every vertex its canonical name.

    Parameters
    ----------
    nodes
        Those of a whole recipe: each reaches a next state, and every state is written and read.

    Returns
    -------
    The new names by the old ones, the inputs first, then the nodes such that each comes after its inputs. Nodes become
    ``0``, ``1``, … or the ``h_new`` of their state. The states but the first are renumbered.
    """
    graph = _Graph(nodes)
    _, colours = graph.least(graph.refined(graph.start))
    rank = dict(zip(graph.names, colours, strict=True))
    states = sorted(range(count_states(nodes)), key=lambda state: (state > 0, rank[f"h_prev_{state}"]))
    names = {"x": "x", **{f"h_prev_{state}": f"h_prev_{place}" for place, state in enumerate(states)}}
    renamed = {f"h_new_{state}": f"h_new_{place}" for place, state in enumerate(states)}
    for place, node in enumerate(_ordered(nodes, rank)):
        names[node] = renamed.get(node, str(place))
    return names


def _ordered(nodes: Nodes, rank: dict[str, int]) -> list[str]:
    """The nodes in topological order, of those that are ready the least first."""
    missing = {name: len({s for s in node.inputs if s in nodes}) for name, node in nodes.items()}
    ready = [(rank[name], name) for name, count in missing.items() if count == 0]
    heapq.heapify(ready)
    users: dict[str, list[str]] = {}
    for name, node in nodes.items():
        for source in set(node.inputs):
            users.setdefault(source, []).append(name)
    order: list[str] = []
    while ready:
        _, name = heapq.heappop(ready)
        order.append(name)
        for user in users.get(name, ()):
            missing[user] -= 1
            if missing[user] == 0:
                heapq.heappush(ready, (rank[user], user))
    return order


class _Graph:
    """The vertices of a recipe and how each is related to others; a state's node is related to its next reading."""

    def __init__(self, nodes: Nodes) -> None:
        states = range(count_states(nodes))
        self.names = ["x", *(f"h_prev_{state}" for state in states), *nodes]
        place = {name: i for i, name in enumerate(self.names)}
        self.related: list[list[tuple[str, int]]] = [[] for _ in self.names]
        for name, node in nodes.items():
            for number, source in enumerate(node.inputs):
                self._relate(f"input {number}" if node.op == "blend" else "input", place[name], place[source])
        for state in states:
            self._relate("state", place[f"h_new_{state}"], place[f"h_prev_{state}"])
        labels = [_label(nodes, name) for name in self.names]
        ranks = {label: rank for rank, label in enumerate(sorted(set(labels)))}
        self.labels = labels
        self.start: Colours = tuple(ranks[label] for label in labels)

    def _relate(self, label: str, one: int, other: int) -> None:
        self.related[one].append((label, other))
        self.related[other].append((f"{label} of", one))

    def refined(self, colours: Colours) -> Colours:
        """Tell vertices apart by the colours around them, until nothing changes."""
        count = len(set(colours))
        while True:
            around = self._around(colours)
            ranks = {value: rank for rank, value in enumerate(sorted(set(around)))}
            colours = tuple(ranks[value] for value in around)
            if len(ranks) == count:
                return colours
            count = len(ranks)

    def _around(self, colours: Colours) -> list[tuple[int, tuple[tuple[str, int], ...]]]:
        return [
            (colour, tuple(sorted((label, colours[other]) for label, other in related)))
            for colour, related in zip(colours, self.related, strict=True)
        ]

    def least(self, colours: Colours) -> tuple[list[object], Colours]:
        """Of all ways to tell the vertices apart, the one of the least description."""
        tied = _tied(colours)
        if not tied:
            return self._description(colours), colours
        distinct: dict[str, Colours] = {}
        for vertex in tied:
            apart = self.refined(_told_apart(colours, vertex))
            distinct.setdefault(str(self._description(self._any(apart))), apart)
        return min((self.least(apart) for apart in distinct.values()), key=lambda found: str(found[0]))

    def _any(self, colours: Colours) -> Colours:
        """Some way to tell the rest apart."""
        while tied := _tied(colours):
            colours = self.refined(_told_apart(colours, tied[0]))
        return colours

    def _description(self, colours: Colours) -> list[object]:
        """All of the graph, by the vertices' colours, which are distinct."""
        return [(self.labels[i], around) for i, around in _by_colour(colours, self._around(colours))]


def _by_colour(colours: Colours, values: Sequence[object]) -> list[tuple[int, object]]:
    return [(i, values[i]) for i in sorted(range(len(colours)), key=colours.__getitem__)]


def _tied(colours: Colours) -> list[int]:
    """The vertices of the least colour that several have."""
    groups: dict[int, list[int]] = {}
    for vertex, colour in enumerate(colours):
        groups.setdefault(colour, []).append(vertex)
    return next((groups[colour] for colour in sorted(groups) if len(groups[colour]) > 1), [])


def _told_apart(colours: Colours, vertex: int) -> Colours:
    return tuple(2 * colour + (i != vertex) for i, colour in enumerate(colours))


def _label(nodes: Nodes, name: str) -> str:
    """What is known of a vertex by itself: its operation, and whether it is the first state, another one, or none."""
    found = STATE.fullmatch(name)
    role = "" if found is None else f"{found[1]} {min(int(found[2]), 1)}"
    return f"{nodes[name].op if name in nodes else name[:1]} {role}"
