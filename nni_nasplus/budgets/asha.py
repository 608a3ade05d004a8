"""Asynchronous successive halving."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from nni_nasplus.search.epochs.budget import Budget, BudgetRule, Step
from nni_nasplus.search.history import History

__all__ = ["ASHA"]


@dataclass(frozen=True)
class ASHA(BudgetRule):
    """Promote the best of each rung (Li et al., *A System for Massively Parallel Hyperparameter Tuning*, Algorithm 2).

    Whoever is free looks from the top rung down for a trial that waits among the best ⌊n/η⌋ of the n that got to its
    rung, and lets it go on to the next; where there is none, a new one begins. Nobody waits for a rung to fill. Of
    equal scores the earlier goes on.

    In the paper a rung passes on more than ⌊n/η⌋ where what arrives later is better, as it is where a strategy learns.
    Here it does not, unless ``delay`` is off: what is better waits until the rung has filled up.

    Parameters
    ----------
    eta
        η; 3 or 4 in the paper.
    smallest
        The epochs of the lowest rung, at least.
    annealed
        Whether each rung is a training of its own, whose schedule of learning rates ends there.
    delay
        Whether a rung passes on at most ⌊n/η⌋.

    Raises
    ------
    UserError
        If an option is out of range.
    """

    delay: bool = True

    def chosen(self, history: History, budget: Budget) -> Step | None:
        """The best that waits among the best ⌊n/η⌋ of the highest rung that has one."""
        for rung, above in reversed(list(pairwise(budget.rungs))):
            arrived = history.arrivals.get(rung, [])
            quota = int(len(arrived) // self.eta)
            if self.delay and sum((trial.epochs or 0) > rung for trial in arrived) >= quota:
                continue
            ranked = sorted(arrived, key=lambda trial: -history.utility_at(trial, rung))
            for trial in ranked[:quota]:
                if trial.reached == rung and trial.may_go_on(above):
                    return Step(trial, above)
        return None
