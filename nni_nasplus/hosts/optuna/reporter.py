"""The trial's reporter under Optuna."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import optuna

from nni_nasplus._signals import held
from nni_nasplus.hosts.optuna.sampling.outcomes import keep_outcome
from nni_nasplus.search.trial import Outcome

__all__ = ["OptunaReporter"]


class OptunaReporter:
    """Reports to a trial of a study: the curve of the objective, how it ended, and every metric as a user attribute.

    Parameters
    ----------
    output
        Where the trial's TensorBoard files and exported model go; None for nowhere.
    """

    def __init__(self, trial: optuna.Trial, output: Path | None = None) -> None:
        self.trial = trial
        self.output = output
        self._step = 0

    def intermediate(self, score: float, metrics: Mapping[str, float]) -> None:
        """Report a point of the curve and ask the pruner.

        Raises
        ------
        optuna.TrialPruned
            If the pruner says so; never with several objectives, where Optuna has no curves.
        """
        with held():
            if len(self.trial.study.directions) > 1:
                return
            self._step = int(metrics.get("epoch", self._step + 1))
            self.trial.report(score, self._step)
            is_pruned = self.trial.should_prune()
        if is_pruned:
            raise optuna.TrialPruned(f"pruned after {self._step} epochs")

    def final(self, outcome: Outcome) -> None:
        """Keep how the trial ended, for the search and for people; its score becomes the trial's value by itself."""
        with held():
            keep_outcome(self.trial, outcome)
