"""Regret of several searches as curves over evaluations."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["draw_curves"]

_OURS = ["#b91c1c", "#ea580c", "#a21caf", "#9a3412"]
_OTHERS = ["#1d4ed8", "#0f766e", "#4d7c0f", "#0891b2", "#6d28d9", "#78716c", "#a16207", "#334155"]
_WIDTH, _HEIGHT = 4.6, 3.8

Curves = Mapping[str, np.ndarray]


def draw_curves(panels: Mapping[str, Curves], path: str | Path, ours: Collection[str] = ()) -> None:
    """Draw the median regret, one panel a table; the suffix of ``path`` (``.svg``, ``.png``) is the format.

    Parameters
    ----------
    panels
        By title: by method, the regret of the best so far; float [seeds, evaluations].
    ours
        The methods to draw in front, bold and with their interquartile band.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    methods = list(dict.fromkeys(method for curves in panels.values() for method in curves))
    styles = _styles(methods, ours)
    with mpl.rc_context({"svg.hashsalt": "nasplus"}):
        figure = Figure(figsize=(_WIDTH * len(panels), _HEIGHT + 0.6), layout="constrained")
        FigureCanvasAgg(figure)
        places = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, (title, curves) in zip(places, panels.items(), strict=True):
            _panel(axes, title, curves, styles, ours)
        handles = {label: h for axes in places for h, label in zip(*axes.get_legend_handles_labels(), strict=True)}
        figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=6, frameon=False, fontsize=9)
        figure.savefig(Path(path), dpi=120, metadata={"Date": None} if str(path).endswith(".svg") else None)


def _styles(methods: list[str], ours: Collection[str]) -> dict[str, dict[str, Any]]:
    others = [method for method in methods if method not in ours]
    return {
        method: {"color": _OURS[i % len(_OURS)], "lw": 2.2, "zorder": 3}
        for i, method in enumerate(m for m in methods if m in ours)
    } | {
        method: {"color": _OTHERS[i % len(_OTHERS)], "lw": 1.2, "zorder": 2, "ls": ["-", "--"][i // len(_OTHERS) % 2]}
        for i, method in enumerate(others)
    }


def _panel(
    axes: Any, title: str, curves: Curves, styles: Mapping[str, Mapping[str, Any]], ours: Collection[str]
) -> None:
    """Regret 0 has no place on the logarithmic axis: it is drawn on the axis's lower edge."""
    positive = np.concatenate([c[(c > 0) & np.isfinite(c)] for c in curves.values()])
    floor = 0.5 * positive.min() if len(positive) else 1e-3
    for method, regrets in curves.items():
        low, middle, high = np.clip(np.quantile(regrets, [0.25, 0.5, 0.75], axis=0, method="lower"), floor, None)
        evaluations = np.arange(1, regrets.shape[1] + 1)
        axes.plot(evaluations, middle, label=method, **styles[method])
        if method in ours:
            axes.fill_between(evaluations, low, high, color=styles[method]["color"], alpha=0.12, lw=0)
    axes.set_yscale("log")
    axes.set_ylim(bottom=floor)
    axes.set_title(title, fontsize=10)
    axes.set_xlabel("evaluations", fontsize=9)
    axes.set_ylabel("regret: how far from the best", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.3, lw=0.5)
