"""What good architectures share: how much each choice adds to the score, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import BayesianRidge

from nni_nasplus.report.charts import BLUE, GREY, Chart, chart
from nni_nasplus.report.findings import Findings
from nni_nasplus.search.space import SearchSpace
from nni_nasplus.search.trial import Trial

__all__ = ["Effect", "decision_effects", "effects"]

FEWEST = 5
"""Scored trials: of fewer, every choice could have made the difference."""
FEW = 50
"""Below it the page says that effects are hints: one of 0.7 noises of a training is found in 16 % of searches of 30
trials, 41 % of 50 and 96 % of 150 (`benchmarks/decision_effects.py`)."""
_SHOWN = 6
"""Decisions on the page, those with the greatest effects."""
_WIDTH, _ROW, _FRAME = 3.5, 0.2, 0.6
"""In inches: of a chart of a decision, of a choice in it, and of what is below the choices."""
_NONE = 1e-3
"""Of a standard deviation of the scores: below it an effect is none."""


@dataclass(frozen=True)
class Effect:
    """Of a choice.

    Parameters
    ----------
    decision, choice
        What is chosen.
    trials
        How many of the scored trials have it.
    estimate
        How much it adds to the score, beside the mean of the choices of the decision that were tried.
    error
        The standard deviation of the estimate.
    """

    decision: str
    choice: str
    trials: int
    estimate: float
    error: float

    @property
    def stands_out(self) -> bool:
        """Whether the 95 % interval leaves out zero."""
        return abs(self.estimate) > 2 * self.error


def effects(findings: Findings) -> dict[str, Any] | None:
    """The decisions that matter most, a chart of each; None for few trials."""
    done = [trial for trial in findings.history.finished if trial.score is not None]
    if len(done) < FEWEST:
        return None
    spread = float(np.std([trial.score for trial in done if trial.score is not None]))
    found = decision_effects(findings.history.space, done)
    found = [one for one in found if max(abs(e.estimate) for e in one) > _NONE * spread][:_SHOWN]
    rows = [effect for one in found for effect in one]
    return {
        "charts": _charts(found, findings.objective) if found else [],
        "rows": rows,
        "trials": len(done),
        "few": len(done) < FEW,
        "standing": [effect for effect in rows if effect.stands_out],
        "sign": findings.sign,
        "decisions": len(findings.history.space.decisions),
    }


def decision_effects(space: SearchSpace, trials: Sequence[Trial]) -> list[list[Effect]]:
    """The effects of the choices of each decision of which two were tried, the decision with the greatest first.

    All decisions explain the scores together, by a linear model of their one-hot code with a normal prior on its
    weights, whose width and the noise are estimated from the trials (Bayesian ridge regression: MacKay, *Bayesian
    Interpolation*, 1992). Effects of few trials are therefore near zero, and their errors wide.

    Parameters
    ----------
    space
        Of the trials.
    trials
        With scores, two at the least.
    """
    scores = np.array([trial.score for trial in trials], dtype=float)
    code = np.stack([space.encode(trial.architecture) for trial in trials])
    spread = scores.std()
    if not spread:
        return []
    fitted = BayesianRidge().fit(code, (scores - scores.mean()) / spread)
    found, start = [], 0
    for name, choices in space.decisions.items():
        columns = [start + i for i in _in_order(choices) if code[:, start + i].any()]
        if len(columns) > 1:
            labels = [str(choices[column - start]) for column in columns]
            counts = code[:, columns].sum(0).astype(int).tolist()
            found.append(_contrasts(name, labels, counts, fitted, columns, spread))
        start += len(choices)
    return sorted(found, key=lambda one: -max(abs(effect.estimate) for effect in one))


def _in_order(choices: Sequence[Any]) -> list[int]:
    """The places of choices: numbers from the least on, words as they are offered."""
    are_numbers = all(isinstance(choice, int | float) for choice in choices)
    return sorted(range(len(choices)), key=lambda i: choices[i]) if are_numbers else [*range(len(choices))]


def _contrasts(
    name: str, labels: list[str], counts: list[int], fitted: BayesianRidge, columns: list[int], spread: float
) -> list[Effect]:
    """Each choice beside the mean of all of the decision's."""
    contrast = np.eye(len(columns)) - 1 / len(columns)
    estimates = spread * contrast @ fitted.coef_[columns]
    covariance = contrast @ fitted.sigma_[np.ix_(columns, columns)] @ contrast.T
    errors = spread * np.sqrt(np.maximum(np.diag(covariance), 0))
    return [
        Effect(name, label, count, float(estimate), float(error))
        for label, count, estimate, error in zip(labels, counts, estimates, errors, strict=True)
    ]


def _charts(found: list[list[Effect]], objective: str) -> list[dict[str, Any]]:
    """A chart for each decision, all on the same scale, so that they stand side by side where there is room."""
    ends = [end for one in found for e in one for end in (e.estimate - 2 * e.error, e.estimate + 2 * e.error)]
    margin = 0.04 * (max(ends) - min(ends))
    return [_chart(one, (min(ends) - margin, max(ends) + margin), objective) for one in found]


def _chart(effects: list[Effect], scale: tuple[float, float], objective: str) -> dict[str, Any]:
    name = effects[0].decision
    height = _FRAME + _ROW * len(effects)
    with chart(f"Effects of {name} with 95 % intervals", width=_WIDTH, height=height) as drawn:
        _draw(drawn, effects, objective)
        drawn.axes.set_xlim(*scale)
    return {"decision": name, "chart": drawn.markup}


def _draw(drawn: Chart, effects: list[Effect], objective: str) -> None:
    axes = drawn.axes
    for place, effect in enumerate(effects):
        colour = BLUE if effect.stands_out else GREY
        axes.errorbar(effect.estimate, place, xerr=2 * effect.error, fmt="o", ms=4, color=colour, lw=1.4)
    axes.axvline(0, color=GREY, lw=1)
    axes.set_ylim(len(effects) - 0.4, -0.6)
    axes.set_yticks(range(len(effects)), [f"{effect.choice} ({effect.trials})" for effect in effects])
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.locator_params(axis="x", nbins=5)
    axes.set_xlabel(f"adds to {objective}")
