"""How long a search may take: what is begun ends in time, by what trainings took so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean

from nni_nasplus.search.epochs.budget import Budget
from nni_nasplus.search.history import History, SearchSpaceExhausted
from nni_nasplus.search.trial import Proposal

__all__ = ["TimeIsUp", "TimeLimit", "next_seconds", "part_seconds", "seconds_of", "training_seconds"]


class TimeIsUp(SearchSpaceExhausted):
    """Another training would end after the time of the search."""


@dataclass(frozen=True)
class TimeLimit:
    """The time of a search, of which only what has begun may overdraw.

    Parameters
    ----------
    seconds
        How many in all; more than 0.
    used
        Gives the seconds that the search has run so far, breaks between a stop and a resume apart.
    """

    seconds: float
    used: Callable[[], float]

    @property
    def left(self) -> float:
        """Seconds that are left, 0 or more."""
        return max(0.0, self.seconds - self.used())

    def allows(self, seconds: float) -> bool:
        """Whether what takes about so long would end in time."""
        return self.used() + seconds <= self.seconds

    def require(self, seconds: float) -> None:
        """Raise :class:`TimeIsUp` if what takes about so long would end too late."""
        if not self.allows(seconds):
            raise TimeIsUp(f"another training would end after the {self.seconds / 60:g} minutes of the search")

    def is_over(self, history: History, budget: Budget | None) -> bool:
        """Whether nothing more can be begun; with a budget what ends the search with a whole training still may."""
        if not history.begun:
            return False
        if budget is None:
            return not self.allows(training_seconds(history))
        return not self.allows(next_seconds(history, budget)) and budget.finalist(history) is None


def training_seconds(history: History) -> float:
    """What a training that has ended with a score took, on average; 0 where none has, or nobody measured."""
    costs = [trial.cost for trial in history.trials if trial.score is not None and trial.cost is not None]
    return fmean(costs) if costs else 0.0


def part_seconds(history: History, epochs: float) -> float:
    """What so many epochs take, by all epochs that were trained so far; 0 where none were, or nobody measured."""
    known = [(trial.cost, trial.reached) for trial in history.trials if trial.score is not None and trial.epochs]
    trained = sum(reached for cost, reached in known if cost is not None)
    return epochs * sum(cost for cost, _ in known if cost is not None) / trained if trained else 0.0


def next_seconds(history: History, budget: Budget) -> float:
    """What the next part takes that the budget lets go on or begin; see :func:`seconds_of`."""
    step = budget.step(history)
    return _seconds(history, budget, *((step.trial.reached, step.epochs) if step else (0.0, budget.first(history))))


def seconds_of(proposal: Proposal, history: History, budget: Budget) -> float:
    """What a part takes, and what is left of a whole training after it where none has come to its end.

    A search with a budget ends with a whole training, for which time is set aside.
    """
    trial = history.trial_of(proposal.architecture)
    return _seconds(history, budget, trial.reached if trial else 0.0, proposal.epochs or budget.epochs)


def _seconds(history: History, budget: Budget, reached: float, epochs: int) -> float:
    farthest = max([epochs, *(min(trial.reached, budget.epochs) for trial in history.trials)])
    return part_seconds(history, epochs - reached + budget.epochs - farthest)
