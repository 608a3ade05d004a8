"""Score against cost: every trial, and those that none other dominates."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from nni_nasplus.networks.limits import written
from nni_nasplus.report.charts import BLUE, GREY, Chart, chart, legend_above, limits
from nni_nasplus.report.findings import Findings, figure
from nni_nasplus.search.trial import Trial

__all__ = ["front"]


def front(findings: Findings) -> dict[str, Any] | None:
    """A chart for each cost, and the front as a table; None where the score alone counts, or before any has one."""
    history = findings.history
    if not history.costs or not history.best:
        return None
    found = history.front
    return {
        "costs": history.costs,
        "charts": [_drawn(findings, found, cost) for cost in history.costs],
        "rows": [_row(findings, trial) for trial in found],
        "directory": findings.run.directory,
    }


def _row(findings: Findings, trial: Trial) -> dict[str, Any]:
    costs = [written(trial.metrics[name]) for name in findings.history.costs]
    return {
        "number": trial.number,
        "score": figure(trial.score),
        "costs": costs,
        "genotype": findings.genotype(trial),
    }


def _drawn(findings: Findings, found: list[Trial], cost: str) -> Markup:
    with chart(f"Scores of {len(findings.history.best)} trials against {cost}") as drawn:
        _draw(drawn, findings, found, cost)
    return drawn.markup


def _draw(drawn: Chart, findings: Findings, found: list[Trial], cost: str) -> None:
    axes, best = drawn.axes, findings.history.best
    low, high = limits([trial.score for trial in best if trial.score is not None])
    axes.set_ylim(low, high)
    for label, colour, size, trials in (("a trial", GREY, 18, best), ("Pareto front", BLUE, 32, found)):
        points = [(trial.metrics[cost], min(max(trial.score or 0.0, low), high)) for trial in trials]
        places, scores = zip(*points, strict=True)
        axes.scatter(places, scores, s=size, color=colour, label=label, clip_on=False, zorder=2)
    if min(trial.metrics[cost] for trial in best) > 0:
        axes.set_xscale("log")
    axes.set_xlabel(cost)
    axes.set_ylabel(f"validation {findings.objective}")
    legend_above(axes, 2)
