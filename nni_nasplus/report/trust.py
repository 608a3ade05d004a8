"""How far performance predictors can be trusted on this search: what they predict of trials that they have not seen."""

from __future__ import annotations

from typing import Any

from nni_nasplus import registry
from nni_nasplus.errors import UserError
from nni_nasplus.predictors.assessment import HeldBack, assess, cross_validated
from nni_nasplus.report.charts import BLUE, GREY, Chart, chart
from nni_nasplus.report.findings import Findings

__all__ = ["trust"]

_DEFAULT = "gp"
"""The predictor of strategies that name none."""


def trust(findings: Findings) -> dict[str, Any] | None:
    """Of the search's own predictor predicted and reached scores; of each that the result assesses the figures.

    None where too few trials have succeeded.
    """
    options = findings.run.settings.strategy_options
    name = options.get("predictor", _DEFAULT)
    name = name if name in registry.available("predictors") else _DEFAULT
    try:
        held = cross_validated(name, findings.history.space, findings.history.observations)
    except UserError:
        return None
    with chart(f"Scores that {name} predicts, and those reached", width=4.2, height=3.6) as drawn:
        _draw(drawn, held)
    known = (findings.result or {}).get("predictors") or {name: vars(assess_of(findings, name))}
    return {"chart": drawn.markup, "name": name, "trials": len(held.reached), "rows": sorted(known.items())}


def assess_of(findings: Findings, name: str) -> Any:
    """The figures of one predictor, where no result has them."""
    return assess(name, findings.history.space, findings.history.observations)


def _draw(drawn: Chart, held: HeldBack) -> None:
    axes = drawn.axes
    ends = [min(held.predicted.min(), held.reached.min()), max(held.predicted.max(), held.reached.max())]
    axes.plot(ends, ends, "--", color=GREY, lw=1.2, zorder=1)
    axes.errorbar(held.predicted, held.reached, xerr=held.std, fmt="o", ms=4, color=BLUE, ecolor="#bfdbfe", lw=1.2)
    axes.set_xlabel("predicted (± standard deviation)")
    axes.set_ylabel("reached")
