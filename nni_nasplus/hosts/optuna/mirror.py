"""The journal of a run, kept in step with its study: what shows, exports, teaches and replays reads the journal."""

from __future__ import annotations

from datetime import datetime

import optuna
from optuna.trial import FrozenTrial

from nni_nasplus.hosts.optuna.sampling.outcomes import outcome_of, rejections_of
from nni_nasplus.hosts.optuna.sampling.parts import Timeline, last_try, replay
from nni_nasplus.hosts.optuna.sampling.suggestion import ORIGIN, architecture_of, is_half_read
from nni_nasplus.search.journal import Journal
from nni_nasplus.search.trial import Outcome, Proposal

__all__ = ["Mirror"]


class Mirror:
    """Copies what happens in a study to a journal: proposals, and how they ended.

    An architecture that is tried again, or goes on, is one trial of the journal. A failure counts once nobody tries it
    again.
    """

    def __init__(self, study: optuna.Study, journal: Journal, *, is_budgeted: bool = False) -> None:
        self._study = study
        self._journal = journal
        self._timeline = Timeline(journal.history.space) if is_budgeted else None

    def copy(self) -> None:
        """Bring the journal up to date."""
        if self._timeline is not None:
            replay(self._timeline.news(self._study.get_trials(deepcopy=False))[1], self._journal)
            return
        groups: dict[int, list[FrozenTrial]] = {}
        ends: dict[int, tuple[datetime, Outcome]] = {}
        for trial in self._study.get_trials(deepcopy=False):
            for rejection in rejections_of(trial):
                ends[self._asked(rejection.proposal)] = rejection.when, rejection.outcome
            if (proposal := self._proposal(trial)) is not None:
                groups.setdefault(self._asked(proposal), []).append(trial)
        for number, group in groups.items():
            ends.pop(number, None)
            if (last := last_try(group)) is not None:
                ends[number] = last.datetime_complete or datetime.max, outcome_of(last)
        for number in sorted(ends, key=lambda number: ends[number][0]):
            if self._journal.history.trials[number].status == "pending":
                self._journal.tell(number, ends[number][1])

    def _proposal(self, trial: FrozenTrial) -> Proposal | None:
        """What a trial trains; None while it is not known."""
        architecture = architecture_of(trial, self._journal.history.space)
        if architecture is None or is_half_read(trial):
            return None
        return Proposal(architecture, trial.system_attrs.get(ORIGIN, "enqueued"))

    def _asked(self, proposal: Proposal) -> int:
        """The number that the journal has for an architecture, from now on."""
        return (self._journal.history.trial_of(proposal.architecture) or self._journal.ask(proposal)).number
