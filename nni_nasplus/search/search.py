"""A search: a strategy whose every step is in the archive before it is acted on."""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nni_nasplus.errors import TrialFailed
from nni_nasplus.search.journal import Journal, Trial
from nni_nasplus.search.space import Architecture
from nni_nasplus.search.strategy import SearchSpaceExhausted, Strategy

__all__ = ["CANCELLED", "INTERRUPTED", "STOPPED_EARLY", "RepeatedFailure", "Search", "repeated_failure"]

logger = logging.getLogger(__name__)

STOPPED_EARLY = "stopped early by the assessor, or over NNI's maxTrialDuration"
CANCELLED = "cancelled by the user, or ended by a signal"
INTERRUPTED = "ended from outside"
_NO_FAULT = (STOPPED_EARLY, CANCELLED)
_MOST_REJECTED = 500
_NUMBER = re.compile(r"\d+([.,]\d+)*")


class RepeatedFailure(Exception):
    """The latest trials all failed for one reason: to go on would waste time."""


def repeated_failure(archive: Journal, count: int | None) -> str | None:
    """The reason that the latest ``count`` finished trials failed for, numbers in it apart; None if there is none.

    Trials that diverge are no reason where others have succeeded: some architectures do.
    """
    latest = archive.by_time[-count:] if count else []
    if not count or len(latest) < count or any(trial.status != "failed" for trial in latest):
        return None
    reasons = {_NUMBER.sub("#", trial.reason or "") for trial in latest}
    reason = latest[-1].reason or "no reason left"
    if reason.startswith(f"{TrialFailed.__name__}:") and any(trial.status == "done" for trial in archive.trials):
        return None
    return reason if len(reasons) == 1 and reason not in _NO_FAULT else None


class Search:
    """A strategy joined to an archive: what a host adapter drives.

    The strategy's state is rebuilt from the archive. Architectures that were in flight when an earlier process
    ended are handed out again, under their old numbers, before new ones are proposed.

    Parameters
    ----------
    max_failures
        After so many failures in a row for one reason, :meth:`ask` refuses; None for no limit.
    excess
        Which limit an architecture exceeds, in words, or None; those that exceed one are never handed out.
    """

    def __init__(
        self,
        strategy: Strategy,
        archive: Journal,
        *,
        max_failures: int | None = None,
        excess: Callable[[Architecture], str | None] | None = None,
    ) -> None:
        self.strategy = strategy
        self.archive = archive
        self.max_failures = max_failures
        self.excess = excess
        self._started = len(archive.finished)
        strategy.load_state_dict(archive.state_dict())
        self._interrupted = deque(trial for trial in archive.trials if trial.status == "pending")

    def ask(self) -> Trial:
        """The next trial to run.

        Raises
        ------
        SearchSpaceExhausted
            When the strategy has nothing new, or nothing within the limits.
        RepeatedFailure
            When the latest trials all failed for one reason since this process began.
        """
        failing = repeated_failure(self.archive, self.max_failures)
        if failing and len(self.archive.finished) > self._started:
            raise RepeatedFailure(f"{self.max_failures} trials in a row failed: {failing}")
        if self._interrupted:
            return self._interrupted.popleft()
        for _ in range(_MOST_REJECTED):
            proposal = self.strategy.propose()
            excess = self.excess(proposal.architecture) if self.excess else None
            trial = self.archive.ask(proposal.architecture, proposal.origin)
            if excess is None:
                return trial
            self._reject(trial, excess)
        raise SearchSpaceExhausted(f"{_MOST_REJECTED} proposals in a row exceed the limits, the last: {excess}")

    def _reject(self, trial: Trial, excess: str) -> None:
        self.archive.tell(trial.number, None, reason=excess, rejected=True)
        self.strategy.tell(trial.architecture, None)

    def recover(self, outcome: Callable[[Trial], Mapping[str, Any] | None]) -> None:
        """Take over what interrupted trials had finished without this search hearing of it.

        Parameters
        ----------
        outcome
            The arguments of :meth:`tell` for a trial that had finished, else None.
        """
        for trial in list(self._interrupted):
            found = outcome(trial)
            if found is not None:
                self._interrupted.remove(trial)
                self.tell(trial.number, **found)

    def conclude(self, number: int, outcome: Mapping[str, Any]) -> None:
        """Take how trial ``number`` ended, as arguments of :meth:`tell`.

        One that was ended from outside (:data:`INTERRUPTED`) is handed out again, before anything new.
        """
        if outcome.get("reason") == INTERRUPTED:
            logger.warning("trial %d was ended from outside and is tried again", number)
            self._interrupted.append(self.archive.trials[number])
            return
        if outcome["score"] is None:
            logger.warning("trial %d failed: %s", number, outcome["reason"])
        self.tell(number, **outcome)

    def tell(
        self,
        number: int,
        score: float | None,
        *,
        metrics: Mapping[str, float] | None = None,
        cost: float | None = None,
        reason: str | None = None,
        teachers: Sequence[int] = (),
    ) -> None:
        """Report trial ``number``; a score of None is a failure, with its reason."""
        self.archive.tell(number, score, metrics=metrics, cost=cost, reason=reason, teachers=teachers)
        self.strategy.tell(self.archive.trials[number].architecture, score, cost=cost)

    def learn(
        self,
        architecture: Mapping[str, Any],
        score: float | None,
        *,
        metrics: Mapping[str, float] | None = None,
        cost: float | None = None,
        reason: str | None = None,
    ) -> None:
        """Take over the result of an architecture trained elsewhere, or in flight when an earlier process ended, unless
        it is known already."""
        key = self.strategy.space.key(architecture)
        for trial in self._interrupted:
            if self.strategy.space.key(trial.architecture) == key:
                self._interrupted.remove(trial)
                self.tell(trial.number, score, metrics=metrics, cost=cost, reason=reason)
                return
        if self.strategy.is_new(architecture):
            trial = self.archive.ask(self.strategy.space.validate(architecture), "imported")
            self.tell(trial.number, score, metrics=metrics, cost=cost, reason=reason)
