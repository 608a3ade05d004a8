"""Hyperband."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from nni_nasplus.search.epochs.budget import Budget, BudgetRule, Step
from nni_nasplus.search.history import History
from nni_nasplus.search.trial import Trial

__all__ = ["Hyperband"]


@dataclass(frozen=True)
class Hyperband(BudgetRule):
    """Halve successively in brackets that begin at every rung in turn (Li et al., *Hyperband*, Algorithm 1).

    Bracket s = s_max, …, 0 begins n = ⌈(s_max + 1) η^s / (s + 1)⌉ architectures at R/η^s epochs: 81, 34, 15, 8 and 5
    where R is 81 and η 3. After the last bracket the first comes again. Once all of a bracket have ended at a rung, the
    best ⌊n/η⌋ of them go on together. Nobody waits meanwhile: the next bracket begins. Where the trials of a search end
    in the middle of a bracket, it goes on with those it has.

    Parameters
    ----------
    eta
        η; 3 in the paper.
    smallest
        The epochs of the lowest rung, at least.
    annealed
        Whether each rung is a training of its own, whose schedule of learning rates ends there.

    Raises
    ------
    UserError
        If an option is out of range.
    """

    def sizes(self, rungs: Sequence[int]) -> list[int]:
        """How many architectures each bracket begins, that of the lowest rung first."""
        top = len(rungs) - 1
        return [math.ceil((top + 1) * self.eta**s / (s + 1)) for s in range(top, -1, -1)]

    def first(self, history: History, budget: Budget) -> int:
        """The epochs that the bracket of the next architecture begins with."""
        rungs = budget.rungs
        place = history.begun % sum(self.sizes(rungs))
        for rung, size in zip(rungs, self.sizes(rungs), strict=True):
            if place < size:
                return rung
            place -= size
        raise AssertionError(place)

    def chosen(self, history: History, budget: Budget) -> Step | None:
        """The best that waits at the rung of the earliest bracket that has one."""
        rungs = budget.rungs
        places = {
            rung: {trial.number: place for place, trial in enumerate(history.arrivals.get(rung, []))} for rung in rungs
        }
        for begins, size, trials in self._brackets(history, rungs):
            if len(trials) < size and budget.has_room(history):
                return None
            quota = len(trials)
            for rung, above in pairwise(rungs[begins:]):
                quota = int(quota // self.eta)
                if any(trial.outcome is None and trial.epochs == rung for trial in trials):
                    break
                going = self._best(history, trials, rung, places[rung])[:quota]
                waiting = [trial for trial in going if trial.reached == rung and trial.may_go_on(above)]
                if waiting:
                    return Step(waiting[0], above)
        return None

    def _brackets(self, history: History, rungs: Sequence[int]) -> Iterator[tuple[int, int, list[Trial]]]:
        """The number of its first rung, the size and the trials of every bracket that has begun, in order."""
        trials = [trial for trial in history.trials if trial.status != "rejected"]
        while trials:
            for begins, size in enumerate(self.sizes(rungs)):
                if trials:
                    yield begins, size, trials[:size]
                trials = trials[size:]

    @staticmethod
    def _best(history: History, trials: Sequence[Trial], rung: int, places: Mapping[int, int]) -> list[Trial]:
        """Those that got to a rung, the best first, of equals the one that was there before; by number their places."""
        arrived = [trial for trial in trials if trial.number in places]
        return sorted(arrived, key=lambda trial: (-history.utility_at(trial, rung), places[trial.number]))
