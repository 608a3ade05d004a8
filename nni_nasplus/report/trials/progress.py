"""How the search went: every trial, the best so far, and what random search would be expected to have."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

from nni_nasplus.replay.expected import expected_best
from nni_nasplus.report.charts import BLUE, GREY, ORANGE, RED, Chart, chart, in_whole_numbers, legend_above, limits
from nni_nasplus.report.findings import Findings, figure

__all__ = ["progress"]

FEWEST = 3
"""Random trials from which on something is said of random search, as in the result."""


def progress(findings: Findings) -> dict[str, Any] | None:
    """The curve and when the best was found; None before any trial has succeeded."""
    trials = findings.history.by_time
    if not findings.history.best:
        return None
    first = findings.history.best[0]
    found = next(place for place, trial in enumerate(trials, 1) if trial is first)
    random = [trial.score for trial in trials if trial.origin == "random" and trial.score is not None]
    expected = [expected_best(random, count + 1, findings.history.direction) for count in range(len(trials))]
    with chart(f"Scores of {len(trials)} trials and the best so far") as drawn:
        _draw(drawn, findings, expected if len(random) >= FEWEST else None)
    return {
        "chart": drawn.markup,
        "found": found,
        "best": figure(first.score),
        "number": first.number,
        "winner": findings.winner.number if findings.winner else None,
        "by_folds": bool(findings.result and findings.result.get("out_of_fold")),
        "trials": len(trials),
        "random": len(random),
        "enough": len(random) >= FEWEST,
    }


def _draw(drawn: Chart, findings: Findings, expected: list[float | None] | None) -> None:
    trials, axes, better = findings.history.by_time, drawn.axes, max if findings.sign > 0 else min
    scored = [(place, trial.score) for place, trial in enumerate(trials, 1) if trial.score is not None]
    places, scores = zip(*scored, strict=True)
    low, high = limits(scores)
    axes.set_ylim(low, high)
    near = [one for one in scored if low <= one[1] <= high]
    axes.plot(*zip(*near, strict=True), "o", ms=4.2, color=GREY, mew=0, label="a trial", zorder=2)
    for marker, edge, far in (("v", low, lambda score: score < low), ("^", high, lambda score: score > high)):
        if beyond := [place for place, score in scored if far(score)]:
            label = f"{'below' if edge == low else 'above'} what is drawn"
            axes.scatter(beyond, [edge] * len(beyond), marker=marker, s=24, color=GREY, label=label, clip_on=False)
    ends, best = [*places, len(trials)], [*accumulate(scores, better)]
    axes.step(ends, [*best, best[-1]], where="post", color=BLUE, lw=2, label="best so far", zorder=3)
    if expected is not None:
        axes.plot(range(1, len(trials) + 1), expected, "--", color=ORANGE, lw=1.6, label="random search, expected")  # type: ignore[arg-type]
    if failed := [place for place, trial in enumerate(trials, 1) if trial.score is None]:
        edge = low if findings.sign > 0 else high
        axes.scatter(failed, [edge] * len(failed), marker="x", s=24, color=RED, label="failed", clip_on=False, zorder=3)
    axes.set_xlabel("trials that have ended")
    axes.set_ylabel(f"validation {findings.objective}")
    in_whole_numbers(axes.xaxis)
    legend_above(axes, 3)
