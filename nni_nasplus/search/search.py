"""A search: asks a strategy for what to train next, is told how that ended, and goes on where it stopped."""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nni_nasplus.errors import UserError
from nni_nasplus.search.earlier import memory_of
from nni_nasplus.search.epochs.budget import Budget
from nni_nasplus.search.history import Direction, History, SearchSpaceExhausted
from nni_nasplus.search.journal import Journal
from nni_nasplus.search.memory import Memory
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.space import Architecture, SearchSpace
from nni_nasplus.search.strategy import Strategy, require_objectives
from nni_nasplus.search.time_limit import TimeIsUp, TimeLimit, seconds_of, training_seconds
from nni_nasplus.search.trial import Outcome, Proposal, Trial

__all__ = ["MOST_REJECTED", "NothingYet", "RepeatedFailure", "Search", "repeated_failure"]

logger = logging.getLogger(__name__)

MOST_REJECTED = 500
"""Proposals in a row beyond a limit before the search gives up: it then finds one in a thousand at best."""
_NUMBER = re.compile(r"\d+([.,]\d+)*")


class NothingYet(SearchSpaceExhausted):
    """There is nothing to train before something that is in training has ended: a budget waits for it."""


class RepeatedFailure(Exception):
    """The latest trials all failed for one reason: to go on would waste time."""


def repeated_failure(history: History, count: int | None) -> str | None:
    """The reason that the latest ``count`` ended trials failed for, numbers in it apart; None if there is none.

    What a person or an assessor ends is no fault. Nor are trials that diverge where others have succeeded: some
    architectures do.
    """
    latest = history.by_time[-count:] if count else []
    if not count or len(latest) < count or any(trial.status != "failed" for trial in latest):
        return None
    outcome = latest[-1].outcome
    assert outcome is not None
    if outcome.failure == "diverged" and history.best:
        return None
    reasons = {_NUMBER.sub("#", trial.reason or "") for trial in latest}
    return (outcome.reason or "no reason left") if len(reasons) == 1 and outcome.failure != "cancelled" else None


class Search:
    """What every host drives: :meth:`ask` for a trial, :meth:`tell` its outcome.

    Any number of trials may be in flight and come back in any order, and no architecture is handed out twice. With a
    journal every step is on disk before it is acted on: a search that is opened on the journal of an earlier process
    goes on as if that had never stopped. What was in flight then is handed out again, under its old number, before
    anything new.

    Parameters
    ----------
    space
        What to search.
    strategy
        What proposes.
    seed
        Equal seeds and equal histories give equal proposals.
    direction
        Whether scores are to be maximised or minimised.
    initial
        What to train first, such as what is in use already; None for the space's
        (:attr:`~nni_nasplus.search.space.SearchSpace.initial`), or for nothing where results change nothing.
    ranking
        What the strategy's presearch has found.
    earlier
        Searches to learn from, whatever their data, metric, scale or direction, of this space or one that shares most
        of its decisions; or their :class:`~nni_nasplus.search.memory.Memory`.
    journal
        Of this space and direction; without one the history is kept in memory alone.
    excess
        Which limit an architecture exceeds, in words, or None; those that exceed one are recorded as rejected, with
        that reason, and never handed out.
    max_failures
        After so many failures in a row for one reason, :meth:`ask` refuses; None for no limit.
    costs
        Metrics of an outcome that are to be small beside a good score, such as ``parameters``.
    budget
        How far trials are trained, and how many are begun; None for whole trainings, as many as anybody asks for.
    time_limit
        When the search is to end; None for whenever it does.

    Raises
    ------
    UserError
        If the strategy cannot make so many costs small, the seed is negative, the direction unknown, an initial
        architecture is not in the space, or an earlier search has no result or is of another space.

    Examples
    --------
    >>> from nni_nasplus.strategies import AgingEvolution
    >>> space = SearchSpace({"op": ["conv", "pool"]})
    >>> search = Search(space, AgingEvolution(), seed=0, direction="maximize")
    >>> trial = search.ask()
    >>> search.tell(trial, 0.91)
    """

    def __init__(
        self,
        space: SearchSpace,
        strategy: Strategy,
        *,
        seed: int = 0,
        direction: Direction = "maximize",
        initial: Sequence[Mapping[str, Any]] | None = None,
        ranking: Ranking | None = None,
        earlier: Sequence[History] | Memory = (),
        journal: Journal | None = None,
        excess: Callable[[Architecture], str | None] | None = None,
        max_failures: int | None = None,
        costs: Sequence[str] = (),
        budget: Budget | None = None,
        time_limit: TimeLimit | None = None,
    ) -> None:
        if seed < 0:
            raise UserError(f"seed is {seed}; use 0 or more")
        require_objectives(strategy, costs)
        self.space = space
        self.strategy = strategy
        self.seed = seed
        self.excess = excess
        self.max_failures = max_failures
        self.budget = budget
        self.time_limit = time_limit
        self.history = History(space, direction) if journal is None else journal.history
        self.history.initial = [space.validate(one) for one in _initial(space, strategy, initial)]
        self.history.is_budgeted = budget is not None
        self.history.ranking = ranking
        self.history.memory = _memory(earlier, space)
        self.history.costs = tuple(costs)
        self.journal = journal
        self._record: History | Journal = journal or self.history
        self._ended_before = len(self.history.finished)
        self._interrupted = deque(trial for trial in self.history.trials if trial.status == "pending")

    def ask(self) -> Trial:
        """The next trial to run.

        Raises
        ------
        SearchSpaceExhausted
            When the strategy has nothing new, or nothing within the limits, and nothing goes on; as
            :class:`~nni_nasplus.search.time_limit.TimeIsUp` when another training would end too late.
        NothingYet
            When there may be more once what is in training has ended.
        RepeatedFailure
            When the latest trials all failed for one reason since this process began.
        """
        failing = repeated_failure(self.history, self.max_failures)
        if failing and len(self.history.finished) > self._ended_before:
            raise RepeatedFailure(f"{self.max_failures} trials in a row failed: {failing}")
        if self._interrupted:
            self._require_time()
            return self._interrupted.popleft()
        for _ in range(MOST_REJECTED):
            proposal = self.propose()
            is_known = not self.history.is_new(proposal.architecture)
            trial = self._record.ask(proposal)
            excess = self.excess(trial.architecture) if self.excess and not is_known else None
            if excess is None:
                return trial
            self._record.tell(trial.number, Outcome(failure="rejected", reason=excess))
        raise SearchSpaceExhausted(f"{MOST_REJECTED} proposals in a row exceed the limits, the last: {excess}")

    def propose(self, draw: int | None = None) -> Proposal:
        """What would be handed out next, were nothing in flight left over; nothing is recorded.

        Parameters
        ----------
        draw
            What the randomness is drawn from beside the seed, by default how many were proposed before. Processes that
            share a history need different ones.

        Raises
        ------
        SearchSpaceExhausted
            When the strategy has nothing new, and nothing goes on.
        NothingYet
            When there may be more once what is in training has ended.
        """
        self._require_time()
        if self.budget is None:
            return self._new(draw)
        proposal = self._going_on(self.budget) or self._begun(self.budget, draw)
        return self._in_time(proposal, self.budget)

    def _require_time(self) -> None:
        """Raise :class:`TimeIsUp` if a whole training would end too late; of parts their lengths decide.

        The first begins in any case: a search that has trained nothing has no use.
        """
        if self.time_limit is not None and self.budget is None and self.history.begun:
            self.time_limit.require(training_seconds(self.history))

    def _in_time(self, proposal: Proposal, budget: Budget) -> Proposal:
        """A proposal that ends in time; where it does not, what ends the search with a whole training."""
        if (
            self.time_limit is None
            or not self.history.begun
            or self.time_limit.allows(seconds_of(proposal, self.history, budget))
        ):
            return proposal
        if self.history.pending:
            raise NothingYet("the time of the search is up; what goes on is open")
        if (last := budget.finalist(self.history)) is None:
            raise TimeIsUp("another part of a training would end after the time of the search")
        return Proposal(last.trial.architecture, last.trial.origin, last.epochs)

    def _going_on(self, budget: Budget) -> Proposal | None:
        """What the budget lets go on."""
        step = budget.step(self.history)
        return step and Proposal(step.trial.architecture, step.trial.origin, step.epochs)

    def _begun(self, budget: Budget, draw: int | None) -> Proposal:
        """What is begun, to as many epochs as the budget says; where nothing is new, what goes on because of that."""
        try:
            budget.require_room(self.history)
            return self._new(draw)._replace(epochs=budget.first(self.history))
        except SearchSpaceExhausted as exhausted:
            proposal = self._going_on(budget.closed())
            if proposal is not None:
                return proposal
            if self.history.pending:
                raise NothingYet(f"{exhausted}; what goes on is open") from None
            raise

    def _new(self, draw: int | None) -> Proposal:
        """What is trained next of all that was never proposed."""
        for architecture in self.history.initial:
            if self.history.is_new(architecture):
                return Proposal(architecture, "initial")
        self.history.require_room()
        rng = np.random.default_rng([self.seed, self.history.asked if draw is None else draw])
        return self.strategy.propose(self.history, rng)

    def tell(self, trial: Trial | int, result: Outcome | float | None) -> None:
        """Take how a trial ended.

        Parameters
        ----------
        trial
            One that :meth:`ask` gave, or its number.
        result
            A score, None for a failure, or all that is known. One that was interrupted is handed out again, before
            anything new.

        Raises
        ------
        ValueError
            If the score is NaN or infinite, or the trial is unknown or has ended.
        UserError
            If the disk is full; the journal keeps what it had.
        """
        number, outcome = trial.number if isinstance(trial, Trial) else trial, Outcome.of(result)
        if outcome.failure == "interrupted":
            logger.warning("trial %d was ended from outside and is tried again", number)
            self._interrupted.append(self.history.trials[number])
            return
        if outcome.failure is not None:
            logger.warning("trial %d failed: %s", number, outcome.reason)
        self._record.tell(number, outcome)

    def report(self, trial: Trial | int, epochs: int, score: float) -> None:
        """Take what a running trial has reached after so many epochs: a point of its curve."""
        self._record.report(trial.number if isinstance(trial, Trial) else trial, epochs, score)

    def recover(self, outcome: Callable[[Trial], Outcome | None]) -> None:
        """Take over what interrupted trials had finished without this search hearing of it.

        Parameters
        ----------
        outcome
            How a trial had ended, or None.
        """
        for trial in list(self._interrupted):
            found = outcome(trial)
            if found is not None:
                self._interrupted.remove(trial)
                self.tell(trial, found)

    def learn(self, architecture: Mapping[str, Any], result: Outcome | float | None) -> None:
        """Take over the result of an architecture trained elsewhere, or in flight when an earlier process ended, unless
        it is known already: so is that of a part of a training which is to go on."""
        known, outcome = self.history.trial_of(architecture), Outcome.of(result)
        if known is not None and known in self._interrupted and not outcome.is_before(known.epochs):
            self._interrupted.remove(known)
            self.tell(known, outcome)
        elif known is None:
            trial = self._record.ask(Proposal(self.space.validate(architecture), "imported"))
            self.tell(trial, outcome)


def _memory(earlier: Sequence[History] | Memory, space: SearchSpace) -> Memory | None:
    if isinstance(earlier, Memory):
        return earlier.carried(space)
    return memory_of({f"earlier {i}": one for i, one in enumerate(earlier, 1)}, space) if earlier else None


def _initial(
    space: SearchSpace, strategy: Strategy, given: Sequence[Mapping[str, Any]] | None
) -> Sequence[Mapping[str, Any]]:
    if given is not None:
        return given
    return space.initial if strategy.learns else ()
