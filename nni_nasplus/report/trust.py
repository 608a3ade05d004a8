"""How far performance predictors can be trusted on this search: what they predict of trials that they have not seen."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from nni_nasplus import registry
from nni_nasplus._files import damage_named
from nni_nasplus.errors import UserError
from nni_nasplus.predictors.assessment import HeldBack, agreement, assess, cross_validated
from nni_nasplus.report.charts import BLUE, GREY, Chart, chart
from nni_nasplus.report.findings import REPORT, Findings, again, tau_interval

__all__ = ["draw_held_back", "trust"]

_SHARES = ("within_1", "within_2")
_DEFAULT = "gp"
"""The predictor of strategies that name none, or a slow one."""


def trust(findings: Findings) -> dict[str, Any] | None:
    """Of the search's own predictor predicted and reached scores; of each that the result assesses the figures.

    Beside it how far the order that was known before the first trial agrees with scores. None where too few trials have
    succeeded for either.
    """
    ranking = findings.run.ranking(findings.history.space)
    presearch = agreement(ranking, findings.history.space, findings.history.observations)
    predicted = _predicted(findings)
    if presearch is None and predicted is None:
        return None
    return {**(predicted or {}), "presearch": presearch, "strategy": findings.run.settings.strategy}


def _predicted(findings: Findings) -> dict[str, Any] | None:
    name = _predictor(findings)
    try:
        held = cross_validated(name, findings.history.space, findings.history.observations)
    except UserError:
        return None
    with chart(f"Scores that {name} predicts, and those reached", width=4.2, height=3.6) as drawn:
        draw_held_back(drawn, held)
    return {"chart": drawn.markup, "name": name, "trials": len(held.reached), "rows": _rows(findings, name)}


def _predictor(findings: Findings) -> str:
    """That of the search, if it is installed and its fits take no minutes."""
    name = findings.run.settings.strategy_options.get("predictor", _DEFAULT)
    known = name in registry.available("predictors") and not registry.load("predictors", name).slow
    return str(name) if known else _DEFAULT


def _rows(findings: Findings, name: str) -> list[tuple[str, ...]]:
    """The figures of the predictors that the result assesses; without a result, of one."""
    known = (findings.result or {}).get("predictors")
    if not known:
        known = {name: asdict(assess(name, findings.history.space, findings.history.observations))}
    with damage_named(findings.run.directory / REPORT, again(findings.run)):
        return [
            (name, f"{found['kendall']:.2f}", tau_interval(found), *(f"{found[share]:.0%}" for share in _SHARES))
            for name, found in sorted(known.items())
        ]


def draw_held_back(drawn: Chart, held: HeldBack) -> None:
    """Draw what was predicted of each result, with its standard deviation, against what was reached."""
    axes = drawn.axes
    ends = [min(held.predicted.min(), held.reached.min()), max(held.predicted.max(), held.reached.max())]
    axes.plot(ends, ends, "--", color=GREY, lw=1.2, zorder=1)
    axes.errorbar(held.predicted, held.reached, xerr=held.std, fmt="o", ms=4, color=BLUE, ecolor="#bfdbfe", lw=1.2)
    axes.set_xlabel("predicted (± standard deviation)")
    axes.set_ylabel("reached")
