"""Frames around the layers of a data-flow graph, wherever one fits around its boxes and no others."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import NamedTuple

import networkx as nx

from nni_nasplus.drawing.folding import layers_of
from nni_nasplus.drawing.layout import Layout

__all__ = ["LEFT", "RIGHT", "Frame", "frames_of"]

LEFT, RIGHT = 0.3, 0.12
"""In inches, beside the boxes: the name stands on the left. Together with a neighbour's they fit between columns."""


class Frame(NamedTuple):
    """Around the boxes of a layer.

    Parameters
    ----------
    name
        Of the layer.
    left, right
        In inches.
    first, last
        The rows.
    """

    name: str
    left: float
    right: float
    first: int
    last: int

    def meets(self, other: Frame) -> bool:
        """Whether they share any place."""
        across = self.left < other.right and other.left < self.right
        return across and self.first <= other.last and other.first <= self.last


def frames_of(graph: nx.DiGraph, layout: Layout, width: float) -> list[Frame]:
    """The frames of layers with two rows or more that hold no box of another layer, and meet no frame before them.

    Parameters
    ----------
    graph
        Whose nodes have a ``layer``; others are in no frame.
    layout
        Of its boxes.
    width
        Of a box, in inches.
    """
    frames: list[Frame] = []
    for name, nodes in layers_of(graph).items():
        frame = _frame(name, set(nodes), layout, width)
        others = [node for node in layout.places if node not in nodes]
        boxes = (_box(layout, node, width) for node in others)
        if frame.first < frame.last and not any(map(frame.meets, [*boxes, *frames])):
            frames.append(frame)
    return frames


def _box(layout: Layout, node: Hashable, width: float) -> Frame:
    x, row = layout.places[node]
    return Frame("", x - width / 2, x + width / 2, row, row)


def _frame(name: str, nodes: set[Hashable], layout: Layout, width: float) -> Frame:
    """Around the boxes, and where edges that end in the layer pass beside them."""
    boxes = [_box(layout, node, width) for node in nodes]
    first, last = min(box.first for box in boxes), max(box.last for box in boxes)
    passing = list(_passing(nodes, layout, first, last))
    left = min([*(box.left for box in boxes), *passing]) - LEFT
    return Frame(name, left, max([*(box.right for box in boxes), *passing]) + RIGHT, first, last)


def _passing(nodes: set[Hashable], layout: Layout, first: int, last: int) -> Iterator[float]:
    for (_, target), route in layout.routes.items():
        if target in nodes:
            yield from (x for x, row in route[1:-1] if first <= row <= last)
