"""Cells as graphs, for drawing: the states are nodes, the operations stand on the edges."""

from __future__ import annotations

from collections.abc import Sequence

import networkx as nx

from nni_nasplus.spaces.images.genotype import KINDS, Genotype

__all__ = ["cell_graph", "graph_of"]

INPUTS = ("c_{k-2}", "c_{k-1}")
OUTPUT = "c_{k}"


def graph_of(genotype: Genotype) -> nx.DiGraph:
    """The normal and the reduce cell as one graph of two parts; see :func:`cell_graph`."""
    parts = []
    for kind in KINDS:
        cell = genotype.cell(kind)
        nodes = [str(node) for node in range(cell.nodes)]
        edges = [(source, 2 + position // 2, operation) for position, (operation, source) in enumerate(cell.edges)]
        parts.append(cell_graph(kind, INPUTS, nodes, edges, cell.concat))
    return nx.union(*parts)


def cell_graph(
    kind: str,
    inputs: Sequence[str],
    nodes: Sequence[str],
    edges: Sequence[tuple[int, int, str]],
    concat: Sequence[int],
) -> nx.DiGraph:
    """The graph of one cell, of nodes such as ``"normal 2"``.

    Parameters
    ----------
    inputs, nodes
        The names of the states. They become the nodes' ``name``; the ``label`` tells the operations as well, the
        ``kind`` is input, op or output, and ``cell`` is that of the cell.
    edges
        State, later state, and operation, which becomes the edge's ``label``.
    concat
        The states that make the output, a node of its own.
    """
    graph: nx.DiGraph = nx.DiGraph()
    names = [*inputs, *nodes]
    for state, name in enumerate(names):
        terms = [f"{operation}({names[source]})" for source, target, operation in edges if target == state]
        label = f"{kind} {name}" + (f" = {' + '.join(terms)}" if terms else "")
        role = "input" if state < len(inputs) else "op"
        graph.add_node(f"{kind} {name}", label=label, name=name, kind=role, cell=kind)
    graph.add_node(f"{kind} {OUTPUT}", label=f"{kind} {OUTPUT}", name=OUTPUT, kind="output", cell=kind)
    for source, target, operation in edges:
        ends = (f"{kind} {names[source]}", f"{kind} {names[target]}")
        before = graph.edges[ends]["label"] + "\n" if graph.has_edge(*ends) else ""
        graph.add_edge(*ends, label=before + operation)
    for state in concat:
        graph.add_edge(f"{kind} {names[state]}", f"{kind} {OUTPUT}", label="")
    return graph
