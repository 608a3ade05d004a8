"""Cells as papers show them: states in a row, operations on the arcs between them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np

from nni_nasplus.drawing.text_size import text_size

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.bezier import BezierSegment
    from matplotlib.figure import Figure

__all__ = ["cell_figure"]

_COLOURS = {"input": "#dbeafe", "op": "#dcfce7", "output": "#fde68a"}
_LINE = "#374151"
_STEP, _RISE, _BOX_WIDTH, _BOX_HEIGHT, _PORT = 1.1, 0.36, 0.62, 0.3, 0.07
"""In inches: between states, of an arc for each state it spans, of a box, and between the arcs at a box."""
_POINTS, _CLEAR = 6.5, 0.04
"""Of labels the size, and in inches what stays free around them."""
_NEAR_TOP = np.array([0.5, 0.45, 0.55, 0.4, 0.6, 0.35, 0.65, 0.3, 0.7])
"""Where on an arc its label may be, the best first."""
_TITLE_LETTER = 0.053
"""In inches, a letter of the title and its share of what stays free at the edges."""
Edge = tuple[str, str]
_BELOW, _ABOVE = 1.0, 0.8
"""In inches: from the middle of the states to the lower edge, and from the highest arc to the upper one."""


def cell_figure(graph: nx.DiGraph, title: str = "") -> Figure:
    """The cells of a graph side by side, as a figure of matplotlib that no window shows.

    Parameters
    ----------
    graph
        Nodes have a ``name``, a ``kind`` (input, op or output) and the ``cell`` that they are part of, and come in
        the order of their computation; edges have a ``label``, the operation, or an empty one, drawn below.
    title
        What stands below, in as many lines as it takes.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    cells = _cells(graph)
    longest = max(len(cell) for cell in cells.values())
    width, height = longest * _STEP, _BELOW + _RISE * max(map(_span, cells.values())) + _ABOVE
    figure = Figure(figsize=(len(cells) * width, height))
    FigureCanvasAgg(figure)
    for column, (name, cell) in enumerate(cells.items()):
        axes = figure.add_axes((column / len(cells), 0.0, 1 / len(cells), 1.0))
        _draw_cell(axes, cell, name, (width, height))
    if title:
        lines = wrap(title, int(len(cells) * width / _TITLE_LETTER))
        figure.text(0.5, 0.02, "\n".join(lines), ha="center", va="bottom", fontsize=6, family="monospace")
    return figure


def _cells(graph: nx.DiGraph) -> dict[str, nx.DiGraph]:
    """The graph of each cell, in the order in which they come."""
    nodes: dict[str, list[str]] = defaultdict(list)
    for node, data in graph.nodes(data=True):
        nodes[data["cell"]].append(node)
    return {cell: graph.subgraph(members) for cell, members in nodes.items()}


def _span(cell: nx.DiGraph) -> int:
    """The most states that an operation spans."""
    order = _order(cell)
    return max((order[target] - order[source] for source, target in _labelled(cell.edges(data=True))), default=1)


def _draw_cell(axes: Axes, cell: nx.DiGraph, name: str, size: tuple[float, float]) -> None:
    axes.set_axis_off()
    axes.set_xlim(-0.5 * _STEP, size[0] - 0.5 * _STEP)
    axes.set_ylim(-_BELOW, size[1] - _BELOW)
    order = _order(cell)
    axes.text(size[0] / 2 - 0.5 * _STEP, size[1] - _BELOW - 0.25, name, ha="center", va="center", fontsize=11)
    ports = _ports(cell, order)
    labels = {(source, target): data["label"] for source, target, data in cell.edges(data=True)}
    arcs = {(a, b): _arc(ends, order[b] - order[a], up=bool(labels[a, b])) for (a, b), ends in ports.items()}
    for edge, arc in arcs.items():
        _arrow(axes, arc, _LINE if labels[edge] else "#9ca3af")
    for edge, (x, y) in _label_places(arcs, labels).items():
        box = {"boxstyle": "round,pad=0.12", "fc": "white", "ec": "none"}
        axes.text(x, y, labels[edge], ha="center", va="center", fontsize=_POINTS, bbox=box, zorder=3)
    for node, place in order.items():
        _box(axes, place * _STEP, cell.nodes[node])


def _order(cell: nx.DiGraph) -> dict[str, int]:
    """The places of the states from left to right: as they come, the output last."""
    return {node: place for place, node in enumerate(sorted(cell, key=lambda n: cell.nodes[n]["kind"] == "output"))}


def _ports(cell: nx.DiGraph, order: dict[str, int]) -> dict[tuple[str, str], tuple[float, float]]:
    """Where each arc leaves and arrives: those above leave right of the middle, the longest first, and arrive left
    of it, the longest last, so that arcs of one state nest in place of crossing."""
    ports = {(a, b): [order[a] * _STEP, order[b] * _STEP] for a, b in cell.edges}
    for node in cell:
        leaving = _by_span(cell.out_edges(node, data=True), order)
        arriving = _by_span(cell.in_edges(node, data=True), order)
        for rank, edge in enumerate(reversed(leaving)):
            ports[edge][0] += (rank + 0.5) * _PORT
        for rank, edge in enumerate(reversed(arriving)):
            ports[edge][1] -= (rank + 0.5) * _PORT
    return {edge: (start, end) for edge, (start, end) in ports.items()}


def _labelled(edges: Iterable[tuple[str, str, dict[str, Any]]]) -> list[tuple[str, str]]:
    """The edges with an operation."""
    return [(source, target) for source, target, data in edges if data["label"]]


def _by_span(edges: Iterable[tuple[str, str, dict[str, Any]]], order: dict[str, int]) -> list[tuple[str, str]]:
    """The edges with an operation, the shortest first."""
    return sorted(_labelled(edges), key=lambda edge: order[edge[1]] - order[edge[0]])


def _arc(ends: tuple[float, float], span: int, *, up: bool) -> BezierSegment:
    """It rises with its span, above for an operation, below for none."""
    from matplotlib.bezier import BezierSegment

    (start, end), side = ends, 1 if up else -1
    base, rise = side * _BOX_HEIGHT / 2, side * (_RISE * span if up else 0.22 * span**0.5)
    control = base + rise * 4 / 3
    return BezierSegment([(start, base), (start, control), (end, control), (end, base)])


def _arrow(axes: Axes, arc: BezierSegment, colour: str) -> None:
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path as Curve

    curve = Curve(arc.control_points, [Curve.MOVETO, Curve.CURVE4, Curve.CURVE4, Curve.CURVE4])
    axes.add_patch(FancyArrowPatch(path=curve, arrowstyle="-|>", mutation_scale=7, color=colour, lw=0.9))


def _label_places(arcs: Mapping[Edge, BezierSegment], labels: Mapping[Edge, str]) -> dict[Edge, np.ndarray]:
    """Of each label near the top of its arc, where it is on no other label and hides least of other arcs."""
    places = {edge: arcs[edge](0.5) for edge, label in labels.items() if label}
    halves = {edge: np.array(text_size(labels[edge].split("\n"), _POINTS)) / 2 + _CLEAR for edge in places}
    courses = {edge: arc(np.linspace(0, 1, 100)) for edge, arc in arcs.items()}
    for edge, half in halves.items():
        course = np.concatenate([courses[other] for other in arcs if other != edge] or [np.empty((0, 2))])
        taken = [(places[other], half + halves[other]) for other in halves if other != edge]
        places[edge] = min(arcs[edge](_NEAR_TOP), key=lambda place: _hidden(place, half, course, taken))
    return places


def _hidden(place: np.ndarray, half: np.ndarray, course: np.ndarray, taken: Sequence[tuple[np.ndarray, ...]]) -> int:
    """Points of other arcs below a label there; another label counts more than all of them."""
    labels = sum(bool((abs(place - other) < reach).all()) for other, reach in taken)
    return labels * len(course) + int((abs(course - place) < half).all(-1).sum())


def _box(axes: Axes, x: float, node: dict[str, Any]) -> None:
    from matplotlib.patches import FancyBboxPatch

    corner, colour = (x - _BOX_WIDTH / 2, -_BOX_HEIGHT / 2), _COLOURS.get(node["kind"], _COLOURS["op"])
    style = "round,pad=0,rounding_size=0.08"
    axes.add_patch(
        FancyBboxPatch(corner, _BOX_WIDTH, _BOX_HEIGHT, boxstyle=style, fc=colour, ec=_LINE, lw=0.8, zorder=2)
    )
    text = f"${node['name']}$" if "_" in node["name"] else node["name"]
    axes.text(x, 0, text, ha="center", va="center", fontsize=9, zorder=3)
