"""The trial's reporter under Optuna."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import optuna

__all__ = ["OptunaReporter"]


class OptunaReporter:
    """Reports to a trial of a study: the curve of ``default``, and every final metric as a user attribute.

    Parameters
    ----------
    output
        Where the trial's TensorBoard files and exported model go; None for nowhere.
    """

    def __init__(self, trial: optuna.Trial, output: Path | None = None) -> None:
        self.trial = trial
        self.output = output
        self._step = 0

    def intermediate(self, metrics: Mapping[str, float]) -> None:
        """Report a point of the curve and ask the pruner.

        Raises
        ------
        optuna.TrialPruned
            If the pruner says so; never with several objectives, where Optuna has no curves.
        """
        if len(self.trial.study.directions) > 1:
            return
        self._step += 1
        self.trial.report(metrics["default"], self._step)
        if self.trial.should_prune():
            raise optuna.TrialPruned(f"pruned after {self._step} epochs")

    def final(self, metrics: Mapping[str, float]) -> None:
        """Keep the metrics besides the objective, which is the trial's value."""
        for name, value in metrics.items():
            if name != "default":
                self.trial.set_user_attr(name, value)
