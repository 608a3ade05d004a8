"""Where the time went, and what failed for which reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from nni_nasplus.report.charts import BLUE, GREY, RED, Chart, chart, in_whole_numbers
from nni_nasplus.report.findings import Findings
from nni_nasplus.training.trial_folder import outcome_in

__all__ = ["duration", "spent"]

_TAIL = {
    "repeats": "the best again, with other seeds",
    "baselines": "plain models beside them",
    "folds": "what may be shipped, on folds",
}
"""Folders of a run, and what is trained in them."""


def spent(findings: Findings) -> dict[str, Any]:
    """Rows of what was trained and how long it took, a chart of the trials, and the failures by reason."""
    trials = findings.history.finished
    rows = [_row("trials of the search", [trial.cost for trial in trials if trial.cost is not None], len(trials))]
    for folder, name in _TAIL.items():
        costs = list(_costs(findings.run.directory / folder))
        if costs:
            rows.append(_row(name, costs, len(costs)))
    timed = any(trial.cost is not None for trial in trials)
    return {
        "rows": rows,
        "chart": _chart(findings) if timed else "",
        "failures": _failures(findings),
        "failed": len(findings.failed),
        "finished": len(trials),
        "rejected": sum(trial.status == "rejected" for trial in findings.history.trials),
        "running": len(findings.history.pending),
    }


def _costs(folder: Path) -> Iterator[float]:
    for path in sorted(folder.rglob("result.json")):
        outcome = outcome_in(path.parent)
        if outcome is not None and outcome.cost is not None:
            yield outcome.cost


def _row(name: str, costs: list[float], count: int) -> dict[str, str]:
    known = {"median": duration(median(costs)), "longest": duration(max(costs))} if costs else {}
    return {"name": name, "count": f"{count:,}", "total": duration(sum(costs)) if costs else "–", **known}


def duration(seconds: float) -> str:
    """A time in words of two units at the most."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, hours = seconds / 60, seconds / 3600
    return f"{minutes:.1f} min" if minutes < 60 else f"{hours:.1f} h"


def _failures(findings: Findings) -> list[dict[str, Any]]:
    """By reason, the most frequent first."""
    by_reason: dict[str, list[int]] = defaultdict(list)
    for trial in findings.failed:
        by_reason[trial.reason or "no reason left"].append(trial.number)
    ordered = sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[0]))
    return [{"reason": reason, "trials": numbers} for reason, numbers in ordered]


def _chart(findings: Findings) -> Any:
    with chart("Seconds of each trial", height=2.4) as drawn:
        _draw(drawn, findings)
    return drawn.markup


def _draw(drawn: Chart, findings: Findings) -> None:
    axes, winner = drawn.axes, findings.winner
    for trial in findings.history.finished:
        colour = RED if trial.status == "failed" else BLUE if trial is winner else GREY
        axes.bar(trial.number, trial.cost or 0.0, color=colour, width=0.8)
    axes.set_xlabel(f"trial (the {'best so far' if findings.result is None else 'winner'} is blue)")
    axes.set_ylabel("seconds")
    axes.grid(visible=False, axis="x")
    in_whole_numbers(axes.xaxis)
