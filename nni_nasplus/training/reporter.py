"""What a trial tells its host."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from nni_nasplus.errors import TrialFailed
from nni_nasplus.search.history import Outcome

__all__ = ["LogReporter", "Reporter", "require_finite"]

logger = logging.getLogger(__name__)


class Reporter(Protocol):
    """The host's side of a trial."""

    @property
    def output(self) -> Path | None:
        """Where the host looks for the trial's TensorBoard files and exported model; None for nowhere."""

    def intermediate(self, score: float, metrics: Mapping[str, float]) -> None:
        """Report what has been reached so far: the objective, and whatever else is known."""

    def final(self, outcome: Outcome) -> None:
        """Report how it ended, once."""


class LogReporter:
    """Reports to the Python log where there is no host."""

    output: Path | None = None

    def intermediate(self, score: float, metrics: Mapping[str, float]) -> None:
        """Log at debug level."""
        logger.debug("intermediate %s %s", score, dict(metrics))

    def final(self, outcome: Outcome) -> None:
        """Log at info level."""
        logger.info("final %s", outcome)


def require_finite(metrics: Mapping[str, float], when: str) -> None:
    """Raise :class:`TrialFailed` naming the first NaN or infinite metric."""
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise TrialFailed(f"{name} is {value} {when}: training diverged")
