"""How many bits each layer has, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nni_nasplus.drawing.draw import require_format, save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["bits_figure", "draw_bits"]

_ROW = 0.28
"""Of a layer, in inches."""
_COLOURS = ("#1f5c99", "#e08a1e")
"""Of weights and of inputs: apart for those too who see no red."""


def draw_bits(
    path: str | Path, layers: Sequence[str], bits: Sequence[tuple[int, int]], shares: Sequence[float], title: str = ""
) -> None:
    """Draw the bits of layers, in a file whose suffix is the format; the parameters are those of :func:`bits_figure`.

    Raises
    ------
    UserError
        If the suffix is none of a picture, or the file cannot be written.
    """
    save_figure(bits_figure(layers, bits, shares, title), require_format(path), title)


def bits_figure(
    layers: Sequence[str], bits: Sequence[tuple[int, int]], shares: Sequence[float], title: str = ""
) -> Figure:
    """A row for each layer, from top to bottom: bars as long as the bits of its weights and inputs.

    Parameters
    ----------
    bits
        Of the weights and of the inputs of each layer.
    shares
        Of all multiply-adds, from 0 to 1, written beside the bars.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, _ROW * len(layers) + 1.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    most = max(number for pair in bits for number in pair)
    for place, (name, colour) in enumerate(zip(("weights", "inputs"), _COLOURS, strict=True)):
        rows = [row + 0.4 * (place - 0.5) for row in range(len(layers))]
        axes.barh(rows, [pair[place] for pair in bits], height=0.38, color=colour, label=name)
    for row, (pair, share) in enumerate(zip(bits, shares, strict=True)):
        axes.text(max(pair) + 0.02 * most, row, f"{100 * share:.1f} %", va="center", fontsize=7, color="#555555")
    axes.set_yticks(range(len(layers)), layers, fontsize=7)
    axes.set_ylim(len(layers) - 0.4, -0.6)
    axes.set_xlim(0, 1.12 * most)
    axes.set_xticks(sorted({number for pair in bits for number in pair}))
    axes.set_xlabel("bits; beside them the layer's share of all multiply-adds", fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper right", ncols=2, fontsize=8, frameon=False)
    if title:
        axes.set_title(title, fontsize=8, loc="left")
    return figure
