"""The history of a search kept in step with the trials of a study, whoever ran them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from optuna.trial import FrozenTrial, TrialState

from nni_nasplus.hosts.optuna.sampling.outcomes import Rejection, outcome_of, rejections_of
from nni_nasplus.hosts.optuna.sampling.suggestion import ORIGIN, architecture_of
from nni_nasplus.search.history import History
from nni_nasplus.search.search import Search
from nni_nasplus.search.trial import Outcome, Proposal

__all__ = ["FollowingSearch"]

_RANK = {TrialState.COMPLETE: 0, TrialState.RUNNING: 1, TrialState.WAITING: 1, TrialState.PRUNED: 2, TrialState.FAIL: 3}


@dataclass
class _Entry:
    """One architecture, with every trial of it: one that was retried has several."""

    proposal: Proposal
    rejection: Rejection | None = None
    trials: dict[int, FrozenTrial] = field(default_factory=dict)

    @property
    def end(self) -> tuple[datetime, int, Outcome] | None:
        """When and how it ended, by a finished trial before one that runs, that before one that was pruned, a failed
        one last; rejected only if it has none. None while that trial runs.
        """
        if not self.trials:
            return self.rejection and (self.rejection.when, self.rejection.number, self.rejection.outcome)
        deciding = min(self.trials.values(), key=lambda trial: (_RANK[trial.state], trial.number))
        if not deciding.state.is_finished():
            return None
        return deciding.datetime_complete or datetime.min, deciding.number, _learned(deciding)


class FollowingSearch:
    """A search whose history is the trials of a study.

    A new trial is an ask and a finished one a tell; a pruned one counts with its last intermediate value. Where an
    architecture that had failed turns out to be tried again, the history is built anew.

    Parameters
    ----------
    begin
        Makes the search, its history empty.
    """

    def __init__(self, begin: Callable[[], Search]) -> None:
        self._begin = begin
        self.search = begin()
        self._entries: dict[str, _Entry] = {}
        self._told: dict[str, Outcome] = {}
        self._open: set[int] = set()
        self._known = 0

    @property
    def history(self) -> History:
        """As it is known now; :meth:`follow` may make another."""
        return self.search.history

    def follow(self, trials: Sequence[FrozenTrial]) -> None:
        """Take over what is new in the trials of a study, which come by number."""
        fresh = [trials[number] for number in sorted(self._open | set(range(self._known, len(trials))))]
        self._known = len(trials)
        touched = [key for trial in fresh for key in self._place(trial)]
        if any(key in self._told and not self._stands(key) for key in touched):
            self._begin_anew()
        else:
            self._tell(touched)

    def propose(self, proposal: Proposal) -> None:
        """Take what is about to be claimed for a trial."""
        self.history.ask(proposal)

    def _place(self, trial: FrozenTrial) -> list[str]:
        """Put a trial, and what was rejected for it, into their entries; the keys of these."""
        self._open.add(trial.number)
        if trial.state.is_finished():
            self._open.remove(trial.number)
        keys = [self._enter(rejection.proposal, rejection) for rejection in rejections_of(trial)]
        architecture = architecture_of(trial, self.search.space)
        if architecture is None:
            return keys
        key = self._enter(Proposal(architecture, trial.system_attrs.get(ORIGIN, "enqueued")))
        self._entries[key].trials[trial.number] = trial
        return [*keys, key]

    def _enter(self, proposal: Proposal, rejection: Rejection | None = None) -> str:
        """The key of what was proposed; its entry is made where there is none."""
        key = self.search.space.key(proposal.architecture)
        if key not in self._entries:
            self._entries[key] = _Entry(proposal, rejection)
            if self.history.is_new(proposal.architecture):
                self.history.ask(proposal)
        return key

    def _stands(self, key: str) -> bool:
        """Whether what the history was told of an architecture is still so."""
        end = self._entries[key].end
        return end is not None and end[2] == self._told[key]

    def _tell(self, keys: Sequence[str]) -> None:
        """Tell what has ended, in the order in which it did."""
        ended = {key: end for key in keys if key not in self._told and (end := self._entries[key].end) is not None}
        for key in sorted(ended, key=lambda key: ended[key][:2]):
            trial = self.history.trial_of(self._entries[key].proposal.architecture)
            assert trial is not None
            self._told[key] = ended[key][2]
            self.history.tell(trial.number, self._told[key])

    def _begin_anew(self) -> None:
        self.search = self._begin()
        self._told = {}
        for entry in self._entries.values():
            self.history.ask(entry.proposal)
        self._tell(list(self._entries))


def _learned(trial: FrozenTrial) -> Outcome:
    """What is learned from a finished trial: of a pruned one, what it had reached."""
    values = trial.intermediate_values
    if trial.state == TrialState.PRUNED and values and math.isfinite(values[max(values)]):
        told = outcome_of(trial)
        return Outcome(score=values[max(values)], metrics=told.metrics, cost=told.cost, epochs=max(values))
    return outcome_of(trial)
