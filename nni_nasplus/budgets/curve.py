"""Stopping by what a curve is predicted to come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from weakref import WeakKeyDictionary

import numpy as np
from scipy.special import ndtr

from nni_nasplus.budgets.curve_predictor import CurvePredictor
from nni_nasplus.errors import UserError
from nni_nasplus.search.epochs.budget import Budget, BudgetRule, Step
from nni_nasplus.search.history import History
from nni_nasplus.search.trial import Trial

__all__ = ["Curve"]

_LEAST = 1e-12
"""Where nothing that was held out was mispredicted, the better of two is certain."""


@dataclass(frozen=True)
class Curve(BudgetRule):
    """Pause what will hardly become the best (Baker et al., *Accelerating Neural Architecture Search using Performance
    Prediction*, arXiv 1705.10823, section 5).

    A regression for each rung learns from whole trainings, cut there, and predicts the end ŷ of what waits
    (:class:`~nni_nasplus.budgets.curve_predictor.CurvePredictor`). Its errors are taken for normal, σ being that of
    whole trainings it had not seen: the odds of beating the best y* are Φ((ŷ − y*) / σ). Where they are less than
    ``probability`` a trial waits; of the others, on the highest rung that has one, the likeliest goes on.

    Nothing waits until ``startup`` trainings are whole, nor does what is the best of its rung, whatever is predicted of
    it. Unlike in the paper nothing is decided for good: what waits may go on once more is known.

    Parameters
    ----------
    eta
        How many times as long training is from rung to rung.
    smallest
        The epochs of the lowest rung, at least.
    annealed
        Whether each rung is a training of its own, whose schedule of learning rates ends there.
    probability
        1 − Δ, 0 to 1: the paper has .05 and .01, Domhan et al. (2015) .05.
    startup
        Whole trainings before anything is predicted, 2 or more. In the paper 100, of searches of thousands.

    Raises
    ------
    UserError
        If an option is out of range.
    """

    probability: float = 0.05
    startup: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.probability <= 1:
            raise UserError(f"probability is {self.probability:g}; use 0 to 1")
        if self.startup < 2:
            raise UserError(f"startup is {self.startup}; use 2 or more")

    def chosen(self, history: History, budget: Budget) -> Step | None:
        """The likeliest to beat the best of those that wait on the highest rung where one is likely enough."""
        for rung, above in reversed(list(pairwise(budget.rungs))):
            arrived = history.arrivals.get(rung, [])
            waiting = [trial for trial in arrived if trial.reached == rung and trial.may_go_on(above)]
            if not waiting:
                continue
            odds = self.odds(history, budget, rung, waiting)
            best = max(history.utility_at(trial, rung) for trial in arrived)
            odds[[history.utility_at(trial, rung) >= best for trial in waiting]] = 1.0
            if odds.max() >= self.probability:
                return Step(waiting[int(odds.argmax())], above)
        return None

    def odds(self, history: History, budget: Budget, rung: int, trials: Sequence[Trial]) -> np.ndarray:
        """How likely trials that wait at a rung are to beat the best in the end; 1 while too few have got there.

        Returns
        -------
        float [trials], 0 to 1.
        """
        whole = [trial for trial in history.trials if trial.reached >= budget.epochs]
        if len(whole) < self.startup:
            return np.ones(len(trials))
        known = _KNOWN.setdefault(history, {})
        if (self, rung) not in known or known[self, rung].learned_from != len(whole):
            known[self, rung] = _Extrapolation(history, budget, rung, whole)
        return known[self, rung].odds(history, trials)


class _Extrapolation:
    """What whole trainings say of those that wait at a rung, worked out once of each."""

    def __init__(self, history: History, budget: Budget, rung: int, whole: Sequence[Trial]) -> None:
        self._points = budget.rungs[: budget.rungs.index(rung) + 1]
        self.learned_from = len(whole)
        ends = np.array([history.utility_at(trial, budget.epochs) for trial in whole])
        self._best = ends.max()
        self._predictor = CurvePredictor(*self._seen(history, whole), ends)
        self._odds: dict[int, float] = {}

    def odds(self, history: History, trials: Sequence[Trial]) -> np.ndarray:
        """How likely each is to beat the best."""
        new = [trial for trial in trials if trial.number not in self._odds]
        if new:
            above = self._predictor.predict(*self._seen(history, new)) - self._best
            odds = ndtr(above / max(self._predictor.error, _LEAST))
            self._odds.update(zip((trial.number for trial in new), odds.tolist(), strict=True))
        return np.array([self._odds[trial.number] for trial in trials])

    def _seen(self, history: History, trials: Sequence[Trial]) -> tuple[np.ndarray, np.ndarray]:
        """Features, and the curves up to the rung; one that ended for good before stays where it was."""
        values = [
            [history.utility_at(trial, point if point in trial.curve else max(trial.curve)) for point in self._points]
            for trial in trials
        ]
        return history.space.features([trial.architecture for trial in trials]), np.array(values)


_KNOWN: WeakKeyDictionary[History, dict[tuple[Curve, int], _Extrapolation]] = WeakKeyDictionary()
"""By history, rule and rung: a fit takes some tenths of a second, and is the same until another training is whole."""
