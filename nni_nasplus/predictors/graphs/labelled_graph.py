"""The graph of an architecture as predictors take it: operations are nodes, and data flow along the edges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import networkx as nx

from nni_nasplus.search.space import Architecture, Choice, SearchSpace

__all__ = ["GraphReader", "LabelledGraph"]

# A proposal asks for at most 1,500 architectures; those of some proposals fit in.
_REMEMBERED = 4096
# A graph of layers that each run three operations at once has 3ⁿ paths; with four layers all are counted.
_MOST_PATHS = 512


class LabelledGraph(NamedTuple):
    """Labels by node, in an order in which each comes after its sources; edges as source and target."""

    labels: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]

    def neighbours(self) -> tuple[list[list[int]], list[list[int]]]:
        """The sources of every node, and its targets."""
        sources: list[list[int]] = [[] for _ in self.labels]
        targets: list[list[int]] = [[] for _ in self.labels]
        for source, target in self.edges:
            sources[target].append(source)
            targets[source].append(target)
        return sources, targets

    def paths(self) -> list[tuple[str, ...]]:
        """The labels along each way from a node without sources to one without targets, at most 512 of them."""
        sources, targets = self.neighbours()
        found: list[tuple[str, ...]] = []
        open_ends: list[tuple[int, tuple[str, ...]]] = []
        open_ends += [(node, (label,)) for node, label in enumerate(self.labels) if not sources[node]][::-1]
        while open_ends and len(found) < _MOST_PATHS:
            node, path = open_ends.pop()
            if not targets[node]:
                found.append(path)
            open_ends += [(target, (*path, self.labels[target])) for target in reversed(targets[node])]
        return found


class GraphReader:
    """Reads the graphs of a space's architectures, and remembers them.

    In a graph of cells the operations stand on the edges: each becomes a node between the two states, whose labels are
    then what they are, such as ``input``, and not what they are called.
    """

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self._known: dict[tuple[tuple[str, Choice], ...], LabelledGraph] = {}

    def __call__(self, architectures: Sequence[Architecture]) -> list[LabelledGraph]:
        """The graphs of canonical architectures."""
        return [self._read(architecture) for architecture in architectures]

    def _read(self, architecture: Architecture) -> LabelledGraph:
        key = tuple(architecture.items())
        if key not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = _labelled(self.space.graph(architecture))
        return self._known[key]


def _labelled(drawn: nx.DiGraph) -> LabelledGraph:
    labels: dict[object, str] = {}
    edges = list(_arrows(drawn, labels))
    place = {node: number for number, node in enumerate(_ordered(labels, edges))}
    named = tuple(labels[node] for node in place)
    return LabelledGraph(named, tuple(sorted((place[source], place[target]) for source, target in edges)))


def _arrows(drawn: nx.DiGraph, labels: dict[object, str]) -> Iterator[tuple[object, object]]:
    """Fill in the labels, and yield the edges between what has one."""
    for node, data in drawn.nodes(data=True):
        labels[node] = f"{data['cell']} {data['kind']}" if "cell" in data else data["label"]
    for source, target, data in drawn.edges(data=True):
        operations = data.get("label", "").splitlines()
        for number, operation in enumerate(operations):
            between = (source, target, number)
            labels[between] = operation
            yield from ((source, between), (between, target))
        if not operations:
            yield source, target


def _ordered(labels: Mapping[object, str], edges: Sequence[tuple[object, object]]) -> list[object]:
    whole: nx.DiGraph = nx.DiGraph()
    whole.add_nodes_from(labels)
    whole.add_edges_from(edges)
    return list(nx.topological_sort(whole))
