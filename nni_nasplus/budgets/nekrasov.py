"""Progressive early stopping by a moving average."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nni_nasplus.errors import UserError
from nni_nasplus.search.epochs.budget import ArrivalRule, Budget
from nni_nasplus.search.history import History

__all__ = ["Nekrasov"]

_DECAY = 0.99
"""Of the moving average."""


@dataclass(frozen=True)
class Nekrasov(ArrivalRule):
    """Let a trial go on if it is above a moving average a, or above a (1 − u), u uniform from 0 to δ.

    Nekrasov et al., *Fast Neural Architecture Search of Compact Semantic Segmentation Models*, section 3.2, in the form
    of their code: a has a decay of .99, and δ shrinks by the factors .9, .8, .7 and .6, one after the other, each time
    a rung has seen ``every`` more trials. They stop at one rung; here every rung has an average of its own. Where
    scores are minimised, a is negative, and the slack is u |a|.

    Parameters
    ----------
    eta
        How many times as long training is from rung to rung.
    smallest
        The epochs of the lowest rung, at least.
    annealed
        Whether each rung is a training of its own, whose schedule of learning rates ends there.
    slack
        δ in the beginning, 0 to 1; .3 in their code.
    every
        Trials between two steps of δ; 100 in their code, which trains many more of them.

    Raises
    ------
    UserError
        If an option is out of range.
    """

    slack: float = 0.3
    every: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.slack <= 1:
            raise UserError(f"slack is {self.slack:g}; use 0 to 1")
        if self.every < 1:
            raise UserError(f"every is {self.every}; use 1 or more")

    def passes(self, history: History, budget: Budget, rung: int, place: int) -> bool:
        """Whether it is above the average, or near enough below; the first one always goes on."""
        *before, value = (history.utility_at(trial, rung) for trial in history.arrivals[rung][: place + 1])
        if not before:
            return True
        average = before[0]
        for earlier in before[1:]:
            average = _DECAY * average + (1 - _DECAY) * earlier
        rng = np.random.default_rng([budget.seed, rung, place])
        return bool(value > average - rng.uniform(0.0, self._slack_after(place)) * abs(average))

    def _slack_after(self, arrived: int) -> float:
        """δ once so many trials got to a rung."""
        factors = (0.9, 0.8, 0.7, 0.6)
        return self.slack * float(np.prod(factors[: arrived // self.every]))
