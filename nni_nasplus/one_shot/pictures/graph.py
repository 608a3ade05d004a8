"""What is alive in a supernet as a graph, for drawing."""

from __future__ import annotations

import networkx as nx

from nni_nasplus.networks.supernet import Supernet

__all__ = ["alive_graph"]

_NAMED = 3
"""The most operations that an edge has room for."""


def alive_graph(supernet: Supernet) -> nx.DiGraph:
    """States as nodes; the ``label`` of an edge names the operations left, a line each, or counts more than three.

    See :func:`~nni_nasplus.drawing.cells.cell_figure` for the other attributes.
    """
    graph: nx.DiGraph = nx.DiGraph()
    for cell in dict.fromkeys(edge.cell for edge in supernet.edges):
        edges = [edge for edge in supernet.edges if edge.cell == cell]
        targets = {edge.target for edge in edges}
        for state in sorted({edge.source for edge in edges} | targets):
            kind = "op" if state in targets else "input"
            graph.add_node(f"{cell} {state}", label=f"{cell} {state}", name=str(state), kind=kind, cell=cell)
        for edge in edges:
            if alive := supernet.alive(edge):
                graph.add_edge(f"{cell} {edge.source}", f"{cell} {edge.target}", label=_label(alive))
    return graph


def _label(alive: list[str]) -> str:
    return "\n".join(alive) if len(alive) <= _NAMED else f"{len(alive)} left"
