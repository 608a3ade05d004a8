"""Data-flow graphs from top to bottom: a box for each step, arrows that pass between the boxes, layers framed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from textwrap import wrap
from typing import TYPE_CHECKING, Any, NamedTuple

import networkx as nx

from nni_nasplus.drawing.folding import folded
from nni_nasplus.drawing.frames import Frame, frames_of
from nni_nasplus.drawing.layout import Layout, layered_layout
from nni_nasplus.drawing.text_size import text_size

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["flow_figure"]

_COLOURS = {"input": "#dbeafe", "op": "#dcfce7", "merge": "#f3f4f6", "output": "#fde68a"}
_LINE, _GROUND, _EDGE = "#374151", "#f9fafb", "#d1d5db"
_POINTS = 8
_WRAP = 30
_TEXT_LINE, _TITLE_LETTER, _PADDING, _PORT, _GAP, _MARGIN, _NARROWEST = 0.14, 0.068, 0.13, 0.14, 0.36, 0.2, 3.0
"""In inches: a line of text, a letter of the title, from a text to its box, between arrows at a box, between rows,
around all, a figure."""
_FRAMED, _NAMED = 0.1, 0.13
"""In inches: from a box to the frame above and below it, and from a frame to the middle of its name."""


class _Size(NamedTuple):
    """Of all boxes, in inches."""

    width: float
    height: float

    @property
    def step(self) -> float:
        """From row to row."""
        return self.height + _GAP


def flow_figure(graph: nx.DiGraph, title: str = "") -> Figure:
    """An acyclic graph as a figure of matplotlib that no window shows.

    Parameters
    ----------
    graph
        Each node has a ``label`` and a ``kind`` (input, op, merge or output), and perhaps a ``layer``: what is repeated
        is drawn once (:func:`~nni_nasplus.drawing.folding.folded`), and layers have frames where these fit.
    title
        Stands above, in as many lines as it needs.
    """
    graph = folded(graph)
    labels = {node: wrap(data["label"], _WRAP) for node, data in graph.nodes(data=True)}
    size = _size(labels.values())
    layout = layered_layout(graph, size.width)
    frames = frames_of(graph, layout, size.width)
    axes = _axes(layout, frames, size, title)
    for frame in frames:
        _surround(axes, frame, size)
    for route in _spread(layout, size):
        _arrow(axes, route, size)
    for node, (x, row) in layout.places.items():
        _box(axes, (x, -row * size.step), size, "\n".join(labels[node]), graph.nodes[node])
    return axes.get_figure()  # type: ignore[return-value]


def _size(labels: Iterable[Sequence[str]]) -> _Size:
    widths, heights = zip(*(text_size(lines, _POINTS) for lines in labels), strict=True)
    return _Size(max(widths) + 2 * _PADDING, max(heights) + 2 * _PADDING)


def _axes(layout: Layout, frames: Sequence[Frame], size: _Size, title: str) -> Axes:
    """Where an inch is one, and the middle of the first row is 0."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    xs = [x for route in [layout.places.values(), *layout.routes.values()] for x, _ in route]
    left = min([min(xs) - size.width / 2, *(frame.left for frame in frames)])
    right = max([max(xs) + size.width / 2, *(frame.right for frame in frames)])
    centre = (left + right) / 2
    width = max(right - left + 2 * _MARGIN, _NARROWEST)
    lines = wrap(title, int((width - 2 * _MARGIN) / _TITLE_LETTER))
    top = size.height / 2 + _MARGIN + _TEXT_LINE * (len(lines) + bool(lines))
    bottom = -max(row for _, row in layout.places.values()) * size.step - size.height / 2 - _MARGIN
    figure = Figure(figsize=(width, top - bottom))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.set_xlim(centre - width / 2, centre + width / 2)
    axes.set_ylim(bottom, top)
    axes.text(centre, top - _MARGIN, "\n".join(lines), ha="center", va="top", fontsize=_POINTS, family="monospace")
    return axes


def _surround(axes: Axes, frame: Frame, size: _Size) -> None:
    """Draw a frame, its name along the left side."""
    from matplotlib.patches import Rectangle

    beside = size.height / 2 + _FRAMED
    top, bottom = -frame.first * size.step + beside, -frame.last * size.step - beside
    corner, extent = (frame.left, bottom), (frame.right - frame.left, top - bottom)
    axes.add_patch(Rectangle(corner, *extent, fc=_GROUND, ec=_EDGE, lw=0.8, zorder=0))
    place = (frame.left + _NAMED, (top + bottom) / 2)
    axes.text(*place, frame.name, ha="center", va="center", rotation=90, fontsize=_POINTS - 1, color=_LINE)


def _box(axes: Axes, middle: tuple[float, float], size: _Size, text: str, node: dict[str, Any]) -> None:
    from matplotlib.patches import FancyBboxPatch

    corner = (middle[0] - size.width / 2, middle[1] - size.height / 2)
    colour, style = _COLOURS.get(node["kind"], _COLOURS["op"]), "round,pad=0,rounding_size=0.08"
    axes.add_patch(FancyBboxPatch(corner, *size, boxstyle=style, fc=colour, ec=_LINE, lw=0.8, zorder=2))
    axes.text(*middle, text, ha="center", va="center", fontsize=_POINTS, zorder=3)


def _spread(layout: Layout, size: _Size) -> list[list[tuple[float, int]]]:
    """The routes, those at one side of a box beside each other in the order in which they come or go on."""
    routes = {edge: list(route) for edge, route in layout.routes.items()}
    for node in layout.places:
        for side, beyond in ((0, 1), (-1, -2)):
            at_box = sorted((e for e in routes if e[side] == node), key=lambda e: layout.routes[e][beyond][0])
            port = min(_PORT, size.width / (1 + len(at_box)))
            for rank, edge in enumerate(at_box):
                x, row = layout.places[node]
                routes[edge][side] = (x + (rank - (len(at_box) - 1) / 2) * port, row)
    return list(routes.values())


def _arrow(axes: Axes, route: Sequence[tuple[float, int]], size: _Size) -> None:
    """Straight down beside the boxes of a row, bent in the gaps only."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path as Curve

    vertices, codes = [], []
    for (x, row), (next_x, next_row) in pairwise(route):
        start, end = -row * size.step - size.height / 2, -next_row * size.step + size.height / 2
        middle = (start + end) / 2
        vertices += [(x, start), (x, middle), (next_x, middle), (next_x, end)]
        codes += [Curve.LINETO, Curve.CURVE4, Curve.CURVE4, Curve.CURVE4]
    codes[0] = Curve.MOVETO
    curve = Curve(vertices, codes)
    axes.add_patch(FancyArrowPatch(path=curve, arrowstyle="-|>", mutation_scale=7, color=_LINE, lw=0.9))
