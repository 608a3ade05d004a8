"""Where to draw the vertices of a graph and its edges, row by row (Sugiyama, Tagawa and Toda, 1981)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from itertools import pairwise
from statistics import median
from typing import NamedTuple

import igraph
import networkx as nx

__all__ = ["Layout", "layered_layout", "row_of"]

_SPACE = 0.36
"""Between two vertices, where an edge may pass."""
_Point = tuple[Hashable, int]
"""A vertex, or an edge on its way, and the row."""


class Layout(NamedTuple):
    """Places: from left to right, and the row, which counts from 0 on.

    Parameters
    ----------
    places
        Of the middle of each vertex.
    routes
        Of each edge: its source, where it passes the rows between, its target.
    """

    places: dict[Hashable, tuple[float, int]]
    routes: dict[tuple[Hashable, Hashable], list[tuple[float, int]]]


def row_of(graph: nx.DiGraph) -> dict[Hashable, int]:
    """The row of each vertex of an acyclic graph, just below the last of those that it takes from.

    What takes nothing and is of another ``layer`` than the first vertex, such as the queries of a decoder, waits for
    all that is handed to what follows from it: the decoder stands below the encoder, not beside it.
    """
    waiting = graph.copy()
    waiting.add_edges_from(_waits(graph))
    return {vertex: row for row, level in enumerate(nx.topological_generations(waiting)) for vertex in level}


def _waits(graph: nx.DiGraph) -> list[tuple[Hashable, Hashable]]:
    """What each late source waits for: what does not follow from any of them, and is taken by what follows from it."""
    layers = nx.get_node_attributes(graph, "layer")
    sources = [vertex for vertex in graph if not graph.in_degree(vertex)]
    below = {s: nx.descendants(graph, s) for s in sources if layers.get(s) != layers.get(sources[0])}
    later = {*below, *(vertex for vertices in below.values() for vertex in vertices)}
    return [(p, s) for s, vertices in below.items() for v in vertices for p in graph.pred[v] if p not in later]


def layered_layout(graph: nx.DiGraph, width: float) -> Layout:
    """Rows of vertices ``width`` wide, with few crossings; edges pass the rows between at places of their own.

    Where vertices have a ``layer``, those alone in their rows stand straight below each other.
    """
    rows = row_of(graph)
    routes = {(a, b): _route(a, b, rows) for a, b in graph.edges}
    pieces: nx.DiGraph = nx.DiGraph()
    pieces.add_nodes_from((vertex, row) for vertex, row in rows.items())
    for route in routes.values():
        nx.add_path(pieces, route)
    xs = _across(pieces, width + _SPACE)
    if nx.get_node_attributes(graph, "layer"):
        xs = _straight(xs, set(rows.items()), width + _SPACE)
    places = {point: (x, point[1]) for point, x in xs.items()}
    return Layout(
        {vertex: places[vertex, row] for vertex, row in rows.items()},
        {edge: [places[point] for point in route] for edge, route in routes.items()},
    )


def _route(source: Hashable, target: Hashable, rows: Mapping[Hashable, int]) -> list[_Point]:
    between = [((source, target), row) for row in range(rows[source] + 1, rows[target])]
    return [(source, rows[source]), *between, (target, rows[target])]


def _across(pieces: nx.DiGraph, gap: float) -> dict[_Point, float]:
    """The place of each point, at least ``gap`` from its neighbours: igraph may leave two of a row too near."""
    points = list(pieces)
    number = {point: i for i, point in enumerate(points)}
    copy = igraph.Graph(len(points), [(number[a], number[b]) for a, b in pieces.edges], directed=True)
    found = copy.layout_sugiyama([row for _, row in points], hgap=gap)
    xs = {point: found[i][0] for point, i in number.items()}
    for left, right in pairwise(sorted(points, key=lambda point: (point[1], xs[point]))):
        if left[1] == right[1]:
            xs[right] = max(xs[right], xs[left] + gap)
    return xs


def _straight(xs: Mapping[_Point, float], vertices: set[_Point], gap: float) -> dict[_Point, float]:
    """The vertices that are alone in their rows at the median of their places; edges beside them make room."""
    rows: dict[int, list[_Point]] = {}
    for point in sorted(xs, key=lambda point: xs[point]):
        rows.setdefault(point[1], []).append(point)
    alone = {row: points for row, points in rows.items() if len(vertices.intersection(points)) == 1}
    moved = dict(xs)
    spine = median(xs[point] for points in alone.values() for point in points if point in vertices) if alone else 0.0
    for points in alone.values():
        place = next(i for i, point in enumerate(points) if point in vertices)
        moved[points[place]] = spine
        for near, far in pairwise(points[place:]):
            moved[far] = max(moved[far], moved[near] + gap)
        for near, far in pairwise(points[place::-1]):
            moved[far] = min(moved[far], moved[near] - gap)
    return moved
