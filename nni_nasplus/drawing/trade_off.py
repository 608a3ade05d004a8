"""What score is had for what cost, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nni_nasplus.drawing.draw import require_format, save_figure

__all__ = ["draw_trade_off"]


def draw_trade_off(
    path: str | Path,
    points: Sequence[tuple[float, float]],
    picked: tuple[float, float],
    labels: tuple[str, str],
    limit: float | None = None,
) -> None:
    """Draw scores against costs, in a file whose suffix is the format.

    Parameters
    ----------
    points
        Costs and scores, in order of costs.
    picked
        The one that is taken, which is marked.
    labels
        Of the costs and of the scores.
    limit
        The most that the cost may be: a line.

    Raises
    ------
    UserError
        If the suffix is none of a picture, or the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.4, 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.plot(*zip(*points, strict=True), "o-", color="#1f5c99", markersize=4, linewidth=1, label="the front")
    axes.plot(*picked, "o", color="#e08a1e", markersize=9, label="picked")
    if limit is not None:
        axes.axvline(limit, color="#9ca3af", linestyle="--", linewidth=1, label="limit")
    axes.set_xlabel(labels[0], fontsize=9)
    axes.set_ylabel(labels[1], fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e5e7eb", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.legend(fontsize=8, frameon=False)
    save_figure(figure, require_format(path), "")
