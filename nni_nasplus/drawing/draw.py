"""Architectures as pictures."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import networkx as nx

from nni_nasplus._files import new_file
from nni_nasplus.drawing.cells import cell_figure
from nni_nasplus.drawing.flow import flow_figure
from nni_nasplus.drawing.layout import row_of
from nni_nasplus.errors import UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FORMATS", "as_svg", "as_text", "draw", "of_cells", "require_format", "save_figure", "svg_element"]

FORMATS = (".svg", ".png", ".pdf")
_SVG: Any = {"svg.hashsalt": "nni-nasplus"}
"""So that equal figures are equal files: matplotlib would draw the names of parts at random."""


def draw(graph: nx.DiGraph, path: str | Path, title: str = "") -> None:
    """Draw an architecture; the suffix of ``path`` is the format. Equal pictures are equal files.

    Parameters
    ----------
    graph
        As :func:`~nni_nasplus.drawing.flow.flow_figure` takes it, drawn from top to bottom; where each node has a
        ``cell`` as well, as :func:`~nni_nasplus.drawing.cells.cell_figure` takes it, the cells side by side.

    Raises
    ------
    UserError
        If the suffix is none of :data:`FORMATS`, or the file cannot be written; its folder is made if need be.
    """
    path = require_format(path)
    save_figure(_figure(graph, title), path, title)


def as_svg(graph: nx.DiGraph, title: str = "") -> str:
    """The picture of :func:`draw` as an SVG element, to stand in a page."""
    return svg_element(_figure(graph, title))


def svg_element(figure: Figure) -> str:
    """A figure of matplotlib as an SVG element. Equal figures give equal texts."""
    from matplotlib import rc_context

    file = StringIO()
    with rc_context(_SVG):
        figure.savefig(file, format="svg", metadata={"Date": None})
    text = file.getvalue()
    return re.sub(r"<metadata>.*?</metadata>\s*", "", text[text.index("<svg") :].strip(), flags=re.DOTALL)


def require_format(path: str | Path) -> Path:
    """The path of a picture; :class:`UserError` if its suffix is none of :data:`FORMATS`."""
    path = Path(path)
    if path.suffix not in FORMATS:
        raise UserError(f"the picture is {path.name}; end it in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")
    return path


def _figure(graph: nx.DiGraph, title: str) -> Figure:
    return (cell_figure if of_cells(graph) else flow_figure)(graph, title)


def save_figure(figure: Figure, path: Path, title: str) -> None:
    """Write a figure of matplotlib; equal figures are equal files. UserError if the file cannot be written."""
    from matplotlib import rc_context

    undated: dict[str, None] = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix, {})
    with new_file(path) as partial, rc_context(_SVG):
        figure.savefig(partial, dpi=150, metadata={**undated, **({"Title": title} if title else {})})


def as_text(graph: nx.DiGraph) -> str:
    """The rows of the drawing as lines, what stands side by side separated by bars; of cells, the nodes one by one."""
    if of_cells(graph):
        return "\n".join(node["label"] for _, node in graph.nodes(data=True) if node["kind"] == "op")
    rows = row_of(graph)
    lines: list[list[str]] = [[] for _ in range(1 + max(rows.values()))]
    for node, data in graph.nodes(data=True):
        lines[rows[node]].append(data["label"])
    return "\n  ↓\n".join(map("  |  ".join, lines))


def of_cells(graph: nx.DiGraph) -> bool:
    """Whether what is drawn are cells side by side, not a flow from top to bottom."""
    return all("cell" in node for _, node in graph.nodes(data=True))
