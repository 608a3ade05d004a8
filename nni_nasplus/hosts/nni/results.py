"""NNI's trial metrics in the terms of a search."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nni_nasplus.training.trial_folder import failure_reason, result_of, teachers_of

__all__ = ["outcome_in", "split_result"]


def outcome_in(folder: Path) -> dict[str, Any] | None:
    """The arguments of :meth:`nni_nasplus.Search.tell` that a trial left in its folder; None if it had not ended."""
    metrics = result_of(folder)
    if metrics is not None:
        return {**split_result(metrics), "teachers": teachers_of(folder)}
    reason = failure_reason(folder)
    return None if reason is None else {"score": None, "reason": reason}


def split_result(value: Any) -> dict[str, Any]:
    """The arguments of :meth:`nni_nasplus.Search.tell` for a final metric: a number, or a dict with ``default``."""
    metrics = dict(value) if isinstance(value, Mapping) else {"default": value}
    score = metrics.pop("default", None)
    if not isinstance(score, (int, float)) or not math.isfinite(score):
        return {"score": None, "reason": f"the trial reported {score} as its result"}
    finite = {k: v for k, v in metrics.items() if isinstance(v, (int, float)) and math.isfinite(v)}
    return {"score": float(score), "metrics": finite, "cost": finite.get("seconds")}
