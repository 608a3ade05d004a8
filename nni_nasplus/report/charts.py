"""The look of all charts of a report: SVG elements whose text is text, in the page's own font.

matplotlib draws them, which draws the architectures too. Plotly would add hovering and zooming, and 4.8 MB to each
file; the numbers stand in tables beside the charts instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from nni_nasplus.drawing.draw import svg_element

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

__all__ = [
    "BAND",
    "BLUE",
    "COLOURS",
    "GREY",
    "INK",
    "ORANGE",
    "RED",
    "Chart",
    "chart",
    "in_whole_numbers",
    "legend_above",
    "limits",
]

INK, GREY, BAND = "#1f2937", "#9ca3af", "#e5e7eb"
BLUE, ORANGE, RED = "#1d4ed8", "#c2410c", "#b91c1c"
COLOURS = (BLUE, ORANGE, "#047857", "#7e22ce", "#a16207", "#0e7490")
"""Of series, each of at least 4.5 : 1 on white."""
_STYLE: Any = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # names of the data may hold dollars
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": BAND,
    "grid.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
}
_WIDTH, _HEIGHT = 5.4, 3.1
"""In inches: on a phone a chart shrinks to two thirds, and its letters are read still."""
_FAR = 3.0
"""Interquartile ranges beyond the quartiles from where on a score would squeeze all others."""


class Chart:
    """A chart that is being drawn; :attr:`markup` is there when the block of :func:`chart` is left."""

    def __init__(self, axes: Axes) -> None:
        self.axes = axes
        self.markup = Markup()


@contextmanager
def chart(label: str, width: float = _WIDTH, height: float = _HEIGHT) -> Iterator[Chart]:
    """Axes to draw on, which become an SVG element at the end of the block.

    Parameters
    ----------
    label
        What the chart shows, for those who cannot see it.
    width, height
        In inches.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        made = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(made)
        made.patch.set_alpha(0)
        drawn = Chart(made.subplots())
        yield drawn
        text = svg_element(made)
    drawn.markup = Markup(text.replace("<svg ", f'<svg role="img" aria-label="{escape(label)}" ', 1))


def legend_above(axes: Axes, columns: int) -> None:
    """Name what is drawn above the axes, where it lies on nothing that is drawn.

    Parameters
    ----------
    axes
        What is drawn on them has labels.
    columns
        Names side by side.
    """
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(
        handles,
        labels,
        loc="lower left",
        bbox_to_anchor=(0, 1.02),
        ncols=columns,
        borderaxespad=0,
        borderpad=0,
        columnspacing=1.4,
        handlelength=1.5,
    )


def in_whole_numbers(axis: Axis) -> None:
    """Let an axis count: trials and epochs have no halves."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def limits(scores: Sequence[float]) -> tuple[float, float]:
    """From where to where an axis shows scores: a few that are far off are left out, and drawn at its edge."""
    values = np.asarray(scores, dtype=float)
    low, high = np.quantile(values, [0.25, 0.75])
    reach = _FAR * (high - low)
    near = values[(values >= low - reach) & (values <= high + reach)]
    margin = 0.06 * (near.max() - near.min()) or 0.05 * abs(near.max()) or 1.0
    return float(near.min() - margin), float(near.max() + margin)
