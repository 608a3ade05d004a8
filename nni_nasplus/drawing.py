"""Architectures as pictures."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill

import networkx as nx

from nni_nasplus.cell_drawing import draw_cells

__all__ = ["as_text", "draw"]

_COLOURS = {"input": "#dbeafe", "op": "#dcfce7", "merge": "#f3f4f6", "output": "#fde68a"}
_BOX_WIDTH, _BOX_HEIGHT, _GAP_X, _GAP_Y, _WRAP = 2.4, 0.55, 0.4, 0.45, 30


def draw(graph: nx.DiGraph, path: str | Path, title: str = "") -> None:
    """Draw a data-flow graph from top to bottom; the suffix of ``path`` (``.svg``, ``.png``) is the format.

    Parameters
    ----------
    graph
        Acyclic; each node has a ``label`` and a ``kind`` (input, op, merge or output). Where each has a ``cell``, the
        cells are drawn side by side as papers show them: see :mod:`nni_nasplus.cell_drawing`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if all("cell" in node for _, node in graph.nodes(data=True)):
        draw_cells(graph, path, title)
        return
    places = _places(graph)
    width = max(x for x, _ in places.values()) - min(x for x, _ in places.values()) + _BOX_WIDTH + 0.4
    height = -min(y for _, y in places.values()) + _BOX_HEIGHT + (0.8 if title else 0.4)
    figure = Figure(figsize=(max(width, 3.5), height))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    _boxes(axes, graph, places)
    _arrows(axes, graph, places)
    if title:
        axes.set_title(title, fontsize=9, y=0.985, va="top", family="monospace")
    axes.set_aspect("equal")
    axes.autoscale_view()
    figure.savefig(Path(path), dpi=120, metadata={"Date": None} if str(path).endswith(".svg") else None)


def as_text(graph: nx.DiGraph) -> str:
    """The rows of the drawing as lines, what stands side by side separated by bars."""
    return "\n  ↓\n".join("  |  ".join(graph.nodes[node]["label"] for node in row) for row in _rows(graph))


def _rows(graph: nx.DiGraph) -> list[list[str]]:
    """Nodes from top to bottom, each as far down as what it feeds allows."""
    order = {node: i for i, node in enumerate(graph)}
    upwards = nx.topological_generations(graph.reverse(copy=False))
    return [sorted(row, key=order.__getitem__) for row in upwards][::-1]


def _places(graph: nx.DiGraph) -> dict[str, tuple[float, float]]:
    """A row for each generation, its nodes side by side and centred."""
    places = {}
    for row, nodes in enumerate(_rows(graph)):
        for column, node in enumerate(nodes):
            x = (column - (len(nodes) - 1) / 2) * (_BOX_WIDTH + _GAP_X)
            places[node] = (x, -row * (_BOX_HEIGHT + _GAP_Y))
    return places


def _boxes(axes: object, graph: nx.DiGraph, places: dict[str, tuple[float, float]]) -> None:
    from matplotlib.patches import FancyBboxPatch

    for node, (x, y) in places.items():
        corner = (x - _BOX_WIDTH / 2, y - _BOX_HEIGHT / 2)
        colour = _COLOURS.get(graph.nodes[node]["kind"], _COLOURS["op"])
        style = "round,pad=0,rounding_size=0.12"
        axes.add_patch(  # type: ignore[attr-defined]
            FancyBboxPatch(corner, _BOX_WIDTH, _BOX_HEIGHT, boxstyle=style, fc=colour, ec="#374151", lw=0.8, zorder=2)
        )
        axes.text(x, y, fill(graph.nodes[node]["label"], _WRAP), ha="center", va="center", fontsize=8, zorder=3)  # type: ignore[attr-defined]


def _arrows(axes: object, graph: nx.DiGraph, places: dict[str, tuple[float, float]]) -> None:
    rows = {node: round(-y / (_BOX_HEIGHT + _GAP_Y)) for node, (_, y) in places.items()}
    for source, target in graph.edges:
        (x0, y0), (x1, y1) = places[source], places[target]
        if rows[target] - rows[source] == 1:
            start, end, bend = (x0, y0 - _BOX_HEIGHT / 2), (x1, y1 + _BOX_HEIGHT / 2), 0.0
        else:
            side = _BOX_WIDTH / 2 * (-1 if x0 + x1 < 0 else 1)
            start, end, bend = (x0 + side, y0), (x1 + side, y1), -0.35 if side > 0 else 0.35
        curve = f"arc3,rad={bend}"
        arrow = {"arrowstyle": "-|>", "color": "#374151", "lw": 0.9, "connectionstyle": curve}
        axes.annotate("", xy=end, xytext=start, arrowprops=arrow, zorder=1)  # type: ignore[attr-defined]
