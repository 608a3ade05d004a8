"""The test score of a network, and how far it may be from that of other examples of the same kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from nni_nasplus._files import unlink_file
from nni_nasplus.ensembles.resample import resample
from nni_nasplus.run.run import Run
from nni_nasplus.training.predictions import Predictions

__all__ = ["TESTED", "Tested", "bootstrap_interval", "tested"]

TESTED = "test.safetensors"
"""What the model that is shipped says of the test examples, in the run's directory."""

DRAWS = 200
"""Resamples: the ends of an interval are then known to about a tenth of its width."""


@dataclass(frozen=True)
class Tested:
    """The metrics on the test examples; where predictions are known, they and the objective's interval."""

    metrics: Mapping[str, float]
    interval: tuple[float, float] | None
    predictions: Predictions | None = None

    def keep(self, run: Run) -> None:
        """Leave the predictions in the run's directory; of those from before nothing is left."""
        path = run.directory / TESTED
        unlink_file(path)
        if self.predictions is None:
            path.unlink(missing_ok=True)
        else:
            self.predictions.save(path)

    def to_json(self, objective: str) -> dict[str, Any]:
        """What a card says of it."""
        return {"test": self.metrics[objective], "interval": list(self.interval or ())}


def tested(run: Run, network: nn.Module) -> Tested:
    """Test a network on the examples that the search has never seen."""
    evaluator, objective = run.evaluator, run.settings.objective
    metrics, said = evaluator.tested(network)
    if said is None or not evaluator.joins:
        return Tested(metrics, None)
    rng = np.random.default_rng(run.settings.seed)
    interval = bootstrap_interval(said, lambda p: evaluator.measure(p, (objective,))[objective], rng)
    return Tested(metrics, interval, said)


def bootstrap_interval(
    predictions: Predictions, score: Callable[[Predictions], float], rng: np.random.Generator, level: float = 0.95
) -> tuple[float, float]:
    """The percentile bootstrap interval of a score (Efron, 1979), with examples drawn with replacement.

    Of classes as many are drawn as each has.

    Parameters
    ----------
    predictions
        Of N examples.
    score
        Of predictions.
    rng
        Draws the examples.
    level
        The share of resamples within.
    """
    scores = [score(predictions.rows(resample(predictions.labels, rng))) for _ in range(DRAWS)]
    low, high = np.quantile(scores, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
