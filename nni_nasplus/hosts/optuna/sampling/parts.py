"""A study whose trials are parts of trainings, as the history of a search with a budget.

An architecture is trained to its first rung by one trial of Optuna, and goes on in another, which has the same
parameters: a trial that has ended cannot go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from optuna.trial import FrozenTrial, TrialState

from nni_nasplus.hosts.optuna.sampling.outcomes import is_paused, kept_outcome, outcome_of, rejections_of
from nni_nasplus.hosts.optuna.sampling.suggestion import EPOCHS, ORIGIN, architecture_of, is_half_read
from nni_nasplus.search.history import History
from nni_nasplus.search.journal import Journal
from nni_nasplus.search.search import Search
from nni_nasplus.search.space import SearchSpace
from nni_nasplus.search.trial import Outcome, Proposal

__all__ = ["RETRIES", "FollowingParts", "Timeline", "last_try", "parent_of", "replay"]

RETRIES = 3
"""How often a trial is tried again whose worker was killed or interrupted."""


class Part(NamedTuple):
    """What was proposed, when, and once it has ended when and how; ``key`` is that of its architecture."""

    key: str
    proposal: Proposal
    asked: datetime
    ended: datetime | None
    outcome: Outcome | None


class Event(NamedTuple):
    """A proposal, where there is no outcome, or its end.

    Of one moment ends come first (``turn`` is 0), for proposals know them, then proposals (1), and at last the ends of
    those that were rejected at once (2).
    """

    when: datetime
    turn: int
    proposal: Proposal
    outcome: Outcome | None


class Timeline:
    """What was proposed in a study and how it ended, in the order in which it happened.

    What has ended is read once, however often one looks.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self._ended: dict[int, _Read] = {}
        self._whole: dict[tuple[str, int | None], tuple[int, Part]] = {}
        self._events: list[Event] = []

    def news(self, trials: Sequence[FrozenTrial]) -> tuple[bool, list[Event]]:
        """Whether all that is new happened after what was known at the last look, and that; if not, everything.

        Parameters
        ----------
        trials
            Those of the study, by number.
        """
        known, self._events = self._events, sorted(_events(self._parts(trials)), key=lambda event: event[:2])
        goes_on = self._events[: len(known)] == known
        return goes_on, self._events[len(known) :] if goes_on else list(self._events)

    def _parts(self, trials: Sequence[FrozenTrial]) -> list[Part]:
        """All that was proposed, trials that were tried again as one."""
        parts: list[Part] = []
        groups: dict[tuple[str, int | None], list[FrozenTrial]] = {}
        for trial in trials:
            read = self._ended.get(trial.number) or self._looked_at(trial)
            parts += read.rejected
            if read.key is not None:
                groups.setdefault((read.key, trial.system_attrs.get(EPOCHS)), []).append(trial)
        return parts + [self._part(*group) for group in groups.items()]

    def _looked_at(self, trial: FrozenTrial) -> _Read:
        read = _Read.of(trial, self._space)
        if trial.state.is_finished():
            self._ended[trial.number] = read
        return read

    def _part(self, name: tuple[str, int | None], group: Sequence[FrozenTrial]) -> Part:
        count, known = self._whole.get(name, (0, None))
        if known is not None and count == len(group):
            return known
        part = _joined(name[0], group, self._space)
        if all(trial.state.is_finished() for trial in group):
            self._whole[name] = len(group), part
        return part


class _Read(NamedTuple):
    """What was rejected before a trial got its architecture, and the key of that; None while it is open."""

    rejected: Sequence[Part]
    key: str | None

    @classmethod
    def of(cls, trial: FrozenTrial, space: SearchSpace) -> _Read:
        rejected = [
            Part(space.key(one.proposal.architecture), one.proposal, one.when, one.when, one.outcome)
            for one in rejections_of(trial)
        ]
        architecture = None if is_half_read(trial) else architecture_of(trial, space)
        return cls(rejected, None if architecture is None else space.key_of(architecture))


def _joined(key: str, group: Sequence[FrozenTrial], space: SearchSpace) -> Part:
    """The trials that trained an architecture to some epochs as one part."""
    first, last = group[0], last_try(group)
    architecture = architecture_of(first, space)
    assert architecture is not None
    proposal = Proposal(architecture, first.system_attrs.get(ORIGIN, "enqueued"), first.system_attrs.get(EPOCHS))
    asked = first.datetime_start or datetime.min
    if last is None:
        return Part(key, proposal, asked, None, None)
    return Part(key, proposal, asked, last.datetime_complete or datetime.max, outcome_of(last))


def last_try(trials: Sequence[FrozenTrial]) -> FrozenTrial | None:
    """The trial that says how an architecture ended: one with a result if there is any, else the last; None while one
    waits, runs, or was killed and is going to wait again.
    """
    complete = [trial for trial in trials if _has_result(trial)]
    if complete:
        return complete[0]
    last = trials[-1]
    killed = last.state == TrialState.FAIL and kept_outcome(last) is None
    if killed and len(last.system_attrs.get("retry_history", [])) < RETRIES:
        return None
    return last if all(trial.state.is_finished() for trial in trials) else None


def parent_of(trial: FrozenTrial, trials: Sequence[FrozenTrial]) -> FrozenTrial | None:
    """The trial of a study whose training another one goes on with; None where it begins one."""
    epochs = trial.system_attrs.get(EPOCHS, 0)
    earlier = [
        one
        for one in trials
        if _has_result(one) and one.params == trial.params and one.system_attrs.get(EPOCHS, epochs) < epochs
    ]
    return max(earlier, key=lambda one: one.system_attrs[EPOCHS], default=None)


def _has_result(trial: FrozenTrial) -> bool:
    return trial.state == TrialState.COMPLETE or is_paused(trial)


def _events(parts: Sequence[Part]) -> Iterator[Event]:
    """Proposals and ends; a trial that began while an earlier part of its training ran was proposed after its end."""
    before: dict[str, datetime] = {}
    for part in sorted(parts, key=lambda part: (part.proposal.epochs or 0, part.asked)):
        yield Event(max(part.asked, before.get(part.key, part.asked)), 1, part.proposal, None)
        if part.ended is not None:
            assert part.outcome is not None
            before[part.key] = part.ended
            yield Event(part.ended, 2 * (part.outcome.failure == "rejected"), part.proposal, part.outcome)


def replay(events: Sequence[Event], record: History | Journal) -> None:
    """Record what a history or a journal does not know yet of the events."""
    history = record if isinstance(record, History) else record.history
    for event in events:
        trial = history.trial_of(event.proposal.architecture)
        if event.outcome is None:
            if trial is None or trial.may_go_on(event.proposal.epochs):
                record.ask(event.proposal)
        elif trial is not None and (trial.status, trial.epochs) == ("pending", event.proposal.epochs):
            record.tell(trial.number, event.outcome)


class FollowingParts:
    """A search with a budget whose history is the trials of a study.

    Where something turns out to have happened before what was known, the history is built anew.

    Parameters
    ----------
    begin
        Makes the search, its history empty.
    """

    def __init__(self, begin: Callable[[], Search]) -> None:
        self._begin = begin
        self.search = begin()
        self._timeline = Timeline(self.search.space)

    @property
    def history(self) -> History:
        """As it is known now; :meth:`follow` may make another."""
        return self.search.history

    def follow(self, trials: Sequence[FrozenTrial]) -> None:
        """Take over what is new in the trials of a study, which come by number."""
        goes_on, events = self._timeline.news(trials)
        if not goes_on:
            self.search = self._begin()
        replay(events, self.history)

    def propose(self, proposal: Proposal) -> None:
        """Nothing: the study is going to tell when it was proposed, and what had happened before.

        Raises
        ------
        UserError, ValueError
            As :meth:`~nni_nasplus.search.history.History.ask`.
        """
        self.history.check(proposal)
