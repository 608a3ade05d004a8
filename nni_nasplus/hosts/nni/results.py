"""What NNI is sent of a trial, and the final metric that it was sent of one, in the terms of a search."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from nni_nasplus.search.trial import Outcome, Trial

__all__ = ["BUDGET", "DEFAULT", "outcome_of", "parameters_of", "parted"]

DEFAULT = "default"
"""What NNI calls the score among a trial's metrics."""
BUDGET = "TRIAL_BUDGET"
"""The epochs that a trial is trained to; NNI's own Hyperband calls its budget so."""
_TRIAL = "TRIAL"
"""The number of the architecture's trial in the search: of two trials of NNI that share it, the one of the larger
budget goes on from the other."""


def outcome_of(metric: Any) -> Outcome:
    """The outcome that a final metric tells of: a number, or a dict with ``default``.

    NaN, infinity and what is no number are failures; of the other metrics what is finite is kept.
    """
    metrics = dict(metric) if isinstance(metric, Mapping) else {DEFAULT: metric}
    score = metrics.pop(DEFAULT, None)
    if not isinstance(score, (int, float)) or not math.isfinite(score):
        return Outcome(failure="error", reason=f"the trial reported {score} as its result")
    finite = {name: v for name, v in metrics.items() if isinstance(v, (int, float)) and math.isfinite(v)}
    return Outcome(score=float(score), metrics=finite, cost=finite.get("seconds"))


def parameters_of(trial: Trial) -> dict[str, Any]:
    """The parameters of a trial of NNI, which the web UI shows."""
    parameters: dict[str, Any] = trial.architecture
    return parameters if trial.epochs is None else {**parameters, _TRIAL: trial.number, BUDGET: trial.epochs}


def parted(parameters: Mapping[str, Any]) -> tuple[dict[str, Any], int | None]:
    """The architecture among the parameters of a trial, and the epochs that it is trained to; None for all."""
    architecture = {name: value for name, value in parameters.items() if name not in (_TRIAL, BUDGET)}
    return architecture, parameters.get(BUDGET)
