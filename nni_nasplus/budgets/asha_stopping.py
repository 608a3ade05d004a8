"""Asynchronous successive halving that decides at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nni_nasplus.search.epochs.budget import ArrivalRule, Budget
from nni_nasplus.search.history import History

__all__ = ["StoppingASHA"]


@dataclass(frozen=True)
class StoppingASHA(ArrivalRule):
    """Let a trial go on if it is in the best 1/η of what got to its rung so far, itself among it; else never.

    This is the stopping variant of Syne Tune and of Optuna's ``SuccessiveHalvingPruner``. As in Syne Tune the bound is
    the linear quantile at 1 − 1/η, and the first to arrive goes on.

    Parameters
    ----------
    eta
        η, more than 1.
    smallest
        The epochs of the lowest rung, at least.
    annealed
        Whether each rung is a training of its own, whose schedule of learning rates ends there.

    Raises
    ------
    UserError
        If an option is out of range.
    """

    def passes(self, history: History, budget: Budget, rung: int, place: int) -> bool:
        """Whether it is no worse than the quantile."""
        utilities = [history.utility_at(trial, rung) for trial in history.arrivals[rung][: place + 1]]
        return bool(utilities[-1] >= np.quantile(utilities, 1 - 1 / self.eta))
