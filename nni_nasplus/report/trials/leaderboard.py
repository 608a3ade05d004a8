"""The best architectures, drawn; any two of them can be looked at side by side."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from nni_nasplus.drawing.draw import as_svg, of_cells
from nni_nasplus.report.findings import Findings, figure
from nni_nasplus.run.run import Run
from nni_nasplus.search.trial import Trial

__all__ = ["drawing_of", "leaderboard"]

_DRAWN = 12
"""A drawing has about 40 kB: with these the page can still be mailed, and nobody looks at more."""
_LISTED = 100
"""Trials in the table below the drawings."""


def leaderboard(findings: Findings) -> dict[str, Any] | None:
    """The drawn ones and the list of all, best first; None before any trial has succeeded."""
    best = findings.history.best
    if not best:
        return None
    rows = [_row(findings, trial) for trial in best[:_LISTED]]
    drawings = {row["number"]: drawing for row in rows[:_DRAWN] if (drawing := _drawing(findings, row["number"]))}
    return {
        "rows": rows,
        "drawn": [{**row, **_glance(findings, row["number"])} for row in rows if row["number"] in drawings],
        "drawings": drawings,
        "details": {row["number"]: _details(findings, row) for row in rows if row["number"] in drawings},
        "rest": len(best) - len(rows),
        "notation": findings.run.space.notation,
        "taught": any(row["teachers"] for row in rows),
        "winner": findings.winner.number if findings.winner else None,
        "rank": "best so far" if findings.result is None else "winner",
    }


def _row(findings: Findings, trial: Trial) -> dict[str, Any]:
    return {
        "number": trial.number,
        "score": figure(trial.score),
        "parameters": _count(trial.metrics.get("parameters")),
        "flops": _count(trial.metrics.get("flops")),
        "seconds": "–" if trial.cost is None else f"{trial.cost:.1f}",
        "origin": trial.origin,
        "teachers": ", ".join(map(str, trial.teachers)),
        "genotype": findings.genotype(trial),
    }


def _glance(findings: Findings, number: int) -> dict[str, Any]:
    """What can be read at the size of a card, however long the network is; cells are drawn side by side, above it."""
    space, architecture = findings.run.space, findings.history.trials[number].architecture
    return {"summary": dict(space.summary(architecture)), "wide": of_cells(space.graph(architecture))}


def _count(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _details(findings: Findings, row: Mapping[str, Any]) -> dict[str, Any]:
    """What stands below a large drawing, the decisions among it."""
    architecture = findings.history.trials[row["number"]].architecture
    return {**row, "decisions": {name: str(choice) for name, choice in architecture.items()}}


def _drawing(findings: Findings, number: int) -> str | None:
    return drawing_of(findings.run, findings.history.trials[number].architecture)


def drawing_of(run: Run, architecture: Mapping[str, Any]) -> str | None:
    """A picture as the address of an image; None where the space draws none."""
    try:
        graph = run.space.graph(dict(architecture))
    except NotImplementedError:
        return None
    return "data:image/svg+xml;base64," + base64.b64encode(_alone(as_svg(graph)).encode()).decode()


def _alone(element: str) -> str:
    """An SVG element that stands by itself."""
    return element if "xmlns=" in element else element.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
