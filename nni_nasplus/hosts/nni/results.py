"""The final metric that NNI was sent of a trial, in the terms of a search."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from nni_nasplus.search.history import Outcome

__all__ = ["DEFAULT", "outcome_of"]

DEFAULT = "default"
"""What NNI calls the score among a trial's metrics."""


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
