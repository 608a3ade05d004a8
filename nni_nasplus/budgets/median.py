"""The median stopping rule."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean, median

from nni_nasplus.errors import UserError
from nni_nasplus.search.epochs.budget import ArrivalRule, Budget
from nni_nasplus.search.history import History
from nni_nasplus.search.trial import Trial

__all__ = ["Median"]


@dataclass(frozen=True)
class Median(ArrivalRule):
    """Let a trial go on if its best so far is no worse than the median of the others' running averages.

    This is the rule of Golovin et al., *Google Vizier*, section 3.2, at rungs in place of every step: the average of
    another trial is over its rungs up to this one.

    Parameters
    ----------
    eta
        How many times as long training is from rung to rung; about half of the trials go on, whatever it is.
    smallest
        The epochs of the lowest rung, at least.
    annealed
        Whether each rung is a training of its own, whose schedule of learning rates ends there.
    startup
        How many go on from each rung before the rule is asked; 5 as in Optuna's ``MedianPruner``.

    Raises
    ------
    UserError
        If an option is out of range.
    """

    startup: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.startup < 1:
            raise UserError(f"startup is {self.startup}; use 1 or more")

    def passes(self, history: History, budget: Budget, rung: int, place: int) -> bool:
        """Whether its best is no worse than the median."""
        *others, trial = history.arrivals[rung][: place + 1]
        if len(others) < self.startup:
            return True
        bound = median(fmean(_utilities(history, other, rung)) for other in others)
        return max(_utilities(history, trial, rung)) >= bound


def _utilities(history: History, trial: Trial, rung: int) -> list[float]:
    """What a trial had reached at each rung up to this one."""
    return [
        history.utility_at(trial, epochs) for epochs in history.arrivals if epochs <= rung and epochs in trial.curve
    ]
