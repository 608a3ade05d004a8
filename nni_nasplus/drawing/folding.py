"""Repeated layers as one: what stands four times below each other is drawn once, with ×4."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence

import networkx as nx

__all__ = ["folded", "layers_of"]

Nodes = Sequence[Hashable]


def layers_of(graph: nx.DiGraph) -> dict[str, list[Hashable]]:
    """The nodes of each layer in order; a node without one is in none."""
    layers: dict[str, list[Hashable]] = defaultdict(list)
    for node, data in graph.nodes(data=True):
        if "layer" in data:
            layers[data["layer"]].append(node)
    return dict(layers)


def folded(graph: nx.DiGraph) -> nx.DiGraph:
    """A graph in which of layers that follow each other and are alike only the first is left.

    Parameters
    ----------
    graph
        Nodes have a ``label`` and a ``kind``, and may have a ``layer``: a word and a number, such as "encoder 1". Two
        layers are alike if their nodes and edges are, the second one takes from the first what that takes from before
        it, and the first gives to nothing else.

    Returns
    -------
    A copy, where the layer that is left says for how many it stands, as in "encoder 1–4, ×4".
    """
    graph, layers = graph.copy(), layers_of(graph)
    names, first = list(layers), 0
    while first < len(names):
        kept, last = layers[names[first]], first
        while last + 1 < len(names) and _alike(graph, kept, layers[names[last + 1]]):
            last += 1
            _fold(graph, kept, layers[names[last]])
        if last > first:
            number = names[last].rpartition(" ")[2]
            nx.set_node_attributes(graph, dict.fromkeys(kept, f"{names[first]}–{number}, ×{last - first + 1}"), "layer")
        first = last + 1
    return graph


def _alike(graph: nx.DiGraph, one: Nodes, other: Nodes) -> bool:
    """Whether the second goes on from the first as that does from what is before it."""
    faces = [[(graph.nodes[node]["label"], graph.nodes[node]["kind"]) for node in nodes] for nodes in (one, other)]
    if faces[0] != faces[1] or _inner(graph, one) != _inner(graph, other):
        return False
    leaving = [(source, target) for source, target in graph.out_edges(one) if target not in one]
    ends = {source for source, _ in leaving}
    if len(ends) != 1 or not {target for _, target in leaving} <= set(other):
        return False
    before, after = _arriving(graph, one), _arriving(graph, other)
    handed = {place for source, place in after if source in ends}
    shared = {(source, place) for source, place in after if source not in ends}
    rest = before - shared
    return shared <= before and len({source for source, _ in rest}) == 1 and {place for _, place in rest} == handed


def _inner(graph: nx.DiGraph, nodes: Nodes) -> set[tuple[int, int]]:
    """Edges between the nodes, by their places."""
    place = {node: number for number, node in enumerate(nodes)}
    return {(place[a], place[b]) for a, b in graph.out_edges(nodes) if b in place}


def _arriving(graph: nx.DiGraph, nodes: Nodes) -> set[tuple[Hashable, int]]:
    """Edges from elsewhere, the targets by their places."""
    place = {node: number for number, node in enumerate(nodes)}
    return {(a, place[b]) for a, b in graph.in_edges(nodes) if a not in place}


def _fold(graph: nx.DiGraph, kept: Nodes, dropped: Nodes) -> None:
    """Let the first give what the second gave."""
    twin = dict(zip(dropped, kept, strict=True))
    outgoing = [(twin[source], target) for source, target in graph.out_edges(dropped) if target not in twin]
    graph.remove_nodes_from(dropped)
    graph.add_edges_from(outgoing)
