"""Learning curves: how the score of each training went, epoch by epoch."""

from __future__ import annotations

import math
from typing import Any

from nni_nasplus.report.charts import BAND, COLOURS, Chart, chart, in_whole_numbers, legend_above, limits
from nni_nasplus.report.findings import Findings
from nni_nasplus.search.trial import Trial
from nni_nasplus.training.trial_folder import curve_in

__all__ = ["learning"]

_NAMED = 5
"""The best trials, each in a colour of its own; more could not be told apart."""
Curve = list[tuple[int, float]]


def learning(findings: Findings) -> dict[str, Any] | None:
    """Curves of all trials, the best coloured; beside them the losses of the winner. None where none has two epochs."""
    curves = {trial.number: curve for trial in findings.history.trials if (curve := _curve(findings, trial))}
    if max(map(len, curves.values()), default=0) < 2:
        return None
    best = [trial.number for trial in findings.history.best if trial.number in curves][:_NAMED]
    with chart(f"Validation {findings.objective} of {len(curves)} trials by epoch") as drawn:
        _draw(drawn, curves, best, findings.objective)
    return {"chart": drawn.markup, "losses": _losses(findings), "count": len(curves), "winner": findings.winner}


def _curve(findings: Findings, trial: Trial) -> Curve:
    """What was kept of each epoch; else what the journal has."""
    name = f"val_{findings.objective}"
    kept = [(int(epoch["epoch"]), epoch[name]) for epoch in curve_in(findings.folder(trial)) if name in epoch]
    return [(epoch, score) for epoch, score in kept or sorted(trial.curve.items()) if math.isfinite(score)]


def _draw(drawn: Chart, curves: dict[int, Curve], best: list[int], objective: str) -> None:
    axes = drawn.axes
    for number, curve in curves.items():
        if number not in best:
            axes.plot(*zip(*curve, strict=True), color=BAND, lw=1.2, marker=_dot(curve), zorder=1)
    for place, number in enumerate(best):
        points = zip(*curves[number], strict=True)
        axes.plot(*points, color=COLOURS[place], lw=1.8, label=f"trial {number}", zorder=3 - place / 9)
    axes.set_ylim(*limits([score for curve in curves.values() for _, score in curve]))
    axes.set_xlabel("epoch")
    axes.set_ylabel(f"validation {objective}")
    in_whole_numbers(axes.xaxis)
    legend_above(axes, _NAMED)


def _dot(curve: Curve) -> str:
    """A single point makes no line."""
    return "." if len(curve) == 1 else ""


def _losses(findings: Findings) -> Any:
    """The losses of the winner, on training and on validation examples: where they part, it learns by heart."""
    epochs = curve_in(findings.folder(findings.winner)) if findings.winner else []
    series = {
        name: [(e["epoch"], e[key]) for e in epochs if math.isfinite(e.get(key, math.nan))] for name, key in _BOTH
    }
    if min(map(len, series.values())) < 2:
        return ""
    with chart("Loss of the winner by epoch") as drawn:
        for (name, points), colour in zip(series.items(), COLOURS, strict=False):
            drawn.axes.plot(*zip(*points, strict=True), color=colour, lw=1.8, label=name)
        drawn.axes.set_xlabel("epoch")
        drawn.axes.set_ylabel("loss")
        in_whole_numbers(drawn.axes.xaxis)
        legend_above(drawn.axes, 2)
    return drawn.markup


_BOTH = (("training", "train_loss"), ("validation", "val_loss"))
