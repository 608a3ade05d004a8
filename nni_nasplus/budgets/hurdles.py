"""Progressive dynamic hurdles."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean

from nni_nasplus.errors import UserError
from nni_nasplus.search.epochs.budget import ArrivalRule, Budget
from nni_nasplus.search.history import History
from nni_nasplus.search.trial import Trial

__all__ = ["Hurdles"]


@dataclass(frozen=True)
class Hurdles(ArrivalRule):
    """Progressive dynamic hurdles (So, Liang and Le, *The Evolved Transformer*, section 3.3 and Algorithm 1).

    The first ``children`` trials are trained to the lowest rung, and the mean of what they reach is a hurdle there.
    Those begun later go on from it only if they are above. After as many again, the mean of what reached the second
    rung is a hurdle there, and so on: a trial of generation g, counted from 0, meets g hurdles at most. Where trials of
    an earlier generation still run, the mean is over those that had arrived.

    Parameters
    ----------
    eta
        How many times as long training is from rung to rung.
    smallest
        The epochs of the lowest rung, at least.
    annealed
        Whether each rung is a training of its own, whose schedule of learning rates ends there.
    children
        m, the size of a generation. The paper has 1,000 in a search of 15,000.

    Raises
    ------
    UserError
        If an option is out of range.
    """

    children: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.children < 1:
            raise UserError(f"children is {self.children}; use 1 or more")

    def passes(self, history: History, budget: Budget, rung: int, place: int) -> bool:
        """Whether there was a hurdle when it was begun, and it is above."""
        hurdle = budget.rungs.index(rung)
        *others, trial = history.arrivals[rung][: place + 1]
        if self._generation(history, trial) <= hurdle:
            return False
        before = [history.utility_at(other, rung) for other in others if self._generation(history, other) <= hurdle]
        return bool(before) and history.utility_at(trial, rung) > fmean(before)

    def _generation(self, history: History, trial: Trial) -> int:
        """Which generation a trial is of, from 0."""
        return history.begun_before(trial) // self.children
