"""A search: a strategy whose every step is in the archive before it is acted on."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from nni_nasplus.archive import Archive, Trial
from nni_nasplus.strategy import Strategy

__all__ = ["Search"]


class Search:
    """A strategy joined to an archive: what a host adapter drives.

    The strategy's state is rebuilt from the archive. Architectures that were in flight when an earlier process
    ended are handed out again, under their old numbers, before new ones are proposed.
    """

    def __init__(self, strategy: Strategy, archive: Archive) -> None:
        self.strategy = strategy
        self.archive = archive
        strategy.load_state_dict(archive.state_dict())
        self._interrupted = deque(trial for trial in archive.trials if trial.status == "pending")

    def ask(self) -> Trial:
        """The next trial to run.

        Raises
        ------
        SearchSpaceExhausted
            When the strategy has nothing new.
        """
        if self._interrupted:
            return self._interrupted.popleft()
        proposal = self.strategy.propose()
        return self.archive.ask(proposal.architecture, proposal.origin)

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
        """Take over the result of an architecture trained elsewhere, unless it is known already."""
        if self.strategy.is_new(architecture):
            trial = self.archive.ask(self.strategy.space.validate(architecture), "imported")
            self.tell(trial.number, score, metrics=metrics, cost=cost, reason=reason)
