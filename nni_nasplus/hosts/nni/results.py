"""NNI's trial metrics in the terms of a search."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["split_result"]


def split_result(value: Any) -> dict[str, Any]:
    """The arguments of :meth:`nni_nasplus.Search.tell` for a final metric: a number, or a dict with ``default``."""
    metrics = dict(value) if isinstance(value, Mapping) else {"default": value}
    score = metrics.pop("default", None)
    if not isinstance(score, (int, float)) or not math.isfinite(score):
        return {"score": None, "reason": f"the trial reported {score} as its result"}
    finite = {k: v for k, v in metrics.items() if isinstance(v, (int, float)) and math.isfinite(v)}
    return {"score": float(score), "metrics": finite, "cost": finite.get("seconds")}
