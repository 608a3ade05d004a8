"""How far trials are trained: a rule pauses them at rungs, and says which go on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from nni_nasplus import registry
from nni_nasplus.errors import UserError
from nni_nasplus.search.history import History, SearchSpaceExhausted
from nni_nasplus.search.trial import Trial

__all__ = ["ArrivalRule", "Budget", "BudgetRule", "Step", "make_budget_rule"]


class Step(NamedTuple):
    """A trial that goes on, and to how many epochs."""

    trial: Trial
    epochs: int


@dataclass(frozen=True)
class Budget:
    """A rule, and what it has to share out.

    Parameters
    ----------
    rule
        Says which trials go on.
    epochs
        Those of a whole training, whose schedule of learning rates every part follows: a rung is a pause.
    trials
        How many architectures are begun at most; infinite where something else ends the search.
    seed
        Of what a rule draws.

    Raises
    ------
    UserError
        If the rule's smallest budget is more than a whole training.
    """

    rule: BudgetRule
    epochs: int
    trials: float
    seed: int = 0

    def __post_init__(self) -> None:
        smallest = self.rule.smallest
        if smallest > self.epochs:
            raise UserError(f"smallest is {smallest} and a whole training {self.epochs} epochs; use 1 to {self.epochs}")

    @property
    def rungs(self) -> list[int]:
        """The numbers of epochs that trials are paused after, ascending; the last is the whole training."""
        return self.rule.rungs(self.epochs)

    def first(self, history: History) -> int:
        """The epochs that the next new architecture is trained for at first."""
        return self.rule.first(history, self)

    def require_room(self, history: History) -> None:
        """Raise :class:`SearchSpaceExhausted` if no more architectures are to be begun."""
        if not self.has_room(history):
            raise SearchSpaceExhausted(f"all {self.trials} trials of the search have begun")

    def has_room(self, history: History) -> bool:
        """Whether more architectures are to be begun."""
        return history.begun < self.trials

    def closed(self) -> Budget:
        """The same where nothing more is begun."""
        return replace(self, trials=0)

    def step(self, history: History) -> Step | None:
        """What goes on now, if anything does.

        Once nothing more is begun and nothing runs, the best of those that came farthest goes on until one has reached
        the end, so that every search ends with a whole training.
        """
        step = self.rule.chosen(history, self)
        if step is not None or self.has_room(history) or history.pending:
            return step
        return self.finalist(history)

    def is_over(self, history: History) -> bool:
        """Whether nothing runs, goes on, or is to be begun."""
        return not (history.pending or self.has_room(history) or self.step(history))

    def finalist(self, history: History) -> Step | None:
        """The best of those that came farthest, to its next rung; None where one has reached the end, or none can."""
        if any(trial.reached >= self.epochs for trial in history.trials):
            return None
        best = next((trial for trial in history.best if trial.may_go_on(self.epochs)), None)
        if best is None:
            return None
        return Step(best, next(rung for rung in self.rungs if rung > best.reached))


@dataclass(frozen=True)
class BudgetRule(ABC):
    """Base of every rule: a frozen dataclass of its options, and :meth:`chosen`.

    What goes on is a function of the history and of what there is to share out: a rule has no state, and any journal
    restores it.

    Parameters
    ----------
    eta
        η: from one rung to the next training is so many times as long, and about one in so many trials goes on; more
        than 1. Infinite for whole trainings only.
    smallest
        The fewest epochs that any trial is trained for.
    annealed
        Whether each rung is a training of its own, from the beginning, whose learning rate is annealed to the rung's
        end, as NNI's Hyperband and BOHB have it; else a rung is a pause in one schedule.

    Raises
    ------
    UserError
        If an option is out of range.
    """

    eta: float = 3.0
    smallest: int = 1
    annealed: bool = False

    def __post_init__(self) -> None:
        if not self.eta > 1:
            raise UserError(f"eta is {self.eta:g}; use more than 1")
        if self.smallest < 1:
            raise UserError(f"smallest is {self.smallest}; use 1 or more")

    def rungs(self, epochs: int) -> list[int]:
        """R/η^s rounded, for every s that leaves at least ``smallest``, ascending; R is a whole training.

        Powers are multiplied up, for ``floor(log(243, 3))`` is 4 in floating point, and a rung would be missing.
        """
        found, power = [epochs], self.eta
        while self.smallest * power <= epochs:
            found.append(round(epochs / power))
            power *= self.eta
        return sorted(set(found))

    def first(self, history: History, budget: Budget) -> int:
        """The epochs that the next new architecture is trained for at first: those of the lowest rung."""
        return budget.rungs[0]

    @abstractmethod
    def chosen(self, history: History, budget: Budget) -> Step | None:
        """The trial that goes on before anything new is begun; None where there is none.

        Parameters
        ----------
        history
            Everything known; not to be changed. ``history.arrivals`` has who got to which rung.
        budget
            What there is to share out.
        """


class ArrivalRule(BudgetRule):
    """A rule that decides once of each trial at each rung, by what it and those before it had reached there."""

    def chosen(self, history: History, budget: Budget) -> Step | None:
        """The first that was good enough as it arrived, at the highest rung where there is one."""
        for rung, above in reversed(list(pairwise(budget.rungs))):
            for trial in self._passed(history, budget, rung):
                if trial.reached == rung and trial.may_go_on(above):
                    return Step(trial, above)
        return None

    def _passed(self, history: History, budget: Budget, rung: int) -> list[Trial]:
        """Those that :meth:`passes`, asked once of each, lets go on from a rung and that are still there."""
        known = _DECIDED.setdefault(history, {}).setdefault((self, rung), _Decided())
        arrived = history.arrivals.get(rung, [])
        new = [place for place in range(known.places, len(arrived)) if self.passes(history, budget, rung, place)]
        known.places = len(arrived)
        known.passed = [trial for trial in (*known.passed, *map(arrived.__getitem__, new)) if trial.epochs == rung]
        return known.passed

    @abstractmethod
    def passes(self, history: History, budget: Budget, rung: int, place: int) -> bool:
        """Whether a trial goes on from a rung.

        Parameters
        ----------
        rung
            In epochs.
        place
            How many had arrived there before it: ``history.arrivals[rung][place]`` is the trial.
        """


@dataclass
class _Decided:
    """Of a rung, how many were decided on, and those that passed and have not gone on yet."""

    places: int = 0
    passed: list[Trial] = field(default_factory=list)


_DECIDED: WeakKeyDictionary[History, dict[tuple[ArrivalRule, int], _Decided]] = WeakKeyDictionary()
"""By history, rule and rung: who was left behind would be looked at again at every proposal."""


def make_budget_rule(name: str, options: Mapping[str, Any]) -> BudgetRule:
    """A rule by name, with its options: numbers and texts, as they come from a command line.

    Raises
    ------
    UserError
        If there is no such rule, or it has no such option or refuses its value.
    """
    kind = registry.load("budgets", name)
    known = [field.name for field in fields(kind)]
    if unknown := [option for option in options if option not in known]:
        raise UserError(f"budget '{name}' has no option '{unknown[0]}'; its options: {', '.join(known)}")
    try:
        rule: BudgetRule = kind(**options)
    except TypeError as error:
        raise UserError(f"budget '{name}' cannot use its options {dict(options)}: {error}") from None
    return rule
