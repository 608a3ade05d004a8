"""How long steps take."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["seconds_of"]


def seconds_of(step: Callable[[], object], times: int = 3) -> float:
    """CPU seconds: the least of some calls, after one that does not count."""
    step()
    measured = []
    for _ in range(times):
        started = time.process_time()
        step()
        measured.append(time.process_time() - started)
    return min(measured)
