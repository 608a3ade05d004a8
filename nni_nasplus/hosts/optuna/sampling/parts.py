"""A study whose trials are parts of trainings, as the history of a search with a budget.

An architecture is trained to its first rung by one trial of Optuna, and goes on in another, which has the same
parameters: a trial that has ended cannot go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, TypeAlias

from optuna.trial import FrozenTrial, TrialState

from nni_nasplus.hosts.optuna.sampling.outcomes import kept_outcome, outcome_of, rejections_of
from nni_nasplus.hosts.optuna.sampling.suggestion import EPOCHS, ORIGIN, architecture_of
from nni_nasplus.search.history import History
from nni_nasplus.search.journal import Journal
from nni_nasplus.search.search import Search
from nni_nasplus.search.space import SearchSpace
from nni_nasplus.search.trial import Outcome, Proposal

__all__ = ["RETRIES", "FollowingParts", "last_try", "parts_of", "replay_parts"]

RETRIES = 3
"""How often a trial is tried again whose worker was killed or interrupted."""


class Part(NamedTuple):
    """What was proposed, when, and once it has ended when and how."""

    proposal: Proposal
    asked: datetime
    ended: datetime | None
    outcome: Outcome | None


Event: TypeAlias = tuple[datetime, int, Part]
"""When, 0 for an end and 1 for a proposal, and of what: ends come first, for proposals of the same moment know them."""


def parts_of(trials: Sequence[FrozenTrial], space: SearchSpace) -> list[Part]:
    """All that was proposed in a study, trials that were tried again as one."""
    groups: dict[tuple[str, int | None], list[FrozenTrial]] = {}
    parts = [
        Part(rejection.proposal, rejection.when, rejection.when, rejection.outcome)
        for trial in trials
        for rejection in rejections_of(trial)
    ]
    for trial in trials:
        if (architecture := architecture_of(trial, space)) is not None:
            groups.setdefault((space.key(architecture), trial.system_attrs.get(EPOCHS)), []).append(trial)
    return [*parts, *(_part(group, space) for group in groups.values())]


def _part(group: Sequence[FrozenTrial], space: SearchSpace) -> Part:
    first, last = group[0], last_try(group)
    architecture = architecture_of(first, space)
    assert architecture is not None
    proposal = Proposal(architecture, first.system_attrs.get(ORIGIN, "enqueued"), first.system_attrs.get(EPOCHS))
    asked = first.datetime_start or datetime.min
    if last is None:
        return Part(proposal, asked, None, None)
    return Part(proposal, asked, last.datetime_complete or datetime.max, outcome_of(last))


def last_try(trials: Sequence[FrozenTrial]) -> FrozenTrial | None:
    """The trial that says how an architecture ended: a complete one if there is any, else the last; None while one
    waits, runs, or was killed and is going to wait again.
    """
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    if complete:
        return complete[0]
    last = trials[-1]
    killed = last.state == TrialState.FAIL and kept_outcome(last) is None
    if killed and len(last.system_attrs.get("retry_history", [])) < RETRIES:
        return None
    return last if all(trial.state.is_finished() for trial in trials) else None


def replay_parts(parts: Sequence[Part], record: History | Journal) -> None:
    """Record what a history or a journal does not know yet of the parts, in the order in which it happened."""
    history = record if isinstance(record, History) else record.history
    for _, is_proposal, part in sorted(_events(parts, history.space), key=lambda event: event[:2]):
        trial = history.trial_of(part.proposal.architecture)
        if is_proposal and (trial is None or trial.may_go_on(part.proposal.epochs)):
            record.ask(part.proposal)
        elif (
            not is_proposal and trial is not None and (trial.status, trial.epochs) == ("pending", part.proposal.epochs)
        ):
            assert part.outcome is not None
            record.tell(trial.number, part.outcome)


def _events(parts: Sequence[Part], space: SearchSpace) -> Iterator[Event]:
    """Proposals and ends; a trial that began while an earlier part of its training ran was proposed after its end."""
    before: dict[str, datetime] = {}
    for part in sorted(parts, key=lambda part: (part.proposal.epochs or 0, part.asked)):
        key = space.key(part.proposal.architecture)
        yield max(part.asked, before.get(key, part.asked)), 1, part
        if part.ended is not None:
            before[key] = part.ended
            yield part.ended, 0, part


class FollowingParts:
    """A search with a budget whose history is the trials of a study; it is built anew at every look.

    Parameters
    ----------
    begin
        Makes the search, its history empty.
    """

    def __init__(self, begin: Callable[[], Search]) -> None:
        self._begin = begin
        self.search = begin()

    @property
    def history(self) -> History:
        """As it is known now; :meth:`follow` makes another."""
        return self.search.history

    def follow(self, trials: Sequence[FrozenTrial]) -> None:
        """Take over the trials of a study, which come by number."""
        self.search = self._begin()
        replay_parts(parts_of(trials, self.search.space), self.history)
