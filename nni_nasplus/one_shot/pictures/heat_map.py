"""The weights of a cell's operations as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from nni_nasplus.networks.supernet import Supernet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["heat_map"]

_CELL = 0.45
"""In inches."""


def heat_map(supernet: Supernet, cell: str, weights: Tensor) -> Figure:
    """A row for each edge of a kind of cell, a column for each operation.

    Parameters
    ----------
    weights
        [E, O].
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    edges = [f"{edge.source}-{edge.target}" for edge in supernet.edges if edge.cell == cell]
    size = (_CELL * len(supernet.operations) + 1.5, _CELL * len(edges) + 1.5)
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    image = axes.imshow(weights.detach().cpu().numpy(), aspect="auto", cmap="viridis", vmin=0.0)
    axes.set_xticks(range(len(supernet.operations)), supernet.operations, rotation=90, fontsize=6)
    axes.set_yticks(range(len(edges)), edges, fontsize=6)
    axes.set_title(cell, fontsize=8)
    figure.colorbar(image)
    return figure
